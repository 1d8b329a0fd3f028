/** A run with what follows it: traces closed, record signed, bay given back, old records deleted. */
import type { AppContext } from "../app.js";
import type { Records } from "../records/journal.js";
import { deleteOldRuns } from "../records/retention.js";
import { createSealer, type Sealer } from "../records/seal.js";
import { openStationKey } from "../records/sign.js";
import { describe } from "../shared/errors.js";
import type { RunRecord } from "../station/ports.js";
import type { RunDeps } from "../station/run/index.js";
import { stationKeyFile } from "./records-setting.js";
import { deleteTraces, tracesOfRun } from "./trace-files.js";
import type { TracedRunOptions } from "./traces.js";
import { bayOf, type RunParts, runOne, type UnitOrder } from "./unit-run.js";

/** Most old runs that are deleted at a start, and behind each run. */
const AT_START = 1_000;
const BEHIND_RUN = 20;

/** What a station does with records of runs that are over. */
export interface RecordKeeper {
  /** Runs one unit; the record as it was signed. */
  run(order: UnitOrder, parts: RunParts, options: TracedRunOptions | undefined): Promise<RunRecord>;
}

/** Signs what a process that is gone left unsigned, and deletes what is kept no longer. @throws StationError CONFIG_INVALID */
export async function keepRecords(context: AppContext, records: Records): Promise<RecordKeeper> {
  const { config, clock, logger, signal } = context;
  const { store } = records;
  const { folder } = config.traces;
  const sealer = await createSealer({
    store,
    key: await openStationKey(stationKeyFile(config)),
    clock,
    traces: (runId) => tracesOfRun(folder, runId),
  });
  const retention = { store, clock, retention: config.records, forget: (runId: string) => deleteTraces(folder, runId) };
  const lost = (what: string) => (error: unknown) => logger.error(what, { error: describe(error) });
  const tidy = (most: number) => deleteOldRuns(retention, signal, most).catch(lost("old records were not deleted"));
  await sealer.sealLeft((bay) => records.isHeld(bay)).catch(lost("records are not signed yet"));
  await tidy(AT_START);
  return {
    async run(order, parts, options) {
      const bay = order.bay ?? bayOf(order.link);
      const { ledger, release } = heldBay(parts.ledger);
      let signed: Awaited<ReturnType<Sealer["sealBay"]>> = [];
      let record: RunRecord;
      try {
        record = await runOne({ ...order, bay }, context, { ...parts, ledger }, options);
      } finally {
        // Nobody else may have the bay while this signs what the run left.
        if (release.length > 0) signed = (await sealer.sealBay(bay).catch(lost("records are not signed yet"))) ?? [];
        for (const give of release) await give().catch(lost(`bay ${bay} was not given back`));
      }
      await tidy(BEHIND_RUN);
      return signed.find(({ runId }) => runId === record.runId) ?? record;
    },
  };
}

/** A ledger whose bay stays held when the run is over, and what gives it back. */
function heldBay(ledger: RunDeps["ledger"]) {
  const release: (() => Promise<void>)[] = [];
  const claim: RunDeps["ledger"]["claim"] = async (bay) => {
    const give = await ledger.claim(bay);
    return async () => void release.push(give);
  };
  return { ledger: { ...ledger, claim }, release };
}
