/** Before the unit is touched: inputs, the bay, an interrupted run, the servers, and what is owed to them. */
import { StationError } from "../../../shared/errors.js";
import { checkOrders, resolveOrder } from "../inputs.js";
import { parseStep, planOf } from "../plan.js";
import { closedRecord, obstacle, todoOf } from "../resume.js";
import type { Run } from "../run.js";

/** Ends interrupted runs that cannot go on; keeps the newest that can as the run's candidate. */
async function findCandidate(run: Run): Promise<void> {
  const { runs, bay, profile, profileHash, results, clock } = run.deps;
  const plan = planOf(profile);
  let newer = false;
  for (const interrupted of [...(await runs.interrupted(bay))].reverse()) {
    const why = newer ? "a later run went on" : obstacle(interrupted, { profileHash, plan, request: run.request });
    if (why === undefined) {
      run.candidate = interrupted;
      newer = true;
      continue;
    }
    const owed = await results.waiting({ runId: interrupted.header.runId });
    await runs.finish(closedRecord(interrupted, why, clock.now(), owed));
  }
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
  await flushResults(run, signal);
  const what = await results.full();
  if (what !== undefined) throw new StationError("OUTBOX_FULL", { details: { what } });
}

export async function checkStep(run: Run, signal: AbortSignal): Promise<void> {
  const { profile, ledger, bay, secrets } = run.deps;
  run.release = await ledger.claim(bay);
  await findCandidate(run);
  if (run.candidate !== undefined) await run.takeUp(run.candidate);
  else if (run.request.resumeOnly !== true) await beginFresh(run, signal);
  else throw new StationError("RUN_INTERRUPTED", { details: { what: `nothing on ${bay} can go on` } });
  for (const key of profile.keys) if (key.secOC !== undefined) secrets(key.secOC.supplierSecret);
  await checkServers(run, signal);
  await flushResults(run, signal);
}

/** Servers that the rest of the plan needs. @throws StationError VPKI_UNREACHABLE, KMS_UNREACHABLE */
async function checkServers(run: Run, signal: AbortSignal): Promise<void> {
  const { vpki, kms } = run.deps;
  const kinds = new Set(todoOf(run.header.plan, (step) => run.isDone(step)).map((step) => parseStep(step).kind));
  if (kinds.has("cert")) await vpki.ping(signal);
  if (kinds.has("key") || kinds.has("sync")) await kms.ping(signal);
}

/** Delivers what waits in the outbox, as far as that goes in the run's time for it. */
export async function flushResults(run: Run, signal: AbortSignal): Promise<void> {
  const time = new AbortController();
  const timer = run.deps.clock.timer(run.timers.flush, () => time.abort());
  try {
    await run.deps.results.flush(AbortSignal.any([signal, time.signal]));
  } finally {
    timer.cancel();
  }
}
