/** The ledger as the console shows it: what was issued, with which counter, and what came of it. No column with key material is read. */
import type { Database } from "../../../db/database.js";

export interface EcuRow {
  readonly uid: string;
  readonly sets: number;
  /** ms since the epoch. */
  readonly last: number;
}

export interface EcusArgs {
  readonly phase: string;
  /** First digits of the UID, lower case. */
  readonly prefix: string;
  /** The last UID of the page before; "" for the first page. */
  readonly after: string;
  readonly limit: number;
}

/** ECUs by their UID, a page at a time. */
async function ledgerEcus(db: Database, { phase, prefix, after, limit }: EcusArgs): Promise<EcuRow[]> {
  // UIDs are hex digits: `g` is behind all of them.
  return db.all<EcuRow>(
    `SELECT uid, COUNT(*) AS sets, MAX(issued_at) AS last FROM sets
     WHERE phase = ? AND uid >= ? AND uid < ? AND uid > ? GROUP BY uid ORDER BY uid LIMIT ?`,
    phase,
    prefix,
    `${prefix}g`,
    after,
    limit,
  );
}

export interface LedgerSlot {
  readonly slot: number;
  readonly lastCounter: number;
  /** -1 where none was confirmed. */
  readonly currentCounter: number;
}

export interface LedgerSet {
  readonly id: string;
  readonly slot: number;
  readonly counter: number;
  readonly flags: number;
  readonly verifyOnly: number;
  readonly bank: number;
  readonly state: "issued" | "failed" | "confirmed";
  /** Counter of the master key that authorised it; null for the first key. */
  readonly authCounter: number | null;
  readonly issuedAt: number;
  readonly resolvedAt: number | null;
}

export interface LedgerReport {
  readonly kind: "key" | "sync";
  readonly slot: number;
  readonly setId: string | null;
  readonly status: string;
  readonly message: string;
  readonly at: number;
}

export interface Ledger {
  readonly slots: readonly LedgerSlot[];
  readonly sets: readonly LedgerSet[];
  readonly reports: readonly LedgerReport[];
}

export interface LedgerArgs {
  readonly phase: string;
  readonly uid: string;
  /** Most sets and most reports. */
  readonly limit: number;
}

async function ledger(db: Database, { phase, uid, limit }: LedgerArgs): Promise<Ledger> {
  const slots = await db.all<LedgerSlot>(
    `SELECT slot, last_counter AS "lastCounter", current_counter AS "currentCounter" FROM slots
     WHERE phase = ? AND uid = ? ORDER BY slot`,
    phase,
    uid,
  );
  const sets = await db.all<LedgerSet>(
    `SELECT s.id, s.slot, s.counter, s.flags, s.verify_only AS "verifyOnly", s.bank, s.state, a.counter AS "authCounter",
       s.issued_at AS "issuedAt", s.resolved_at AS "resolvedAt"
     FROM sets s LEFT JOIN sets a ON a.id = s.auth
     WHERE s.phase = ? AND s.uid = ? ORDER BY s.seq DESC LIMIT ?`,
    phase,
    uid,
    limit,
  );
  const reports = await db.all<LedgerReport>(
    `SELECT kind, slot, set_id AS "setId", status, message, reported_at AS at FROM reports
     WHERE phase = ? AND uid = ? ORDER BY reported_at DESC, id LIMIT ?`,
    phase,
    uid,
    limit,
  );
  return { slots, sets, reports };
}

export const viewOperations = { ledgerEcus, ledger };
