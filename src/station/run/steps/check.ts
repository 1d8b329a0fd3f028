/** Before the unit is touched: inputs, the bay, an interrupted run, the servers, and what is owed to them. */
import { StationError } from "../../../shared/errors.js";
import type { InterruptedRun } from "../../ports.js";
import { type Decision, decide, questionOf } from "../decide.js";
import { checkOrders, resolveOrder } from "../inputs.js";
import { parseStep } from "../plan.js";
import { closedRecord, obstacle, todoOf } from "../resume.js";
import type { Run } from "../run.js";

/** Ends an interrupted run that will not go on. */
async function close(run: Run, interrupted: InterruptedRun, why: string): Promise<void> {
  const { runs, results, clock } = run.deps;
  const owed = await results.waiting({ runId: interrupted.header.runId });
  await runs.finish(closedRecord(interrupted, why, clock.now(), owed));
}

/** Takes the bay and ends interrupted runs that are not the one that is asked for; the newest other one may be it. */
export async function claimBay(run: Run): Promise<void> {
  const { runs, ledger, bay } = run.deps;
  run.release = await ledger.claim(bay);
  for (const interrupted of [...(await runs.interrupted(bay))].reverse()) {
    const why = run.candidate === undefined ? obstacle(interrupted, run) : "a later run went on";
    if (why === undefined) run.candidate = interrupted;
    else await close(run, interrupted, why);
  }
}

/**
 * Has somebody decide what becomes of the candidate where something has changed since it began. What is decided is done here but for the
 * beginning of a run.
 * @throws StationError RUN_UNDECIDED; RUN_INTERRUPTED where the unit is set aside
 */
export async function settleCandidate(run: Run, signal: AbortSignal): Promise<Decided | undefined> {
  const { candidate } = run;
  const question = candidate === undefined ? undefined : questionOf(run, candidate);
  if (candidate === undefined || question === undefined) return undefined;
  const { decision, kind } = await decide(run, question, signal);
  const decided = { decision, why: question.why, runId: candidate.header.runId };
  if (decision === "go-on" && kind !== undefined) run.take(kind);
  if (decision === "anew") {
    await close(run, candidate, `begun anew: ${question.why}`);
    run.candidate = undefined;
  }
  if (decision === "set-aside") {
    // The record is the unit's; this run adds nothing to it.
    await run.takeUp(candidate);
    throw new StationError("RUN_INTERRUPTED", { details: { what: `set aside: ${question.why}` } });
  }
  return decided;
}

/** A decision on an interrupted run, for the journal. */
export interface Decided {
  readonly decision: Decision;
  readonly why: string;
  /** The run that was interrupted. */
  readonly runId: string;
}

/** A fresh run with an order of its own. @throws StationError OUTBOX_FULL; as resolveOrder */
export async function beginFresh(run: Run, signal: AbortSignal): Promise<void> {
  run.reset();
  await refuseWhileFull(run, signal);
  const { profile, orders } = run.deps;
  const order = await resolveOrder(profile, run.request, orders, signal);
  checkOrders(profile, order.inputs);
  await run.begin(order);
}

/** No unit is begun whose results nobody could keep. */
async function refuseWhileFull(run: Run, signal: AbortSignal): Promise<void> {
  const { results } = run.deps;
  if ((await results.full()) === undefined) return;
  await flushResults(run, signal, "all");
  const what = await results.full();
  if (what !== undefined) throw new StationError("OUTBOX_FULL", { details: { what } });
}

export async function checkStep(run: Run, signal: AbortSignal): Promise<void> {
  const { profile, bay, secrets } = run.deps;
  if (run.candidate !== undefined) await run.takeUp(run.candidate);
  else if (run.request.resumeOnly !== true) await beginFresh(run, signal);
  else
    throw new StationError("RUN_INTERRUPTED", {
      details: { what: `no interrupted run of ${bay} is there to go on with` },
    });
  for (const key of profile.keys) if (key.secOC !== undefined) secrets(key.secOC.supplierSecret);
  await checkServers(run, signal);
  await flushResults(run, signal);
}

/** Servers that the rest of the plan needs. @throws StationError VPKI_UNREACHABLE, KMS_UNREACHABLE */
async function checkServers(run: Run, signal: AbortSignal): Promise<void> {
  const { vpki, kms } = run.deps;
  const kinds = new Set(todoOf(run.header.plan, (step) => run.isDone(step)).map((step) => parseStep(step).kind));
  const pings = [
    ...(kinds.has("cert") ? [vpki.ping(signal)] : []),
    ...(kinds.has("key") || kinds.has("sync") ? [kms.ping(signal)] : []),
  ];
  const failed = (await Promise.allSettled(pings)).find((ping) => ping.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Delivers what waits in the outbox for the KMS, or for all receivers, as far as that goes in the run's time for it. */
export async function flushResults(run: Run, signal: AbortSignal, of: "kms" | "all" = "kms"): Promise<void> {
  const time = new AbortController();
  const timer = run.deps.clock.timer(run.timers.flush, () => time.abort());
  try {
    await run.deps.results.flush(AbortSignal.any([signal, time.signal]), of);
  } finally {
    timer.cancel();
  }
}
