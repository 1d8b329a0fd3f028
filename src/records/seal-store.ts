/** Store operations of the signed record: what waits for its signature, and the record with it. */
import { createHash } from "node:crypto";
import { append as audit } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import { RECORD_ROWS } from "./record-tables.js";
import type { TraceEntry } from "./unit-record.js";

export interface UnsealedRun {
  readonly runId: string;
  readonly bay: string;
  /** As it was stored. */
  readonly record: string;
}

/** Records without a signature: of one bay, or of all. Those from before the station had a key stay as they are. */
async function unsealed(db: Database, bay: string | null): Promise<UnsealedRun[]> {
  return db.all<UnsealedRun>(
    `SELECT run_id AS "runId", bay, record FROM run INDEXED BY run_unsealed WHERE sealed = 0 AND bay = coalesce(?, bay)`,
    bay,
  );
}

export interface Seal {
  readonly run: Pick<UnsealedRun, "runId" | "bay">;
  /** The record with its signature. */
  readonly text: string;
  /** Id of the key. */
  readonly key: string;
  readonly traces: readonly TraceEntry[];
  readonly now: number;
}

/** False where it was signed already. */
async function seal(db: Database, { run, text, key, traces, now }: Seal): Promise<boolean> {
  const { runId, bay } = run;
  const changed = await db.run("UPDATE run SET record = ?, sealed = 1 WHERE run_id = ? AND sealed = 0", text, runId);
  if (changed === 0) return false;
  const details = { record: recordHash(text), key, traces: traces.map(({ file, sha256 }) => ({ file, sha256 })) };
  await audit(db, { at: now, actor: bay, action: "seal", subject: runId, outcome: "signed", details });
  return true;
}

/** Writes the public key into the audit log, once. @param spki SubjectPublicKeyInfo, base64 */
async function noteKey(db: Database, { key, spki, now }: { key: string; spki: string; now: number }): Promise<void> {
  const noted = await db.get(`SELECT 1 AS yes FROM audit WHERE ${RECORD_ROWS} AND action = 'key' AND subject = ?`, key);
  if (noted !== undefined) return;
  const row = { actor: "ecustation", action: "key", subject: key, outcome: "used", details: { spki } };
  await audit(db, { ...row, at: now });
}

/** What ties a stored record to the audit log. */
export function recordHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const sealOperations = { unsealed, seal, noteKey };
