/** What a run looks like while it goes on: its plan, each step with its times and facts, and its end. Pure. */
import type { RunEvent, RunHeader, RunRecord, StepRecord } from "../ports.js";

export interface LiveStep {
  readonly step: string;
  readonly state: "waiting" | "running" | StepRecord["state"];
  /** ms since the epoch; undefined while it waits. */
  readonly startedAt?: number;
  /** ms; undefined until it ended. */
  readonly ms?: number;
  readonly facts?: StepRecord["facts"];
}

export interface LiveRun {
  /** Undefined until the journal knows the run. */
  readonly header?: RunHeader;
  readonly resumed: boolean;
  /** Steps that began, in their order, then those of the plan that wait. */
  readonly steps: readonly LiveStep[];
  /** Undefined while the run goes on. */
  readonly record?: RunRecord;
}

export const NO_RUN_YET: LiveRun = { resumed: false, steps: [] };

/** The run after one of its events. */
export function afterEvent(run: LiveRun, event: RunEvent): LiveRun {
  switch (event.kind) {
    case "begun": {
      const begun = run.steps.filter(({ state }) => state !== "waiting");
      return {
        ...run,
        header: event.header,
        resumed: event.resumed,
        steps: [...begun, ...waiting(event.header, begun)],
      };
    }
    case "step-started":
      return { ...run, steps: replaced(run.steps, { step: event.step, state: "running", startedAt: event.at }) };
    case "step-finished": {
      const { step, state, startedAt, ms, facts } = event.record;
      return { ...run, steps: replaced(run.steps, { step, state, startedAt, ms, facts }) };
    }
    case "ended":
      return { ...run, header: event.record.header, record: event.record };
  }
}

/** A run that has ended, as its record has it. */
export function liveRunOf(record: RunRecord): LiveRun {
  const { header, steps, resumed } = record;
  return { header, resumed: resumed > 0, steps, record };
}

function waiting(header: RunHeader, begun: readonly LiveStep[]): readonly LiveStep[] {
  return header.plan
    .filter((step) => !begun.some((known) => known.step === step))
    .map((step) => ({ step, state: "waiting" }));
}

/** A step that the plan does not name comes before the first one that waits. */
function replaced(steps: readonly LiveStep[], next: LiveStep): readonly LiveStep[] {
  if (steps.some(({ step }) => step === next.step)) return steps.map((one) => (one.step === next.step ? next : one));
  const first = steps.findIndex(({ state }) => state === "waiting");
  return first < 0 ? [...steps, next] : [...steps.slice(0, first), next, ...steps.slice(first)];
}
