/** Issues sets: counter, authoriser, lease and M1–M5 in one transaction. */
import type { Database } from "../../../db/database.js";
import { fromHex, toHex } from "../../../shared/bytes.js";
import { cmac } from "../../../she/codec/index.js";
import { buildUpdate } from "../../../she/update/index.js";
import { masterAuthoriser, otherAuthoriser, type RefusedLoad, type UnresolvedLoad } from "../ledger.js";
import { openSealed } from "../vault.js";
import type { Asked } from "./decisions.js";
import { endLease, takeLease } from "./leases.js";
import {
  authContext,
  FIRST_KEY,
  forgetKeys,
  keyOf,
  type SetRow,
  type SlotAddress,
  type SlotRow,
  setRow,
  slotRow,
} from "./rows.js";

const COUNTER_MAX = 0xfffffff;

export interface IssueArgs extends SlotAddress {
  readonly id: string;
  /** What opens the keys: lent by the vault. */
  readonly masterKey: Uint8Array;
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
  /** Hex. */
  readonly challenge: string | null;
  readonly idempotency: string | null;
  /** Keys that were first used before this time may be forgotten, ms since the epoch. */
  readonly keysSince: number;
  /** Fingerprint of the request. */
  readonly request: string;
  readonly at: number;
}

/** Lower-case hex. */
export interface Messages {
  readonly m1: string;
  readonly m2: string;
  readonly m3: string;
  /** What the ECU answers when it stores the set. */
  readonly m4: string;
  readonly m5: string;
}

export interface IssuedSet extends Messages {
  readonly id: string;
  readonly slot: number;
  readonly counter: number;
  readonly flags: number;
  /** CMAC of the request's challenge by the new key, hex; null where it had none. */
  readonly mac: string | null;
  /** The same request was answered before. */
  readonly repeated: boolean;
}

/** M1–M5 of a set. Its keys are open only while they are made. @throws StationError STORE_FAILED where a key does not open */
async function build(db: Database, set: SetRow, { masterKey, challenge }: IssueArgs) {
  const auth = set.auth === FIRST_KEY ? undefined : await setRow(db, set.auth);
  const key = await keyOf(db, set);
  const authKey =
    auth === undefined ? { sealed: set.auth_sealed ?? "", context: authContext(set.id, set) } : await keyOf(db, auth);
  return openSealed(masterKey, key.sealed, key.context).spend((newKey) =>
    openSealed(masterKey, authKey.sealed, authKey.context).spend((authorising) => {
      const { m1, m2, m3, m4, m5 } = buildUpdate({
        uid: fromHex(set.uid),
        authKeyId: set.auth_slot,
        authKey: authorising,
        keyId: set.slot,
        newKey,
        counter: set.counter,
        flags: set.flags,
        bank: set.bank,
        verifyOnly: set.verify_only !== 0,
      });
      const mac = challenge === null ? null : toHex(cmac(newKey, fromHex(challenge)));
      return { m1: toHex(m1), m2: toHex(m2), m3: toHex(m3), m4: toHex(m4), m5: toHex(m5), mac };
    }),
  );
}

/** The set of the same request again, with what proves that the ECU stored it, which sets of former versions lack. */
async function again(db: Database, set: SetRow, args: IssueArgs): Promise<IssuedSet> {
  const made = await build(db, set, args);
  if (set.m5 === null) await db.run("UPDATE sets SET m4 = ?, m5 = ? WHERE id = ?", made.m4, made.m5, set.id);
  return { id: set.id, slot: set.slot, counter: set.counter, flags: set.flags, ...made, repeated: true };
}

/** @param own of the slot that is asked for */
async function authoriser(db: Database, args: IssueArgs, own: SlotRow | undefined): Promise<string> {
  const master = { phase: args.phase, uid: args.uid, slot: args.masterSlot };
  const isMaster = args.slot === args.masterSlot;
  const row = isMaster ? own : await slotRow(db, master);
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
  if (isMaster) {
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
    if (known !== undefined && known.request !== args.request) return nothing(db, args, "otherRequest");
    // A set whose result is in asks for no lease, however often it is asked for.
    if (known !== undefined) return nothing(db, args, await again(db, known, args));
  }
  if (leasedFor !== undefined) return { leasedFor };
  const row = await slotRow(db, args);
  const counter = Math.max(args.floor, Math.max(row?.last_counter ?? 0, args.held) + 1);
  if (counter > COUNTER_MAX) return nothing(db, args, "counterUsedUp");
  const auth = await authoriser(db, args, row);
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
  const { id, phase, uid, slot, flags, bank, challenge, request, station } = args;
  const set: SetRow = {
    ...{ id, phase, uid, slot, counter, flags, bank, auth, challenge, request, station },
    verify_only: args.verifyOnly ? 1 : 0,
    state: "issued",
    sealed: cluster === null ? args.key.sealed : null,
    cluster,
    auth_slot: args.masterSlot,
    auth_sealed: auth === FIRST_KEY ? args.firstKey : null,
    m4: null,
    m5: null,
  };
  const made = await build(db, set, args);
  await insert(db, { ...set, m4: made.m4, m5: made.m5 }, args);
  if (args.idempotency !== null) await forgetKeys(db, "sets", args.keysSince);
  return { id, slot, counter, flags, ...made, repeated: false };
}

async function insert(db: Database, set: SetRow, { idempotency, at }: IssueArgs): Promise<void> {
  await db.run(
    `INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, sealed, cluster,
       auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at, station, m4, m5)
     VALUES (?, ?, ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM sets WHERE phase = ? AND uid = ?), ?, ?, ?, ?, ?, ?, ?,
       ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    set.id,
    set.phase,
    set.uid,
    set.slot,
    set.phase,
    set.uid,
    set.counter,
    set.flags,
    set.verify_only,
    set.bank,
    set.state,
    set.sealed,
    set.cluster,
    set.auth,
    set.auth_slot,
    set.auth_sealed,
    set.challenge,
    idempotency,
    set.request,
    at,
    set.station,
    set.m4,
    set.m5,
  );
}

/** A request that gets no new set leaves no lease behind, unless one of the station's is open. */
async function nothing<R>(db: Database, args: IssueArgs, answer: R): Promise<R> {
  await endLease(db, args, args.station);
  return answer;
}
