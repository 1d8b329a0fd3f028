/** What an interrupted run's journal says, and whether the run can be taken up again. Pure. */
import { StationError } from "../../shared/errors.js";
import type { InterruptedRun, RunRecord, StepRecord } from "../ports.js";
import type { RunRequest } from "./deps.js";
import { OPENING_STEPS } from "./plan.js";
import { verdictOf } from "./verdict.js";

/** Records of the steps that are done, from the journal. */
export function stepsOf(run: InterruptedRun): StepRecord[] {
  const records = new Map<string, StepRecord>();
  const started = new Map<string, number>();
  for (const { step, event, at, data } of run.entries) {
    if (event === "started") started.set(step, at);
    if (event !== "finished") continue;
    const startedAt = started.get(step) ?? at;
    const { skipped, ...facts } = data;
    records.set(step, { step, state: skipped === true ? "skipped" : "done", startedAt, ms: at - startedAt, facts });
  }
  return [...records.values()];
}

/** EcuID that the run worked on; undefined while it had identified none. */
export function ecuIdOf(run: InterruptedRun): string | undefined {
  const found = run.entries.findLast((entry) => entry.step === "identify" && entry.event === "finished");
  const ecuId = found?.data.ecuId;
  return typeof ecuId === "string" ? ecuId : undefined;
}

/** Steps of the plan that are still to be done, without the opening ones. */
export function todoOf(plan: readonly string[], isDone: (step: string) => boolean): string[] {
  return plan.filter((step) => !OPENING_STEPS.some((opening) => opening === step) && !isDone(step));
}

/** Why the run cannot be the one that is asked for now; undefined where it can. */
export function obstacle(
  run: InterruptedRun,
  now: { readonly profileHash: string; readonly plan: readonly string[]; readonly request: RunRequest },
): string | undefined {
  const { header } = run;
  if (header.profile.hash !== now.profileHash) return "the profile is another one now";
  if (header.plan.join(" ") !== now.plan.join(" ")) return "this program plans the profile in another way";
  for (const [name, value] of Object.entries(now.request.inputs)) {
    if (header.inputs[name] !== value) return `${name} is another one now`;
  }
  const ordered = now.request.ecuId?.toLowerCase();
  const known = header.expectedEcuId ?? ecuIdOf(run);
  if (ordered !== undefined && known !== undefined && ordered !== known) return "another EcuID is ordered now";
  if (now.request.resumeOnly === true && ecuIdOf(run) === undefined) return "it had not identified its unit yet";
  return undefined;
}

/** The record of a run that will not be taken up again. */
export function closedRecord(run: InterruptedRun, why: string, finishedAt: number, owed: number): RunRecord {
  const last = run.entries.findLast((entry) => entry.event === "started")?.step ?? "open";
  return {
    schema: 1,
    runId: run.header.runId,
    header: run.header,
    identity: undefined,
    steps: stepsOf(run),
    timers: {},
    startedAt: run.header.startedAt,
    finishedAt,
    resumed: run.resumed,
    owed,
    ...verdictOf(new StationError("RUN_INTERRUPTED", { details: { what: why } }), last),
  };
}
