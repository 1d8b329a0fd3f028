/** Store operations of the outbox: what waits for which receiver, and what became of it. */
import { append } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import type { OutboxRow } from "../station/ports.js";
import { KMS, type OutboxEntry, type OutboxLoad, type WaitingRow } from "./types.js";

interface StoredRow {
  id: string;
  run_id: string;
  sink: string;
  ecu_id: string;
  result: string;
  state: OutboxEntry["state"];
  attempts: number;
  at: number;
  next_at: number;
  last_error: string | null;
  settled_at: number | null;
  reason: string | null;
}

const COLUMNS = "id, run_id, sink, ecu_id, result, state, attempts, at, next_at, last_error, settled_at, reason";
/** What takes room: results that are neither delivered nor waived. The schema indexes them by this very text. */
const UNSETTLED = "state IN ('waiting', 'quarantined')";

function outboxEntry(row: StoredRow): OutboxEntry {
  return {
    id: row.id,
    sink: row.sink,
    ecuId: row.ecu_id,
    result: JSON.parse(row.result) as OutboxEntry["result"],
    runId: row.run_id,
    state: row.state,
    attempts: row.attempts,
    at: row.at,
    nextAt: row.next_at,
    lastError: row.last_error ?? undefined,
    settledAt: row.settled_at ?? undefined,
    reason: row.reason ?? undefined,
  };
}

/** A row of the outbox as the transaction of its run writes it. */
export interface OwedRow {
  readonly id: string;
  readonly sink: string;
  readonly runId: string;
  /** Empty where the unit was not identified. */
  readonly ecuId: string;
  readonly result: object;
}

/** Adds what a run owes to a receiver. */
export async function owe(db: Database, row: OwedRow, now: number): Promise<void> {
  await db.run(
    "INSERT INTO outbox (id, run_id, sink, ecu_id, result, at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    row.id,
    row.runId,
    row.sink,
    row.ecuId,
    JSON.stringify(row.result),
    Math.trunc(now),
    Math.trunc(now),
  );
}

/** A result for the KMS as a row. */
export function kmsRow(runId: string, { id, result }: OutboxRow): OwedRow {
  return { id, sink: KMS, runId, ecuId: result.ecuId, result };
}

/** Rows of a run, in the order in which they were written. */
export async function outboxOfRun(db: Database, runId: string): Promise<OutboxEntry[]> {
  const rows = await db.all<StoredRow>(`SELECT ${COLUMNS} FROM outbox WHERE run_id = ? ORDER BY seq`, runId);
  return rows.map(outboxEntry);
}

/** All that is neither delivered nor waived, oldest first. */
async function outboxUnsettled(db: Database, _: null): Promise<OutboxEntry[]> {
  // By its index, and not in the order of the table through all that was ever delivered.
  const rows = await db.all<StoredRow>(
    `SELECT ${COLUMNS} FROM outbox INDEXED BY outbox_unsettled WHERE ${UNSETTLED} ORDER BY seq`,
  );
  return rows.map(outboxEntry);
}

async function outboxState(db: Database, id: string): Promise<OutboxEntry | null> {
  const row = await db.get<StoredRow>(`SELECT ${COLUMNS} FROM outbox WHERE id = ?`, id);
  return row === undefined ? null : outboxEntry(row);
}

/** What waits for one receiver, in its order, without the results themselves. */
async function outboxWaiting(db: Database, sink: string): Promise<WaitingRow[]> {
  const rows = await db.all<{ id: string; run_id: string; ecu_id: string; next_at: number }>(
    `SELECT id, run_id, ecu_id, next_at FROM outbox WHERE ${UNSETTLED} AND state = 'waiting' AND sink = ? ORDER BY seq`,
    sink,
  );
  // Results of units that were not identified have no order among each other.
  return rows.map((row) => ({ id: row.id, order: row.ecu_id || row.run_id, nextAt: row.next_at }));
}

/** Results that wait for the KMS. */
async function outboxCount(db: Database, of: { ecuId?: string; runId?: string }): Promise<number> {
  const row = await db.get<{ n: number }>(
    `SELECT count(*) AS n FROM outbox
     WHERE ${UNSETTLED} AND state = 'waiting' AND sink = ? AND ecu_id = coalesce(?, ecu_id) AND run_id = coalesce(?, run_id)`,
    KMS,
    of.ecuId ?? null,
    of.runId ?? null,
  );
  return row?.n ?? 0;
}

async function outboxLoad(db: Database, _: null): Promise<OutboxLoad> {
  const row = await db.get<{ waiting: number; quarantined: number; bytes: number; oldest: number | null }>(
    `SELECT coalesce(sum(state = 'waiting'), 0) AS waiting, coalesce(sum(state = 'quarantined'), 0) AS quarantined,
       coalesce(sum(length(CAST(result AS BLOB))), 0) AS bytes, min(at) AS oldest
     FROM outbox WHERE ${UNSETTLED}`,
  );
  const { waiting = 0, quarantined = 0, bytes = 0, oldest = null } = row ?? {};
  return { waiting, quarantined, bytes, oldest: oldest ?? undefined };
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
  const details = { ...about(row), attempts: row.attempts + 1, ...more };
  await append(db, { at: now, actor: "outbox", action: "report", subject: row.runId, outcome, details });
}

/** What the audit log says of a row. */
function about({ id, sink, ecuId, result }: OutboxEntry): Readonly<Record<string, unknown>> {
  if (!("keyId" in result)) return { id, sink, ecuId };
  const { kind, type, keyId, status } = result;
  return { id, kind, type, keyId, ecuId, status };
}

async function outboxPostponed(db: Database, args: { id: string; nextAt: number; error: string }): Promise<void> {
  await db.run(
    "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_at = ? WHERE id = ? AND state = 'waiting'",
    args.error,
    Math.trunc(args.nextAt),
    args.id,
  );
}

/** Who decided on a row, and when. */
export interface Decision {
  readonly id: string;
  readonly now: number;
  /** Who, as the audit log shall name them. */
  readonly actor: string;
}

/** Lets a result wait again, due at once. The row as it was; null where there is none, or none that is unsettled. */
async function outboxRetry(db: Database, { id, now, actor }: Decision): Promise<OutboxEntry | null> {
  const row = await unsettled(db, id);
  if (row === null) return null;
  await db.run("UPDATE outbox SET state = 'waiting', next_at = ?, settled_at = NULL WHERE id = ?", Math.trunc(now), id);
  await append(db, { at: now, actor, action: "retry", subject: row.runId, outcome: "waiting", details: about(row) });
  return row;
}

/** Gives a result up. The row as it was; null where there is none, or none that is unsettled. */
async function outboxWaive(db: Database, args: Decision & { reason: string }): Promise<OutboxEntry | null> {
  const { id, now, actor, reason } = args;
  const row = await unsettled(db, id);
  if (row === null) return null;
  await db.run(
    "UPDATE outbox SET state = 'waived', settled_at = ?, reason = ? WHERE id = ?",
    Math.trunc(now),
    reason,
    id,
  );
  const details = { ...about(row), former: row.state, reason };
  await append(db, { at: now, actor, action: "waive", subject: row.runId, outcome: "waived", details });
  return row;
}

async function unsettled(db: Database, id: string): Promise<OutboxEntry | null> {
  const row = await outboxState(db, id);
  return row?.state === "waiting" || row?.state === "quarantined" ? row : null;
}

export const outboxOperations = {
  outboxUnsettled,
  outboxState,
  outboxWaiting,
  outboxCount,
  outboxLoad,
  outboxDelivered,
  outboxQuarantined,
  outboxPostponed,
  outboxRetry,
  outboxWaive,
};

/** The step of the schema that brings receivers beside the KMS. */
export const sinksMigration = `
  ALTER TABLE outbox ADD COLUMN sink TEXT NOT NULL DEFAULT '${KMS}';
  ALTER TABLE outbox ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE outbox ADD COLUMN reason TEXT;
  UPDATE outbox SET at = (SELECT started_at FROM run WHERE run.run_id = outbox.run_id);
  DROP INDEX outbox_waiting;
  CREATE INDEX outbox_unsettled ON outbox (sink, seq) WHERE ${UNSETTLED};`;
