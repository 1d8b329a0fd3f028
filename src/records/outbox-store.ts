/** Store operations of the outbox: what waits, and what became of it. */
import { append } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import type { KmsResult } from "../station/ports.js";
import type { OutboxEntry } from "./types.js";

interface StoredRow {
  id: string;
  run_id: string;
  result: string;
  state: OutboxEntry["state"];
  attempts: number;
  next_at: number;
  last_error: string | null;
  settled_at: number | null;
}

const COLUMNS = "id, run_id, result, state, attempts, next_at, last_error, settled_at";

function outboxEntry(row: StoredRow): OutboxEntry {
  return {
    id: row.id,
    result: JSON.parse(row.result) as KmsResult,
    runId: row.run_id,
    state: row.state,
    attempts: row.attempts,
    nextAt: row.next_at,
    lastError: row.last_error ?? undefined,
    settledAt: row.settled_at ?? undefined,
  };
}

/** Rows of a run, or of a state, in the order in which they were written. */
export async function outboxRows(
  db: Database,
  where: { runId: string } | { state: OutboxEntry["state"] },
): Promise<OutboxEntry[]> {
  const [column, value] = "runId" in where ? ["run_id", where.runId] : ["state", where.state];
  const rows = await db.all<StoredRow>(`SELECT ${COLUMNS} FROM outbox WHERE ${column} = ? ORDER BY seq`, value);
  return rows.map(outboxEntry);
}

async function outboxState(db: Database, id: string): Promise<OutboxEntry | null> {
  const row = await db.get<StoredRow>(`SELECT ${COLUMNS} FROM outbox WHERE id = ?`, id);
  return row === undefined ? null : outboxEntry(row);
}

async function outboxCount(db: Database, of: { ecuId?: string; runId?: string }): Promise<number> {
  const row = await db.get<{ n: number }>(
    "SELECT count(*) AS n FROM outbox WHERE state = 'waiting' AND ecu_id = coalesce(?, ecu_id) AND run_id = coalesce(?, run_id)",
    of.ecuId ?? null,
    of.runId ?? null,
  );
  return row?.n ?? 0;
}

async function outboxDelivered(db: Database, args: { id: string; now: number }): Promise<void> {
  const row = await outboxState(db, args.id);
  // Two processes of one folder may have sent it.
  if (row === null || row.state === "delivered") return;
  await db.run(
    "UPDATE outbox SET state = 'delivered', attempts = attempts + 1, last_error = NULL, settled_at = ? WHERE id = ?",
    Math.trunc(args.now),
    args.id,
  );
  await settled(db, row, args.now, "delivered", {});
}

async function outboxQuarantined(db: Database, args: { id: string; now: number; error: string }): Promise<void> {
  const row = await outboxState(db, args.id);
  if (row?.state !== "waiting") return;
  await db.run(
    `UPDATE outbox SET state = 'quarantined', attempts = attempts + 1, last_error = ?, settled_at = ?
     WHERE id = ? AND state = 'waiting'`,
    args.error,
    Math.trunc(args.now),
    args.id,
  );
  await settled(db, row, args.now, "quarantined", { error: args.error });
}

async function settled(db: Database, row: OutboxEntry, now: number, outcome: string, more: object): Promise<void> {
  const { kind, type, keyId, ecuId, status } = row.result;
  const details = { id: row.id, kind, type, keyId, ecuId, status, attempts: row.attempts + 1, ...more };
  await append(db, { at: now, actor: "outbox", action: "report", subject: row.runId, outcome, details });
}

async function outboxPostponed(db: Database, args: { id: string; nextAt: number; error: string }): Promise<void> {
  await db.run(
    "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_at = ? WHERE id = ? AND state = 'waiting'",
    args.error,
    Math.trunc(args.nextAt),
    args.id,
  );
}

export const outboxOperations = {
  outboxRows,
  outboxState,
  outboxCount,
  outboxDelivered,
  outboxQuarantined,
  outboxPostponed,
};
