/**
 * Leases: while a station has sets of an ECU whose result is open, no other station gets any. A lease is one row for each ECU and phase;
 * it ends with the result of the station's last open set, or by time. Times are those of the server that was asked.
 */
import type { Database } from "../../../db/database.js";

interface EcuAddress {
  readonly phase: string;
  /** 30 lower-case hex digits. */
  readonly uid: string;
}

export interface LeaseArgs extends EcuAddress {
  readonly station: string;
  /** Now, ms since the epoch. */
  readonly at: number;
  /** Life from now on, ms. */
  readonly lease: number;
}

/** Takes or renews the lease; undefined when the station has it, else ms that another's lives on at most. */
export async function takeLease(db: Database, args: LeaseArgs): Promise<number | undefined> {
  const { phase, uid, station, at, lease } = args;
  const taken = await db.run(
    `INSERT INTO leases (phase, uid, station, renewed_at, ends_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (phase, uid) DO UPDATE
     SET station = excluded.station, renewed_at = excluded.renewed_at, ends_at = excluded.ends_at
     WHERE leases.station = excluded.station OR leases.ends_at <= excluded.renewed_at`,
    phase,
    uid,
    station,
    at,
    at + lease,
  );
  if (taken > 0) return undefined;
  const row = await leaseRow(db, args);
  if (row === undefined || row.renewed_at <= at) return Math.max(1, Number(row?.ends_at ?? at) - at);
  // The clock was set back since: nobody knows how long it has lived, so its life begins now.
  await renewLease(db, { ...args, station: row.station });
  return lease;
}

/** Lengthens the station's own lease, where it has one. */
export async function renewLease(db: Database, { phase, uid, station, at, lease }: LeaseArgs): Promise<void> {
  await db.run(
    "UPDATE leases SET renewed_at = ?, ends_at = ? WHERE phase = ? AND uid = ? AND station = ? AND ends_at > ?",
    at,
    at + lease,
    phase,
    uid,
    station,
    at,
  );
}

/** The station whose lease lives. */
export async function holderOf(db: Database, args: EcuAddress & { readonly at: number }): Promise<string | undefined> {
  const row = await leaseRow(db, args);
  return row !== undefined && row.ends_at > args.at ? row.station : undefined;
}

/** Ends the station's lease unless a set of it is open: it has no result, and no newer one of its slot has one. */
export async function endLease(db: Database, { phase, uid }: EcuAddress, station: string): Promise<void> {
  await db.run(
    `DELETE FROM leases WHERE phase = ? AND uid = ? AND station = ? AND NOT EXISTS (
       SELECT 1 FROM sets s WHERE s.phase = ? AND s.uid = ? AND s.station = ? AND s.state = 'issued' AND NOT EXISTS (
         SELECT 1 FROM sets n
         WHERE n.phase = s.phase AND n.uid = s.uid AND n.slot = s.slot AND n.counter > s.counter AND n.state <> 'issued'))`,
    phase,
    uid,
    station,
    phase,
    uid,
    station,
  );
}

interface LeaseRow {
  readonly station: string;
  readonly renewed_at: number;
  readonly ends_at: number;
}

function leaseRow(db: Database, { phase, uid }: EcuAddress): Promise<LeaseRow | undefined> {
  return db.get("SELECT station, renewed_at, ends_at FROM leases WHERE phase = ? AND uid = ?", phase, uid);
}
