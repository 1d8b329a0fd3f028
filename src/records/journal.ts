/** The records of one data folder: journal, ledger and history over one store. */
import { randomUUID } from "node:crypto";
import type { Store, StoreHost } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { Listeners } from "../shared/listeners.js";
import type { RunHeader, RunLedger, RunRecord, RunStore } from "../station/ports.js";
import type { BayHolder } from "./bay-store.js";
import { createHistory, type History } from "./history.js";
import type { OwedRow } from "./outbox-store.js";
import { type Processes, systemProcesses } from "./processes.js";
import { createProfiles, type Profiles } from "./profiles.js";
import { runResult } from "./run-result.js";
import { type RecordsDefinition, recordsSource } from "./store.js";
import { createUsers, type Users } from "./users.js";
import { createYields, type Yields } from "./yield.js";

export interface RecordsOptions {
  readonly stores: StoreHost;
  /** The SQLite file; made with its folder when missing. */
  readonly file: string;
  readonly clock: Clock;
  readonly processes?: Processes;
  /** Who is told the result of every run, beside the KMS: receivers by name, and the station's own name. */
  readonly tell?: { readonly sinks: readonly string[]; readonly station: string };
}

export interface Records {
  readonly runs: RunStore;
  readonly ledger: RunLedger;
  readonly history: History;
  readonly profiles: Profiles;
  readonly users: Users;
  readonly yields: Yields;
  /** Whether a process that lives has the bay. */
  isHeld(bay: string): Promise<boolean>;
  /** Headers of the runs of all bays that began and never finished, oldest first; some may go on in another process. */
  unfinished(): Promise<readonly RunHeader[]>;
  /** The store below, for the outbox of the same folder. */
  readonly store: Store<RecordsDefinition>;
  /** Called after an entry with outbox rows is durable. */
  readonly owed: Listeners<[]>;
}

/** Opens the records of one data folder; two processes may have the same one open. @throws StationError STORE_FAILED */
export async function openRecords(options: RecordsOptions): Promise<Records> {
  const { clock } = options;
  const processes = options.processes ?? systemProcesses();
  const store = await options.stores.open(recordsSource, options.file);
  const owed = new Listeners<[]>();
  const runs: RunStore = {
    begin: (header) => store.call("begin", header),
    append: async (runId, entry, outbox = []) => {
      await store.call("append", { runId, entry, outbox, now: clock.now() });
      if (outbox.length > 0) owed.emit();
    },
    finish: async (record) => {
      const rows = resultsOf(record, options.tell);
      await store.call("finish", { record, owed: rows, now: clock.now() });
      if (rows.length > 0) owed.emit();
    },
    interrupted: (bay) => store.call("interrupted", bay),
    resume: (runId) => store.call("resume", { runId, now: clock.now() }),
  };
  const ledger: RunLedger = {
    async claim(bay) {
      const holder = { owner: randomUUID(), ...processes.self };
      // Once more where the store's thread ended under it: a claim that stayed would be that of a living process.
      const release = async () => {
        const free = () => store.call("releaseBay", { bay, owner: holder.owner });
        await free().catch(free);
      };
      let replaces: string | null = null;
      for (;;) {
        const claiming: Promise<BayHolder | null> = store.call("claimBay", { bay, holder, replaces, now: clock.now() });
        const held = await claiming.catch(async (error: unknown) => {
          await release().catch(() => undefined);
          throw error;
        });
        if (held === null) break;
        if (processes.alive(held)) {
          throw new StationError("RUN_BUSY", { details: { what: `${bay} (process ${held.pid})` } });
        }
        replaces = held.owner;
      }
      return release;
    },
    unsettled: (ecuId) => store.call("unsettled", ecuId),
    askedBefore: (of) => store.call("askedBefore", of),
    past: async (ecuId, runId) => (await store.call("unitPast", { ecuId, runId })) ?? undefined,
  };
  return {
    runs,
    ledger,
    history: createHistory(store),
    profiles: createProfiles(store, clock),
    users: createUsers(store, clock),
    yields: createYields(store),
    isHeld: async (bay) => {
      const holder = await store.call("bayHolder", bay);
      return holder !== null && processes.alive(holder);
    },
    unfinished: () => store.call("unfinished", null),
    store,
    owed,
  };
}

/** What the end of a run owes to the receivers of results. */
function resultsOf(record: RunRecord, tell: RecordsOptions["tell"]): OwedRow[] {
  // A start that the full outbox refused would fill it further.
  if (tell === undefined || record.failure?.code === "OUTBOX_FULL") return [];
  return tell.sinks.map((sink) => {
    const id = `${record.runId}:result:${sink}`;
    const ecuId = record.identity?.ecuId ?? "";
    return { id, sink, runId: record.runId, ecuId, result: runResult(record, tell.station, id) };
  });
}
