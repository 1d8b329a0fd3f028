/** The read side of the records: what happened to which unit. */
import type { Store } from "../db/store.js";
import type { RecordsDefinition } from "./store.js";
import type { HistoryPage, HistoryQuery, OutboxEntry, RecordPage, RunDetails } from "./types.js";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** Records that are read at once: some hundred kilobytes. */
const RECORDS = 50;

export interface History {
  /** Runs, newest first, finished or not. */
  list(query?: HistoryQuery): Promise<HistoryPage>;
  /** A page of records of runs that are over, as they are stored, newest first. */
  records(query: HistoryQuery): Promise<RecordPage>;
  /** One run with its journal and results; undefined where there is none of that id. */
  show(runId: string): Promise<RunDetails | undefined>;
  /** Results that wait for their server, and those that it refused, oldest first. */
  unsettled(): Promise<{ readonly waiting: readonly OutboxEntry[]; readonly quarantined: readonly OutboxEntry[] }>;
}

export function createHistory(store: Store<RecordsDefinition>): History {
  return {
    list: (query = {}) => {
      const limit = Math.min(MAX_LIMIT, Math.max(1, Math.trunc(query.limit ?? DEFAULT_LIMIT)));
      return store.call("historyList", { ...query, limit });
    },
    records: (query) => store.call("historyRecords", { ...query, limit: RECORDS }),
    show: async (runId) => (await store.call("historyShow", runId)) ?? undefined,
    unsettled: async () => {
      const rows = await store.call("outboxUnsettled", null);
      const of = (state: OutboxEntry["state"]) => rows.filter((row) => row.state === state);
      return { waiting: of("waiting"), quarantined: of("quarantined") };
    },
  };
}
