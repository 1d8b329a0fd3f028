/** Signs the records of runs that are over, once their traces are closed. */
import type { Store } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import { canonicalJson } from "./canonical.js";
import type { UnsealedRun } from "./seal-store.js";
import type { StationKey } from "./sign.js";
import type { RecordsDefinition } from "./store.js";
import { readUnitRecord, type TraceEntry, type UnitRecord } from "./unit-record.js";

export interface SealerOptions {
  readonly store: Store<RecordsDefinition>;
  readonly key: StationKey;
  readonly clock: Clock;
  /** The files that were kept of a run, closed. */
  readonly traces: (runId: string) => Promise<readonly TraceEntry[]>;
}

export interface Sealer {
  /** Signs what waits of a bay that the caller holds; the records. */
  sealBay(bay: string): Promise<readonly UnitRecord[]>;
  /** Signs what a process that is gone left, on all bays but those that `isHeld` names. */
  sealLeft(isHeld: (bay: string) => Promise<boolean>): Promise<void>;
}

/** Opens the sealer; the audit log knows its key from then on. */
export async function createSealer({ store, key, clock, traces }: SealerOptions): Promise<Sealer> {
  await store.call("noteKey", { key: key.id, spki: key.spki, now: clock.now() });
  const sealOne = async (run: UnsealedRun): Promise<UnitRecord> => {
    const files = await traces(run.runId);
    const record = key.sign({ ...readUnitRecord(run.record), traces: files });
    await store.call("seal", { run, text: canonicalJson(record), key: key.id, traces: files, now: clock.now() });
    return record;
  };
  return {
    async sealBay(bay) {
      const records: UnitRecord[] = [];
      for (const run of await store.call("unsealed", bay)) records.push(await sealOne(run));
      return records;
    },
    async sealLeft(isHeld) {
      for (const run of await store.call("unsealed", null)) if (!(await isHeld(run.bay))) await sealOne(run);
    },
  };
}
