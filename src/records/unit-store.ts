/** Store operations about units: their runs before, their certificates, and whether they may be run again. */
import { append as audit } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import type { JournalEntry, UnitPast } from "../station/ports.js";
import type { NamedCertificate, NamedUnit, RevokedCertificate } from "./types.js";
import type { UnitRecord } from "./unit-record.js";

/** Writes which certificates a run's record names. */
export async function nameCertificates(db: Database, { runId, certificates }: UnitRecord): Promise<void> {
  for (const { name, type, dn, serial } of certificates) {
    await db.run(
      `INSERT INTO run_certificate (run_id, name, type, dn, serial) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (run_id, name) DO UPDATE SET serial = excluded.serial`,
      runId,
      name,
      type,
      dn,
      serial ?? null,
    );
  }
}

/** Writes what an entry of the journal says of the run's unit and its certificates, so that it can be revoked though the run never ends. */
export async function nameUnit(db: Database, runId: string, { step, event, data }: JournalEntry): Promise<void> {
  if (step === "identify" && event === "finished") {
    const { ecuId, serialNumber, vin } = data as Partial<Record<string, string | null>>;
    await db.run(
      "UPDATE run SET ecu_id = ?, serial = ?, vin = coalesce(vin, ?) WHERE run_id = ?",
      ecuId ?? null,
      serialNumber ?? null,
      vin ?? null,
      runId,
    );
  }
  const { type, dn } = (event === "noted" ? (data.request ?? {}) : {}) as {
    readonly type?: string;
    readonly dn?: string;
  };
  if (type === undefined || dn === undefined) return;
  await db.run(
    "INSERT INTO run_certificate (run_id, name, type, dn) VALUES (?, ?, ?, ?) ON CONFLICT (run_id, name) DO NOTHING",
    runId,
    step.slice(step.indexOf(":") + 1),
    type,
    dn,
  );
}

/** What is known of a unit beside the run `runId`; null where that is nothing. */
async function unitPast(db: Database, { ecuId, runId }: { ecuId: string; runId: string }): Promise<UnitPast | null> {
  const runs = await db.all<{ run_id: string; outcome: string }>(
    `SELECT run_id, outcome FROM run WHERE ecu_id = ? AND run_id <> ? AND outcome IS NOT NULL
     ORDER BY started_at DESC, run_id DESC`,
    ecuId,
    runId,
  );
  const state = await db.get<{ state: "scrapped" | "rework"; reason: string }>(
    "SELECT state, reason FROM unit_state WHERE ecu_id = ?",
    ecuId,
  );
  const revoked = await db.all<{ serials: string }>(
    "SELECT serials FROM revocation WHERE ecu_id = ? ORDER BY at",
    ecuId,
  );
  if (runs.length === 0 && state === undefined) return null;
  return {
    previous: runs[0]?.run_id,
    attempts: runs.length,
    passed: runs.find(({ outcome }) => outcome === "PASS")?.run_id,
    scrapped: state?.state === "scrapped" ? state.reason : undefined,
    revoked: revoked.flatMap(({ serials }) => JSON.parse(serials) as string[]),
  };
}

/** Units by VIN, EcuID (any case) or serial number. */
async function unitsNamed(db: Database, unit: string): Promise<NamedUnit[]> {
  const found = new Map<string, NamedUnit>();
  for (const [index, column, value] of [
    ["run_ecu", "ecu_id", unit.toLowerCase()],
    ["run_vin", "vin", unit],
    ["run_serial", "serial", unit],
  ]) {
    const rows = await db.all<{ ecu_id: string; vin: string | null; serial: string | null; profile: string }>(
      `SELECT ecu_id, vin, serial, profile FROM run INDEXED BY ${index} WHERE ${column} = ? AND ecu_id IS NOT NULL ORDER BY started_at`,
      value ?? "",
    );
    for (const { ecu_id: ecuId, vin, serial, profile } of rows)
      found.set(ecuId, { ecuId, vin: vin ?? undefined, serialNumber: serial ?? undefined, profile });
  }
  return [...found.values()];
}

/** What the unit's records name, one entry a name of a type; and who was given that name since. */
async function unitCertificates(db: Database, ecuId: string): Promise<NamedCertificate[]> {
  const rows = await db.all<{ type: string; dn: string; serials: string | null; last: number }>(
    `SELECT named.type, named.dn, max(run.started_at) AS last,
       json_group_array(named.serial) FILTER (WHERE named.serial IS NOT NULL) AS serials
     FROM run CROSS JOIN run_certificate AS named ON named.run_id = run.run_id
     WHERE run.ecu_id = ? GROUP BY named.type, named.dn ORDER BY named.type, named.dn`,
    ecuId,
  );
  const found: NamedCertificate[] = [];
  for (const { type, dn, serials, last } of rows) {
    const heir = await db.get<{ ecu_id: string }>(
      `SELECT run.ecu_id FROM run_certificate AS named CROSS JOIN run ON run.run_id = named.run_id
       WHERE named.type = ? AND named.dn = ? AND run.ecu_id <> ? AND run.started_at > ? AND named.serial IS NOT NULL LIMIT 1`,
      type,
      dn,
      ecuId,
      last,
    );
    found.push({ type, dn, serials: JSON.parse(serials ?? "[]") as string[], heldBy: heir?.ecu_id });
  }
  return found;
}

/** What the station thinks of a unit from now on. */
export interface UnitDecision {
  readonly ecuId: string;
  readonly state: "scrapped" | "rework";
  readonly reason: string;
  readonly actor: string;
  readonly now: number;
}

async function decideUnit(db: Database, { ecuId, state, reason, actor, now }: UnitDecision): Promise<void> {
  await db.run(
    `INSERT INTO unit_state (ecu_id, state, reason, at) VALUES (?, ?, ?, ?)
     ON CONFLICT (ecu_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, at = excluded.at`,
    ecuId,
    state,
    reason,
    Math.trunc(now),
  );
  await audit(db, { at: now, actor, action: "unit", subject: ecuId, outcome: state, details: { reason } });
}

async function noteRevoked(
  db: Database,
  args: { decision: UnitDecision; certificate: RevokedCertificate; now: number },
): Promise<void> {
  const { decision, certificate, now } = args;
  const { ecuId, actor, reason } = decision;
  const { type, dn, serials, state } = certificate;
  if (state === "revoked" || state === "already-revoked") {
    await db.run(
      `INSERT INTO revocation (ecu_id, type, dn, serials, at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (ecu_id, type, dn) DO UPDATE SET serials = excluded.serials`,
      ecuId,
      type,
      dn,
      JSON.stringify(serials),
      Math.trunc(now),
    );
  }
  const details = { type, ecuId, serials, reason };
  await audit(db, { at: now, actor, action: "revoke", subject: dn, outcome: state, details });
}

export const unitOperations = { unitPast, unitsNamed, unitCertificates, decideUnit, noteRevoked };
