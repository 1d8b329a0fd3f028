/** The run's record: what is owed is delivered as far as it goes, then the record is written and the run is over. */
import { asStationError, describe, StationError } from "../../../shared/errors.js";
import type { Verdict } from "../../ports.js";
import { bounded } from "../bounded.js";
import type { Run } from "../run.js";
import { verdictOf } from "../verdict.js";
import { flushResults } from "./check.js";

/** Writes the record within the limits and gives the verdict that holds. Never rejects. */
export async function recordStep(run: Run, verdict: Verdict): Promise<Verdict> {
  const { runs, logger, clock, profile } = run.deps;
  await run.rest();
  const limit = profile.limits.step + run.timers.flush;
  const onLimit = () => new StationError("RUN_TIMEOUT", { details: { step: "record", ms: limit } });
  const unbroken = new AbortController().signal;
  try {
    await bounded(clock, { limit, unwind: run.timers.unwind, onLimit }, unbroken, async (signal) => {
      await run.ahead.drop(run);
      // A run whose journal lacks something stays open: what it owes for that is found out by the next one on the unit.
      await run.written();
      run.record = run.recordOf(verdict, await owedBy(run, signal));
      // Where nothing was to be begun and nothing could go on, there is no run to write of.
      if (run.begun || run.request.resumeOnly !== true) await runs.finish(run.record);
    });
    return verdict;
  } catch (error) {
    logger.error("the record could not be written", { runId: run.runId, error: describe(error) });
    const failed = verdictOf(asStationError(error), "record");
    const kept = verdict.outcome === "PASS" ? failed : verdict;
    run.record = run.recordOf(kept, run.record?.owed ?? 0);
    return kept;
  }
}

async function owedBy(run: Run, signal: AbortSignal): Promise<number> {
  const { results } = run.deps;
  if (!run.begun || (await results.waiting({ runId: run.runId })) === 0) return 0;
  await flushResults(run, signal);
  return results.waiting({ runId: run.runId });
}
