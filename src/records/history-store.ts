/** Store operations of the history: pages of runs, and one run with all that is known of it. */
import type { Database, Value } from "../db/database.js";
import type { Outcome, RunHeader, RunRecord } from "../station/ports.js";
import { journalOf } from "./journal-store.js";
import { outboxRows } from "./outbox-store.js";
import type { HistoryPage, HistoryQuery, RunDetails, RunSummary } from "./types.js";

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

async function historyList(db: Database, query: HistoryQuery & { limit: number }): Promise<HistoryPage> {
  const where: string[] = [];
  const values: Value[] = [];
  const add = (sql: string, ...given: Value[]) => {
    where.push(sql);
    values.push(...given);
  };
  if (query.vin !== undefined) add("vin = ?", query.vin);
  if (query.ecuId !== undefined) add("ecu_id = ?", query.ecuId.toLowerCase());
  if (query.serialNumber !== undefined) add("serial = ?", query.serialNumber);
  if (query.outcome !== undefined) add("outcome = ?", query.outcome);
  if (query.from !== undefined) add("started_at >= ?", query.from);
  if (query.to !== undefined) add("started_at < ?", query.to);
  const after = /^(\d+):(.+)$/.exec(query.after ?? "");
  if (after !== null) add("(started_at, run_id) < (?, ?)", Number(after[1]), after[2] ?? "");
  const rows = await db.all<StoredRun>(
    `SELECT run_id, bay, profile, vin, ecu_id, serial, started_at, finished_at, outcome, code, resumed FROM run
     ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""} ORDER BY started_at DESC, run_id DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  );
  const runs = rows.slice(0, query.limit).map(summary);
  const last = runs.at(-1);
  return { runs, next: rows.length > runs.length && last ? `${last.startedAt}:${last.runId}` : undefined };
}

async function historyShow(db: Database, runId: string): Promise<RunDetails | null> {
  const row = await db.get<{ header: string; record: string | null }>(
    "SELECT header, record FROM run WHERE run_id = ?",
    runId,
  );
  if (row === undefined) return null;
  return {
    header: JSON.parse(row.header) as RunHeader,
    record: row.record === null ? undefined : (JSON.parse(row.record) as RunRecord),
    journal: await journalOf(db, runId),
    outbox: await outboxRows(db, { runId }),
  };
}

export const historyOperations = { historyList, historyShow };
