/** What must hold of a unit after its run was killed and ended: ECU, KMS, vPKI and records, each asked by its own means. */
import { X509Certificate } from "node:crypto";
import { Value } from "typebox/value";
import { RecordSchema } from "../../../src/records/schema.js";
import type { RunRecord } from "../../../src/station/ports.js";
import { recordsFile, rows } from "../../system/cases.js";
import { callBuilt } from "../../system/harness.js";
import { type Book, lacks, newBook, OTHER_CHAIN } from "../wire/book.js";
import { profileOf } from "../wire/plant.js";
import { flashOf, type KillPlant, PROFILE, type Unit } from "./plant.js";

const profile = profileOf(PROFILE);

export interface SetRow {
  readonly id: string;
  readonly slot: number;
  readonly state: string;
  readonly m4: string;
  readonly m5: string;
}

export interface ReportRow {
  readonly kind: string;
  readonly slot: number;
  readonly set_id: string;
  readonly status: string;
}

/**
 * @param runs runs that went through the whole plan: two where the first had ended when its process was killed
 * @returns what does not hold
 */
export async function faultsOf(plant: KillPlant, unit: Unit, record: RunRecord, runs: number): Promise<string[]> {
  const uid = unit.ecuId.slice(24);
  const sets = plant.kms<SetRow>(`SELECT id, slot, state, m4, m5 FROM sets WHERE lower(uid) = '${uid}' ORDER BY seq`);
  const reports = plant.kms<ReportRow>(
    `SELECT kind, slot, set_id, status FROM reports WHERE lower(uid) = '${uid}' ORDER BY reported_at, rowid`,
  );
  const { pcid, evccid } = unit.inputs;
  const issued = plant
    .vpki<{ certificate: string; type: string }>(
      `SELECT certificate, type FROM certificates WHERE dn LIKE '%${pcid}%' OR dn LIKE '%${evccid}%' ORDER BY rowid`,
    )
    .map(({ certificate, type }) => ({ type, der: new X509Certificate(Buffer.from(certificate, "base64")).raw }));
  return [
    ...wrongOutcome(record),
    ...wrongEcu(unit, bookOf(sets, reports, issued)),
    ...wrongReports(sets, reports, runs),
    ...unaccounted(unit, issued, runs),
    ...(await wrongRecords(unit, record)),
  ];
}

function wrongOutcome({ outcome, failure, owed }: RunRecord): string[] {
  const found = outcome === "PASS" ? [] : [`${outcome} ${failure?.code} in ${failure?.step}`];
  return owed === 0 ? found : [...found, `${owed} results are owed`];
}

/** What the servers know, as the ECU's memory is to have it. */
export function bookOf(
  sets: readonly SetRow[],
  reports: readonly ReportRow[],
  issued: readonly { readonly type: string; readonly der: Uint8Array }[],
): Book {
  const book = newBook();
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
  for (const { id, m4, m5 } of sets) book.sets.set(id, { m4: bytes(m4), m5: bytes(m5) });
  for (const { kind, slot, set_id, status } of reports)
    if (kind === "key" && status === "Success") book.stored.set(slot.toString(16).toUpperCase(), set_id);
  for (const { type, der } of issued) book.leaves.set(type, new Uint8Array(der));
  return book;
}

function wrongEcu(unit: Unit, book: Book): string[] {
  // The ECU itself refuses a chain that does not lead to its anchors; what it was given is not kept by any server.
  return lacks(profile, flashOf(unit), book, unit.inputs).filter((what) => !what.endsWith(OTHER_CHAIN));
}

/** Each set is known as stored, each PUT took effect once, and nothing was issued beside. */
function wrongReports(sets: readonly SetRow[], reports: readonly ReportRow[], runs: number): string[] {
  const found: string[] = [];
  for (const { keyId, name, slot } of profile.keys) {
    const own = sets.filter((set) => set.slot === slot);
    if (own.length !== runs) found.push(`the KMS issued ${own.length} sets for ${name}`);
    for (const { id, state } of own) {
      if (state !== "confirmed") found.push(`a set of ${name} is ${state}`);
      const told = reports.filter((report) => report.kind === "key" && report.set_id === id);
      if (told.map(({ status }) => status).join() !== "Success")
        found.push(`${told.length} reports of a set of key ${keyId}`);
    }
  }
  const synced = profile.keys.filter(({ syncValue }) => syncValue).length * runs;
  const told = reports.filter(({ kind }) => kind === "sync");
  if (told.length !== synced) found.push(`${told.length} reports of sync values`);
  if (sets.length !== profile.keys.length * runs) found.push(`${sets.length} sets in all`);
  return found;
}

/** Every certificate that the vPKI issued is in the journals of the station. */
function unaccounted(unit: Unit, issued: readonly { readonly der: Uint8Array }[], runs: number): string[] {
  const noted = rows<{ leaf: string }>(
    recordsFile(unit.data),
    "SELECT json_extract(data, '$.leaf') AS leaf FROM journal WHERE json_extract(data, '$.leaf') IS NOT NULL",
  ).map(({ leaf }) => leaf);
  const found = issued
    .filter(({ der }) => !noted.includes(Buffer.from(der).toString("base64")))
    .map(() => "a certificate is in no journal");
  const wanted = profile.certificates.length * runs;
  return issued.length === wanted ? found : [...found, `the vPKI issued ${issued.length} certificates`];
}

/** The record has every step and fits its schema; nothing is open, nothing waits, the audit chain holds. */
async function wrongRecords(unit: Unit, record: RunRecord): Promise<string[]> {
  const found: string[] = [];
  for (const error of Value.Errors(RecordSchema, record).slice(0, 3))
    found.push(`the record: ${error.instancePath} ${error.message}`);
  for (const step of record.header.plan) {
    const done = record.steps.find((entry) => entry.step === step);
    if (done === undefined || done.state === "failed") found.push(`the record: ${step} is ${done?.state ?? "missing"}`);
  }
  const file = recordsFile(unit.data);
  const open = rows(file, "SELECT run_id FROM run WHERE outcome IS NULL OR record IS NULL");
  if (open.length > 0) found.push(`${open.length} runs are open`);
  const undelivered = rows(file, "SELECT id FROM outbox WHERE state <> 'delivered'");
  if (undelivered.length > 0) found.push(`${undelivered.length} results are not delivered`);
  const claims = rows(file, "SELECT bay FROM bay_claim");
  if (claims.length > 0) found.push("the bay is still claimed");
  const { code, stdout } = await callBuilt("ecustation", ["records", "verify", "--json", "--data", unit.data]);
  if (code !== 0) found.push(`records verify: ${stdout}`);
  return found;
}
