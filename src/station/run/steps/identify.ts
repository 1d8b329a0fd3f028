/** Reads who the ECU is, decides whether an interrupted run goes on with it, and refuses a wrong unit before anything is changed. */
import { evaluateExpect } from "../../../profiles/expect.js";
import { StationError } from "../../../shared/errors.js";
import type { EcuIdentity } from "../../ports.js";
import { identityFacts } from "../identity.js";
import { keyOf, parseStep } from "../plan.js";
import { closedRecord, ecuIdOf, identityOf, todoOf } from "../resume.js";
import type { Run, StepScope } from "../run.js";
import { beginFresh, flushResults } from "./check.js";
import { checkRework } from "./rework.js";

export interface Identified {
  /** Steps that are still to be done. */
  readonly todo: readonly string[];
  /** Something of an earlier run must be settled first. */
  readonly recover: boolean;
}

const EXPECTED = ["partNumber", "hwVersion", "swVersion", "systemName"] as const;

function refuseWrongUnit(run: Run, identity: EcuIdentity): void {
  const { expect } = run.deps.profile;
  const { expectedEcuId, inputs } = run.header;
  for (const name of EXPECTED) {
    if (!evaluateExpect(expect[name], identity[name])) {
      const what = `${name} is ${JSON.stringify(identity[name])}, the profile expects ${JSON.stringify(expect[name])}`;
      throw new StationError("ECU_WRONG_KIND", { details: { what } });
    }
  }
  if (expectedEcuId !== undefined && expectedEcuId !== identity.ecuId) {
    const what = `${identity.ecuId} instead of ${expectedEcuId}`;
    throw new StationError("ECU_ID_MISMATCH", { details: { what } });
  }
  if (inputs.vin !== undefined && identity.vin !== undefined && inputs.vin !== identity.vin) {
    const what = `${identity.vin} instead of ${inputs.vin}`;
    throw new StationError("ECU_VIN_MISMATCH", { details: { what } });
  }
}

/** An interrupted run whose unit this is not is over; a fresh one begins. */
async function leaveCandidate(run: Run, identity: EcuIdentity, signal: AbortSignal): Promise<void> {
  const { candidate } = run;
  if (candidate === undefined) return;
  const known = ecuIdOf(candidate);
  if (known === undefined || known === identity.ecuId) return;
  const why = `it was on unit ${known}, this is ${identity.ecuId}`;
  if (run.request.resumeOnly === true) {
    // The record is the missing unit's.
    run.identity = identityOf(candidate);
    throw new StationError("RUN_INTERRUPTED", { details: { what: why } });
  }
  const { runs, results, clock } = run.deps;
  const owed = await results.waiting({ runId: candidate.header.runId });
  const counted = { ...candidate, resumed: run.resumed };
  await runs.finish(closedRecord(counted, why, clock.now(), owed));
  for (const step of [...run.steps.keys()]) if (step !== "open") run.steps.delete(step);
  await beginFresh(run, signal);
}

/** Results of this ECU must have arrived: the KMS would authorise with a key that the ECU no longer holds. */
async function refuseWhileOwed(run: Run, identity: EcuIdentity, signal: AbortSignal): Promise<void> {
  const { results } = run.deps;
  const { ecuId } = identity;
  if ((await results.waiting({ ecuId })) > 0) await flushResults(run, signal);
  const waiting = await results.waiting({ ecuId });
  if (waiting > 0) throw new StationError("OUTBOX_PENDING", { details: { what: `${waiting} results of ${ecuId}` } });
}

export async function identifyStep(run: Run, scope: StepScope): Promise<Identified> {
  const { signal } = scope;
  const identity = await run.session.identify(signal);
  await run.written();
  run.identity = identity;
  scope.fact(identityFacts(identity));
  await leaveCandidate(run, identity, signal);
  refuseWrongUnit(run, identity);
  const rework = await checkRework(run, identity.ecuId, signal);
  if (rework !== undefined) scope.fact({ rework });
  const todo = todoOf(run.header.plan, (step) => run.isDone(step));
  if (todo.some((step) => parseStep(step).kind === "key")) await refuseWhileOwed(run, identity, signal);
  for (const step of run.header.plan) {
    const isMaster = keyOf(run.deps.profile, step)?.type === "EcuMasterKey" && parseStep(step).kind === "key";
    const reportId = isMaster && run.isDone(step) ? run.factsOf(step).reportId : undefined;
    if (typeof reportId === "string") run.authorisation = reportId;
  }
  const loads = await run.deps.ledger.unsettled(identity.ecuId);
  return { todo, recover: run.candidate !== undefined || loads.length > 0 };
}
