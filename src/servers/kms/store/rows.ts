/**
 * The ledger's rows. A slot = one SHE slot of one ECU in one phase. A set = one issued update of a slot; sets are never deleted. Keys are
 * sealed texts (vault.ts); the `…Context` functions say what each is sealed to.
 */
import type { Database } from "../../../db/database.js";

/** `auth` of a set that the ECU's first master key authorised. */
export const FIRST_KEY = "";

/** One slot of one ECU. */
export interface SlotAddress {
  readonly phase: string;
  /** 30 lower-case hex digits. */
  readonly uid: string;
  readonly slot: number;
}

/** A sealed key and what it is sealed to. */
export interface SealedKey {
  readonly sealed: string;
  readonly context: string;
}

export const setContext = (id: string, at: SlotAddress) => `set|${id}|${at.phase}|${at.uid}|${at.slot}`;
export const authContext = (id: string, at: SlotAddress) => `auth|${id}|${at.phase}|${at.uid}|${at.slot}`;
export const clusterContext = (id: string) => `cluster|${id}`;

export interface SetRow {
  id: string;
  phase: string;
  uid: string;
  slot: number;
  counter: number;
  flags: number;
  verify_only: number;
  bank: number;
  state: "issued" | "failed" | "confirmed";
  sealed: string | null;
  cluster: string | null;
  auth: string;
  auth_slot: number;
  auth_sealed: string | null;
  challenge: string | null;
  request: string;
  station: string;
  m4: string | null;
  m5: string | null;
}

export interface SlotRow {
  last_counter: number;
  current: string | null;
  current_counter: number;
}

export function slotRow(db: Database, at: SlotAddress): Promise<SlotRow | undefined> {
  return db.get<SlotRow>(
    "SELECT last_counter, current, current_counter FROM slots WHERE phase = ? AND uid = ? AND slot = ?",
    at.phase,
    at.uid,
    at.slot,
  );
}

export function setRow(db: Database, id: string): Promise<SetRow | undefined> {
  return db.get<SetRow>("SELECT * FROM sets WHERE id = ?", id);
}

/** Which of a slot's sets; left out, any. */
export interface SetFilter {
  readonly state?: SetRow["state"];
  /** Issued to that station. */
  readonly station?: string;
  /** With a larger counter. */
  readonly above?: number;
}

export function newestSet(
  db: Database,
  at: SlotAddress,
  { state, station, above = -1 }: SetFilter = {},
): Promise<SetRow | undefined> {
  const given = Object.entries({ state, station }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const where = ["phase = ?", "uid = ?", "slot = ?", "counter > ?", ...given.map(([column]) => `${column} = ?`)];
  return db.get<SetRow>(
    `SELECT * FROM sets WHERE ${where.join(" AND ")} ORDER BY counter DESC LIMIT 1`,
    at.phase,
    at.uid,
    at.slot,
    above,
    ...given.map(([, value]) => value),
  );
}

export async function keyOf(db: Database, set: SetRow): Promise<SealedKey> {
  if (set.cluster === null) return { sealed: set.sealed ?? "", context: setContext(set.id, set) };
  const row = await db.get<{ sealed: string }>("SELECT sealed FROM clusters WHERE id = ?", set.cluster);
  return { sealed: row?.sealed ?? "", context: clusterContext(set.cluster) };
}

/** Most keys that a new one lets be forgotten: more than come, and few enough to cost nothing. */
const FORGOTTEN_AT_ONCE = 20;
const TIME_OF = { sets: "issued_at", reports: "reported_at" } as const;

/** Takes the oldest Idempotency-Keys from sets or reports of before `since`; the rows stay. */
export async function forgetKeys(db: Database, table: keyof typeof TIME_OF, since: number): Promise<void> {
  const time = TIME_OF[table];
  await db.run(
    `UPDATE ${table} SET idempotency = NULL WHERE id IN (
       SELECT id FROM ${table} WHERE idempotency IS NOT NULL AND ${time} < ? ORDER BY ${time} LIMIT ${FORGOTTEN_AT_ONCE})`,
    since,
  );
}
