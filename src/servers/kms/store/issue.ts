/** Issues sets: counter, authoriser and lease in one transaction. */
import type { Database } from "../../../db/database.js";
import { masterAuthoriser, otherAuthoriser, type RefusedLoad, type UnresolvedLoad } from "../ledger.js";
import type { Asked } from "./decisions.js";
import { endLease, takeLease } from "./leases.js";
import {
  authContext,
  FIRST_KEY,
  forgetKeys,
  keyOf,
  type SealedKey,
  type SetRow,
  type SlotAddress,
  setRow,
  slotRow,
} from "./rows.js";

const COUNTER_MAX = 0xfffffff;

export interface IssueArgs extends SlotAddress {
  readonly id: string;
  readonly asked: Asked;
  /** Who asks, for the lease. */
  readonly station: string;
  /** Life of the lease from now on, ms. */
  readonly lease: number;
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
  /** Keys that were first used before this time may be forgotten, ms since the epoch. */
  readonly keysSince: number;
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
  /** M4 and M5 are kept already. */
  readonly predicted: boolean;
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
    predicted: set.m5 !== null,
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

/** Another station's lease, and how long it lives at most, ms. */
export interface Leased {
  readonly leasedFor: number;
}

export type Issued = IssuedSet | Leased | "otherRequest" | "counterUsedUp";

/**
 * Hands out the slot's next counter with a new set, or the set of the same request, which whoever repeats it may have again. Taking the
 * lease first has everybody else at this ECU wait until the transaction ends.
 */
export async function issueSet(db: Database, args: IssueArgs): Promise<Issued> {
  const leasedFor = await takeLease(db, args);
  if (args.idempotency !== null) {
    const known = await db.get<SetRow>("SELECT * FROM sets WHERE idempotency = ?", args.idempotency);
    if (known !== undefined)
      return known.request === args.request ? issuedSet(db, known, true) : nothing(db, args, "otherRequest");
  }
  if (leasedFor !== undefined) return { leasedFor };
  const row = await slotRow(db, args);
  const counter = Math.max(args.floor, Math.max(row?.last_counter ?? 0, args.held) + 1);
  if (counter > COUNTER_MAX) return nothing(db, args, "counterUsedUp");
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
       auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at, station)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'issued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    args.station,
  );
  if (args.idempotency !== null) await forgetKeys(db, "sets", args.keysSince);
  const set = await setRow(db, args.id);
  if (set === undefined) throw new Error("the set was not written");
  return issuedSet(db, set, false);
}

/** A request that gets no set leaves no lease behind. */
async function nothing<R>(db: Database, args: IssueArgs, refusal: R): Promise<R> {
  await endLease(db, args, args.station);
  return refusal;
}

export interface PredictArgs {
  /** Of the set. */
  readonly id: string;
  /** What the ECU answers when it stores the set; lower-case hex. */
  readonly m4: string;
  readonly m5: string;
}

/** Keeps what proves that the ECU stored a set. */
export async function keepPrediction(db: Database, { id, m4, m5 }: PredictArgs): Promise<void> {
  await db.run("UPDATE sets SET m4 = ?, m5 = ? WHERE id = ?", m4, m5, id);
}
