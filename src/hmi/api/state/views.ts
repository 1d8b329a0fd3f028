/** Runs, steps and verdicts as a page shows them. Pure. */
import { shownFacts } from "../../../station/facts.js";
import type { RunRecord, StepRecord, Verdict } from "../../../station/ports.js";
import { type GroupView, STEP_GROUPS, type StepGroup, type StepView, type VerdictView } from "../../contract/state.js";

/** By the kind of a step, which is its name up to the colon; all others prepare. */
const GROUPS: Readonly<Record<string, StepGroup>> = {
  open: "identify",
  identify: "identify",
  cert: "certificates",
  key: "keys",
  sync: "sync",
  lock: "lock",
  verify: "verify",
};

function groupOf(step: string): StepGroup {
  return GROUPS[step.split(":", 1)[0] ?? ""] ?? "prepare";
}

/** A step of a run that goes on, or of a record. */
interface AnyStep {
  readonly step: string;
  readonly state: StepView["state"];
  readonly startedAt?: number;
  readonly ms?: number;
  readonly facts?: StepRecord["facts"];
}

export function stepView({ step, state, startedAt, ms, facts }: AnyStep): StepView {
  return { step, state, startedAt, ms, facts: facts === undefined ? [] : shownFacts(facts) };
}

export function groupsOf(steps: readonly AnyStep[]): readonly GroupView[] {
  const views = steps.map(stepView);
  return STEP_GROUPS.map((group) => ({ group, steps: views.filter(({ step }) => groupOf(step) === group) })).filter(
    (group) => group.steps.length > 0,
  );
}

export function failureView(failure: NonNullable<Verdict["failure"]>): NonNullable<VerdictView["failure"]> {
  const { code, step, retryable, text } = failure;
  return { code, step, retryable, text };
}

export function verdictOfRecord(record: RunRecord): VerdictView {
  const { outcome, failure, header, identity, finishedAt, startedAt, owed } = record;
  return {
    outcome,
    runId: header.runId,
    vin: header.inputs.vin ?? identity?.vin,
    ecuId: identity?.ecuId,
    at: finishedAt,
    ms: finishedAt - startedAt,
    owed,
    ...(failure === undefined ? {} : { failure: failureView(failure) }),
  };
}
