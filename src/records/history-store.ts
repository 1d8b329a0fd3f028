/** Store operations of the history: pages of runs, and one run with all that is known of it. */
import type { Database } from "../db/database.js";
import type { Outcome, RunHeader } from "../station/ports.js";
import { markOf } from "./history-query.js";
import { searchRuns } from "./history-search.js";
import { journalOf } from "./journal-store.js";
import { outboxOfRun } from "./outbox-store.js";
import type { HistoryPage, HistoryQuery, RecordPage, RunDetails, RunSummary } from "./types.js";
import { readUnitRecord } from "./unit-record.js";

interface StoredRun {
  run_id: string;
  bay: string;
  profile: string;
  vin: string | null;
  ecu_id: string | null;
  serial: string | null;
  started_at: number;
  finished_at: number | null;
  outcome: Outcome | null;
  code: string | null;
  resumed: number;
}

function summary(row: StoredRun): RunSummary {
  return {
    runId: row.run_id,
    bay: row.bay,
    profile: row.profile,
    vin: row.vin ?? undefined,
    ecuId: row.ecu_id ?? undefined,
    serialNumber: row.serial ?? undefined,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    outcome: row.outcome ?? undefined,
    code: row.code ?? undefined,
    resumed: row.resumed,
  };
}

const COLUMNS = [
  "bay",
  "profile",
  "vin",
  "ecu_id",
  "serial",
  "started_at",
  "finished_at",
  "outcome",
  "code",
  "resumed",
];
const SUMMARY = ["run_id", ...COLUMNS].map((column) => `run.${column}`).join(", ");

async function historyList(db: Database, query: HistoryQuery & { limit: number }): Promise<HistoryPage> {
  const rows = await searchRuns<StoredRun>(db, SUMMARY, query, { limit: query.limit + 1 });
  const runs = rows.slice(0, query.limit).map(summary);
  const last = runs.at(-1);
  return { runs, next: rows.length > runs.length && last ? markOf(last) : undefined };
}

/** Stored records that the query is about, newest first. */
async function historyRecords(db: Database, query: HistoryQuery & { limit: number }): Promise<RecordPage> {
  const rows = await searchRuns<{ run_id: string; started_at: number; record: string }>(
    db,
    "run.run_id, run.started_at, run.record",
    query,
    { limit: query.limit, more: "run.record IS NOT NULL" },
  );
  const last = rows.at(-1);
  const full = rows.length === query.limit && last !== undefined;
  return {
    records: rows.map(({ record }) => record),
    next: full ? markOf({ startedAt: last.started_at, runId: last.run_id }) : undefined,
  };
}

async function historyShow(db: Database, runId: string): Promise<RunDetails | null> {
  const row = await db.get<{ header: string; record: string | null }>(
    "SELECT header, record FROM run WHERE run_id = ?",
    runId,
  );
  if (row === undefined) return null;
  return {
    header: JSON.parse(row.header) as RunHeader,
    record: row.record === null ? undefined : readUnitRecord(row.record),
    journal: await journalOf(db, runId),
    outbox: await outboxOfRun(db, runId),
  };
}

export const historyOperations = { historyList, historyRecords, historyShow };
