/** Runs one unit through its profile, or the rest of an interrupted run on it. */
import { createActor } from "xstate";
import { describe, StationError } from "../../shared/errors.js";
import type { RunRecord } from "../ports.js";
import type { RunDeps, RunOptions, RunRequest } from "./deps.js";
import { createRunMachine, type RunWork } from "./machine.js";
import { certificateOf, keyOf, parseStep } from "./plan.js";
import { Run, type StepScope } from "./run.js";
import { certificateStep } from "./steps/certificate.js";
import { checkStep, claimBay, settleCandidate } from "./steps/check.js";
import { clockStep } from "./steps/clock.js";
import { identifyStep } from "./steps/identify.js";
import { keyStep } from "./steps/key.js";
import { lockStep } from "./steps/lock.js";
import { openStep } from "./steps/open.js";
import { powerCycleStep } from "./steps/power.js";
import { recordStep } from "./steps/record.js";
import { recoverStep } from "./steps/recover.js";
import { syncStep } from "./steps/sync.js";
import { unlockStep } from "./steps/unlock.js";
import { verifyStep } from "./steps/verify.js";
import { vinStep } from "./steps/vin.js";

export { DECISIONS, type Decision } from "./decide.js";
export type { OpenedEcu, ReworkPolicy, RunDeps, RunOptions, RunRequest, RunTimers, UnitKind } from "./deps.js";
export { planOf } from "./plan.js";
export { OUTCOMES, verdictOf } from "./verdict.js";

type PlannedStep = (run: Run, scope: StepScope) => Promise<void>;

function named<T>(found: T | undefined, step: string): T {
  if (found === undefined) throw new StationError("INTERNAL", { details: { what: `the profile has no ${step}` } });
  return found;
}

/** Steps of the plan by kind. */
const STEPS: Readonly<Record<string, PlannedStep>> = {
  vin: vinStep,
  clock: clockStep,
  cert: (run, scope) => certificateStep(run, scope, named(certificateOf(run.deps.profile, scope.step), scope.step)),
  key: (run, scope) => keyStep(run, scope, named(keyOf(run.deps.profile, scope.step), scope.step)),
  sync: (run, scope) => syncStep(run, scope, named(keyOf(run.deps.profile, scope.step), scope.step)),
  lock: lockStep,
  "power-cycle": powerCycleStep,
  verify: verifyStep,
};

/** A person who decides has the time that it takes; what comes before and after has the limit of a step. */
async function check(run: Run, signal: AbortSignal): Promise<void> {
  await run.limited("check", signal, () => claimBay(run));
  const decided = await settleCandidate(run, signal);
  await run.limited("check", signal, (own) => checkStep(run, own));
  if (decided !== undefined) await run.perform("decide", signal, async (scope) => scope.fact({ ...decided }));
}

function workOn(run: Run): RunWork {
  return {
    check: (signal) => check(run, signal),
    open: (signal) => run.perform("open", signal, (scope) => openStep(run, scope)),
    identify: (signal) => run.perform("identify", signal, (scope) => identifyStep(run, scope)),
    unlock: (signal) => run.perform("unlock", signal, (scope) => unlockStep(run, scope)),
    recover: (todo, signal) => run.perform("recover", signal, (scope) => recoverStep(run, scope, todo)),
    step: (step, signal) => run.perform(step, signal, (scope) => named(STEPS[parseStep(step).kind], step)(run, scope)),
    record: (verdict) => recordStep(run, verdict),
    teardown: () => run.teardown(),
  };
}

/**
 * Provisions one unit. Whatever happens, the session is closed, the bay is given back and a record comes out; the promise rejects only
 * for a fault of the program itself.
 */
export async function runUnit(deps: RunDeps, request: RunRequest, options: RunOptions = {}): Promise<RunRecord> {
  const { signal } = options;
  const run = new Run(deps, request, options);
  const actor = createActor(createRunMachine(workOn(run)));
  const ended = new Promise<void>((resolve, reject) => {
    actor.subscribe({ complete: resolve, error: reject });
  });
  const onAbort = () => actor.send({ type: "ABORT" });
  signal?.addEventListener("abort", onAbort, { once: true });
  actor.start();
  if (signal?.aborted) onAbort();
  try {
    await ended;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await run.teardown();
    await run.release?.().catch((error: unknown) => {
      deps.logger.error("the bay was not given back", { bay: deps.bay, error: describe(error) });
    });
  }
  if (run.record === undefined) throw new StationError("INTERNAL", { details: { what: "the run left no record" } });
  run.listeners.tell({ kind: "ended", record: run.record });
  await run.listeners.told();
  return run.record;
}
