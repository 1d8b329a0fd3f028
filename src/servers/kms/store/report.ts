/** Takes results of injections and checks, and moves the record of what an ECU holds. */
import { createHash } from "node:crypto";
import type { Database } from "../../../db/database.js";
import { fromHex } from "../../../shared/bytes.js";
import type { Asked } from "./decisions.js";
import { endLease, holderOf, renewLease } from "./leases.js";
import { FIRST_KEY, forgetKeys, newestSet, type SetRow, type SlotAddress, setRow } from "./rows.js";

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
  /** Who reports. */
  readonly station: string;
  /** Life of that station's lease from now on, ms. */
  readonly lease: number;
  readonly kind: "key" | "sync";
  readonly status: "Success" | "OperationFailed";
  readonly message: string;
  readonly correlation: string | null;
  readonly idempotency: string | null;
  /** As of IssueArgs. */
  readonly keysSince: number;
  readonly request: string;
  readonly at: number;
}

export interface TakenReport {
  /** Null where none was issued. */
  readonly set: string | null;
  /** SHA-256 of the set's M4 and M5, hex: what the ECU's answer must have been if it stored the set. */
  readonly receipt: string | null;
  /** The same report was taken before. */
  readonly repeated: boolean;
}

/**
 * The set that a report without a correlation id is about: one of the sender that waits for its result, else the newest of the station
 * that holds the lease, else the newest.
 */
async function likeliestSet(db: Database, args: ReportArgs): Promise<SetRow | undefined> {
  const own = await newestSet(db, args, { station: args.station });
  if (own?.state === "issued") return own;
  const holder = await holderOf(db, args);
  const leased = holder === undefined ? undefined : await newestSet(db, args, { station: holder });
  return leased ?? own ?? newestSet(db, args);
}

/** The set that a report belongs to; undefined where it names none and none was issued for the slot. */
async function reportedSet(db: Database, args: ReportArgs): Promise<SetRow | "otherKey" | undefined> {
  if (args.correlation === null) return likeliestSet(db, args);
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
export async function takeReport(db: Database, args: ReportArgs): Promise<TakenReport | "otherRequest" | "otherKey"> {
  if (args.idempotency !== null) {
    const known = await db.get<{ set_id: string | null; request: string }>(
      "SELECT set_id, request FROM reports WHERE idempotency = ?",
      args.idempotency,
    );
    if (known !== undefined) {
      if (known.request !== args.request) return "otherRequest";
      const set = known.set_id === null ? undefined : await setRow(db, known.set_id);
      return { set: known.set_id, receipt: receiptOf(set), repeated: true };
    }
  }
  await renewLease(db, args);
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
  if (args.idempotency !== null) await forgetKeys(db, "reports", args.keysSince);
  if (args.kind === "key" && set !== undefined) {
    if (args.status === "Success") await confirm(db, set, args.at);
    else if (set.state === "issued")
      await db.run("UPDATE sets SET state = 'failed', resolved_at = ? WHERE id = ?", args.at, set.id);
    await endLease(db, args, set.station);
  }
  return { set: set?.id ?? null, receipt: receiptOf(set), repeated: false };
}

function receiptOf(set: SetRow | undefined): string | null {
  if (set === undefined || set.m4 === null || set.m5 === null) return null;
  return createHash("sha256")
    .update(fromHex(set.m4 + set.m5))
    .digest("hex");
}
