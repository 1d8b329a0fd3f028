/**
 * The KMS's store. A slot = one SHE slot of one ECU in one phase. A set = one issued update of a slot; sets are never deleted. Keys are
 * sealed texts (vault.ts); the `…Context` functions say what each is sealed to.
 */
import { append } from "../../../audit/chain.js";
import { keepHead } from "../../../audit/head-file.js";
import type { AuditEntry } from "../../../audit/row.js";
import type { Database } from "../../../db/database.js";
import type { StoreDefinition, StoreSource } from "../../../db/store.js";
import { masterAuthoriser, otherAuthoriser, type RefusedLoad, type UnresolvedLoad } from "../ledger.js";
import { type Asked, checkEntry, issueEntry, reportEntry } from "./decisions.js";
import { MIGRATIONS } from "./schema.js";

const COUNTER_MAX = 0xfffffff;
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

export interface IssueArgs extends SlotAddress {
  readonly id: string;
  readonly asked: Asked;
  readonly bank: number;
  readonly flags: number;
  readonly verifyOnly: boolean;
  /** Slot of the master key. */
  readonly masterSlot: number;
  /** Smallest counter that may be issued. */
  readonly floor: number;
  /** Counter that the ECU's slot had before the KMS's first load. */
  readonly held: number;
  /** The new key, or the cluster that it belongs to with a key for the case that the cluster has none yet. */
  readonly key: { readonly sealed: string } | { readonly cluster: string; readonly sealed: string };
  /** The ECU's first master key. */
  readonly firstKey: string;
  readonly challenge: string | null;
  readonly idempotency: string | null;
  /** Fingerprint of the request. */
  readonly request: string;
  readonly at: number;
}

export interface IssuedSet extends SlotAddress {
  readonly id: string;
  readonly counter: number;
  readonly flags: number;
  readonly verifyOnly: boolean;
  readonly bank: number;
  readonly authSlot: number;
  readonly key: SealedKey;
  readonly authKey: SealedKey;
  /** The same request was answered before. */
  readonly repeated: boolean;
}

interface SetRow {
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
}

interface SlotRow {
  last_counter: number;
  current: string | null;
  current_counter: number;
}

function slotRow(db: Database, at: SlotAddress): Promise<SlotRow | undefined> {
  return db.get<SlotRow>(
    "SELECT last_counter, current, current_counter FROM slots WHERE phase = ? AND uid = ? AND slot = ?",
    at.phase,
    at.uid,
    at.slot,
  );
}

function setRow(db: Database, id: string): Promise<SetRow | undefined> {
  return db.get<SetRow>("SELECT * FROM sets WHERE id = ?", id);
}

function newestSet(db: Database, at: SlotAddress, state?: SetRow["state"], above = -1): Promise<SetRow | undefined> {
  const where = "phase = ? AND uid = ? AND slot = ? AND counter > ?";
  return state === undefined
    ? db.get<SetRow>(
        `SELECT * FROM sets WHERE ${where} ORDER BY counter DESC LIMIT 1`,
        at.phase,
        at.uid,
        at.slot,
        above,
      )
    : db.get<SetRow>(
        `SELECT * FROM sets WHERE ${where} AND state = ? ORDER BY counter DESC LIMIT 1`,
        at.phase,
        at.uid,
        at.slot,
        above,
        state,
      );
}

async function keyOf(db: Database, set: SetRow): Promise<SealedKey> {
  if (set.cluster === null) return { sealed: set.sealed ?? "", context: setContext(set.id, set) };
  const row = await db.get<{ sealed: string }>("SELECT sealed FROM clusters WHERE id = ?", set.cluster);
  return { sealed: row?.sealed ?? "", context: clusterContext(set.cluster) };
}

async function issuedSet(db: Database, set: SetRow, repeated: boolean): Promise<IssuedSet> {
  const auth = set.auth === FIRST_KEY ? undefined : await setRow(db, set.auth);
  return {
    id: set.id,
    phase: set.phase,
    uid: set.uid,
    slot: set.slot,
    counter: set.counter,
    flags: set.flags,
    verifyOnly: set.verify_only !== 0,
    bank: set.bank,
    authSlot: set.auth_slot,
    key: await keyOf(db, set),
    authKey:
      auth === undefined ? { sealed: set.auth_sealed ?? "", context: authContext(set.id, set) } : await keyOf(db, auth),
    repeated,
  };
}

async function authoriser(db: Database, args: IssueArgs): Promise<string> {
  const master = { phase: args.phase, uid: args.uid, slot: args.masterSlot };
  const row = await slotRow(db, master);
  const confirmed = row?.current ?? FIRST_KEY;
  const loads = await db.all<{ id: string; auth: string; state: string; seq: number }>(
    `SELECT id, auth, state, seq FROM sets
     WHERE phase = ? AND uid = ? AND slot = ? AND counter > ? AND state <> 'confirmed' ORDER BY counter`,
    master.phase,
    master.uid,
    master.slot,
    row?.current_counter ?? -1,
  );
  const unresolved: UnresolvedLoad[] = loads.map(({ id, auth, state }) => ({ id, auth, failed: state === "failed" }));
  if (args.slot === args.masterSlot) {
    const outdated = await db.all<{ id: string }>(
      "SELECT id FROM sets WHERE phase = ? AND uid = ? AND slot = ? AND counter < ? ORDER BY counter DESC",
      master.phase,
      master.uid,
      master.slot,
      row?.current_counter ?? -1,
    );
    const ids = outdated.map(({ id }) => id);
    return masterAuthoriser(confirmed, unresolved, confirmed === FIRST_KEY ? ids : [...ids, FIRST_KEY]);
  }
  const first = loads[0];
  if (first === undefined) return confirmed;
  const refused = await db.all<RefusedLoad>(
    "SELECT auth FROM sets WHERE phase = ? AND uid = ? AND slot = ? AND seq > ? AND state = 'failed' ORDER BY counter",
    args.phase,
    args.uid,
    args.slot,
    first.seq,
  );
  return otherAuthoriser(confirmed, unresolved, refused);
}

/** Hands out the slot's next counter with a new set, or the set of the same request. */
async function issueSet(db: Database, args: IssueArgs): Promise<IssuedSet | "otherRequest" | "counterUsedUp"> {
  if (args.idempotency !== null) {
    const known = await db.get<SetRow>("SELECT * FROM sets WHERE idempotency = ?", args.idempotency);
    if (known !== undefined) return known.request === args.request ? issuedSet(db, known, true) : "otherRequest";
  }
  const row = await slotRow(db, args);
  const counter = Math.max(args.floor, Math.max(row?.last_counter ?? 0, args.held) + 1);
  if (counter > COUNTER_MAX) return "counterUsedUp";
  const auth = await authoriser(db, args);
  await db.run(
    `INSERT INTO slots (phase, uid, slot, last_counter, current, current_counter) VALUES (?, ?, ?, ?, NULL, -1)
     ON CONFLICT (phase, uid, slot) DO UPDATE SET last_counter = excluded.last_counter`,
    args.phase,
    args.uid,
    args.slot,
    counter,
  );
  const cluster = "cluster" in args.key ? args.key.cluster : null;
  if (cluster !== null) {
    await db.run(
      "INSERT INTO clusters (id, sealed) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
      cluster,
      args.key.sealed,
    );
  }
  const last = await db.get<{ seq: number }>(
    "SELECT seq FROM sets WHERE phase = ? AND uid = ? ORDER BY seq DESC LIMIT 1",
    args.phase,
    args.uid,
  );
  await db.run(
    `INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, sealed, cluster,
       auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'issued', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    args.id,
    args.phase,
    args.uid,
    args.slot,
    (last?.seq ?? 0) + 1,
    counter,
    args.flags,
    args.verifyOnly ? 1 : 0,
    args.bank,
    cluster === null ? args.key.sealed : null,
    cluster,
    auth,
    args.masterSlot,
    auth === FIRST_KEY ? args.firstKey : null,
    args.challenge,
    args.idempotency,
    args.request,
    args.at,
  );
  const set = await setRow(db, args.id);
  if (set === undefined) throw new Error("the set was not written");
  return issuedSet(db, set, false);
}

/** The ECU holds the set's key: sets with a smaller counter can never come back, since a SHE counter only rises. */
async function confirm(db: Database, set: SetRow, at: number): Promise<void> {
  if (set.state === "confirmed") return;
  await db.run("UPDATE sets SET state = 'confirmed', resolved_at = ? WHERE id = ?", at, set.id);
  await db.run(
    `UPDATE slots SET current = ?, current_counter = ?
     WHERE phase = ? AND uid = ? AND slot = ? AND current_counter < ?`,
    set.id,
    set.counter,
    set.phase,
    set.uid,
    set.slot,
    set.counter,
  );
  // A load that another key authorised shows that the ECU held that key.
  const auth = set.auth === FIRST_KEY ? undefined : await setRow(db, set.auth);
  if (auth !== undefined && set.slot !== auth.slot) await confirm(db, auth, at);
}

export interface ReportArgs extends SlotAddress {
  readonly id: string;
  readonly asked: Asked;
  readonly kind: "key" | "sync";
  readonly status: "Success" | "OperationFailed";
  readonly message: string;
  readonly correlation: string | null;
  readonly idempotency: string | null;
  readonly request: string;
  readonly at: number;
}

export interface TakenReport {
  /** Null where none was issued. */
  readonly set: string | null;
  /** The same report was taken before. */
  readonly repeated: boolean;
}

/** The set that a report belongs to; undefined where it names none and none was issued for the slot. */
async function reportedSet(db: Database, args: ReportArgs): Promise<SetRow | "otherKey" | undefined> {
  if (args.correlation === null) return newestSet(db, args);
  const check = await db.get<{ set_id: string }>("SELECT set_id FROM checks WHERE id = ?", args.correlation);
  const set = await setRow(db, check?.set_id ?? args.correlation);
  // A sync value's id says nothing about a load.
  if (set === undefined || (args.kind === "key" && check !== undefined)) return "otherKey";
  const same = set.phase === args.phase && set.uid === args.uid && set.slot === args.slot;
  return same ? set : "otherKey";
}

/**
 * Takes a result; only a key's `Success` moves the record of what the ECU holds. One that no set belongs to (`set` null) is kept and
 * moves nothing.
 */
async function takeReport(db: Database, args: ReportArgs): Promise<TakenReport | "otherRequest" | "otherKey"> {
  if (args.idempotency !== null) {
    const known = await db.get<{ set_id: string | null; request: string }>(
      "SELECT set_id, request FROM reports WHERE idempotency = ?",
      args.idempotency,
    );
    if (known !== undefined)
      return known.request === args.request ? { set: known.set_id, repeated: true } : "otherRequest";
  }
  const set = await reportedSet(db, args);
  if (set === "otherKey") return set;
  await db.run(
    `INSERT INTO reports (id, kind, phase, uid, slot, set_id, status, message, idempotency, request, reported_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    args.id,
    args.kind,
    args.phase,
    args.uid,
    args.slot,
    set?.id ?? null,
    args.status,
    args.message,
    args.idempotency,
    args.request,
    args.at,
  );
  if (args.kind === "key" && set !== undefined) {
    if (args.status === "Success") await confirm(db, set, args.at);
    else if (set.state === "issued")
      await db.run("UPDATE sets SET state = 'failed', resolved_at = ? WHERE id = ?", args.at, set.id);
  }
  return { set: set?.id ?? null, repeated: false };
}

export interface CheckArgs extends SlotAddress {
  readonly id: string;
  readonly asked: Asked;
  readonly at: number;
}

export interface CheckedKey {
  readonly key: SealedKey;
  /** Hex; of the request that the key was issued for. */
  readonly challenge: string | null;
}

/** The key to compare with: of an unconfirmed load, else the confirmed one, else the last that was issued. */
async function checkedKey(db: Database, args: CheckArgs): Promise<CheckedKey | "noKey"> {
  const row = await slotRow(db, args);
  const pending = await newestSet(db, args, "issued", row?.current_counter ?? -1);
  const current = row?.current === null || row === undefined ? undefined : await setRow(db, row.current);
  const set = pending ?? current ?? (await newestSet(db, args));
  if (set === undefined) return "noKey";
  await db.run("INSERT INTO checks (id, set_id, issued_at) VALUES (?, ?, ?)", args.id, set.id, args.at);
  return { key: await keyOf(db, set), challenge: set.challenge };
}

/** Keeps `value` under `name` unless there is one; gives the kept one. */
async function mark(db: Database, args: { name: string; value: string }): Promise<string> {
  await db.run("INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", args.name, args.value);
  const kept = await db.get<{ value: string }>("SELECT value FROM marks WHERE name = ?", args.name);
  return kept?.value ?? args.value;
}

/** An operation and the audit row of what it decided, in one transaction. */
function audited<A, R>(
  decide: (db: Database, args: A) => Promise<R>,
  entry: (args: A, decided: R) => AuditEntry,
): (db: Database, args: A) => Promise<R> {
  return async (db, args) => {
    const decided = await decide(db, args);
    await append(db, entry(args, decided));
    return decided;
  };
}

export const store = {
  migrations: MIGRATIONS,
  operations: {
    issue: audited(issueSet, issueEntry),
    report: audited(takeReport, reportEntry),
    check: audited(checkedKey, checkEntry),
    /** A decision that needed no look at the store. */
    note: append,
    mark,
  },
  committed: keepHead,
} satisfies StoreDefinition;

export const kmsStore: StoreSource<typeof store> = {
  definition: store,
  module: new URL("./sqlite.js", import.meta.url),
};
