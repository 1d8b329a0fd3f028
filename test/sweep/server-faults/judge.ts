/** What must hold of a unit once its clean run has ended: each set, result and certificate of the servers against the station's records. */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { Value } from "typebox/value";
import { parseCsr } from "../../../src/pki/csr.js";
import { RecordSchema } from "../../../src/records/schema.js";
import type { RunRecord } from "../../../src/station/ports.js";
import { rows } from "../../system/cases.js";
import { bookOf, type ReportRow, type SetRow } from "../run-kill/judge.js";
import { falseReports, lacks, OTHER_CHAIN } from "../wire/book.js";
import type { Plant, Unit } from "../wire/plant.js";

interface NumberedSet extends SetRow {
  readonly seq: number;
}

interface Servers {
  readonly sets: readonly NumberedSet[];
  readonly reports: readonly ReportRow[];
  /** In the order of their issue. */
  readonly issued: readonly Issued[];
}

interface Issued {
  readonly type: string;
  readonly der: Uint8Array;
  /** True where the vPKI has set its end as superseded. */
  readonly superseded: boolean;
}

/** Rows of the servers' own stores. */
function serversOf(plant: Plant, { inputs }: Unit, ecuId: string): Servers {
  const [kms, vpki] = ["kms", "vpki"].map((name) => join(plant.folder, name, `${name}.sqlite`)) as [string, string];
  const uid = ecuId.slice(24);
  const certificates = rows<{ type: string; certificate: string; superseded: number }>(
    vpki,
    `SELECT type, certificate, revoked_at IS NOT NULL AS superseded FROM certificates
     WHERE dn LIKE '%${inputs.pcid}%' OR dn LIKE '%${inputs.evccid}%' ORDER BY rowid`,
  );
  return {
    sets: rows(kms, `SELECT id, slot, seq, state, m4, m5 FROM sets WHERE lower(uid) = '${uid}' ORDER BY seq`),
    reports: rows(
      kms,
      `SELECT kind, slot, set_id, status FROM reports WHERE lower(uid) = '${uid}' ORDER BY reported_at, rowid`,
    ),
    issued: certificates.map(({ type, certificate, superseded }) => ({
      type,
      superseded: superseded === 1,
      der: new Uint8Array(Buffer.from(certificate, "base64")),
    })),
  };
}

/** The record as it was kept: by its schema, with every step of the plan where the run passed. */
export function recordFaults(plant: Plant, runId: string): string[] {
  const file = join(plant.folder, "records.sqlite");
  const [row] = rows<{ record: string | null }>(file, `SELECT record FROM run WHERE run_id = '${runId}'`);
  if (row === undefined || row.record === null) return ["the record is missing"];
  const record = JSON.parse(row.record) as RunRecord;
  const found = [...Value.Errors(RecordSchema, record)]
    .slice(0, 3)
    .map(({ instancePath, message }) => `the record: ${instancePath} ${message}`);
  if (record.outcome !== "PASS") return found;
  const done = new Set(record.steps.filter(({ state }) => state !== "failed").map(({ step }) => step));
  return [...found, ...record.header.plan.filter((step) => !done.has(step)).map((step) => `the record lacks ${step}`)];
}

/** What the ECU's memory has against the KMS's and vPKI's stores. @param passed the run before ended with PASS */
export function memoryFaults(plant: Plant, unit: Unit, ecuId: string, passed: boolean): string[] {
  const { sets, reports, issued } = serversOf(plant, unit, ecuId);
  const book = bookOf(sets, reports, issued);
  const { profile } = plant;
  const found = passed ? lacks(profile, unit.cell, book, unit.inputs) : falseReports(profile, unit.cell, book);
  return found.filter((what) => !what.endsWith(OTHER_CHAIN));
}

/** Everything that a server gave or was told, and the station's books do not account for. */
export function accountFaults(plant: Plant, unit: Unit, ecuId: string): string[] {
  const { sets, reports, issued } = serversOf(plant, unit, ecuId);
  return [...setFaults(sets, reports), ...resultFaults(plant, unit, reports), ...certificateFaults(plant, issued)];
}

/** Each set was reported once, or a later one that is in the ECU has made it worthless: SHE takes no lower counter. */
function setFaults(sets: readonly NumberedSet[], reports: readonly ReportRow[]): string[] {
  return sets.flatMap(({ id, slot, seq, state }) => {
    const told = reports.filter(({ kind, set_id }) => kind === "key" && set_id === id).map(({ status }) => status);
    const wanted = { confirmed: "Success", failed: "OperationFailed" }[state] ?? "";
    if (told.join() !== wanted)
      return [`a set of slot ${slot} is ${state} and was reported as ${told.join() || "nothing"}`];
    const later = sets.some((set) => set.slot === slot && set.seq > seq && set.state === "confirmed");
    return state === "confirmed" || later ? [] : [`a set of slot ${slot} is ${state} and the last one`];
  });
}

/** Ids of all results that the station owes or owed the KMS. */
export function owedIds(plant: Plant): ReadonlySet<string> {
  const file = join(plant.folder, "records.sqlite");
  return new Set(rows<{ id: string }>(file, "SELECT id FROM outbox WHERE sink = 'kms'").map(({ id }) => id));
}

/** What the outbox delivered took effect once, and nothing else did. */
function resultFaults(plant: Plant, unit: Unit, reports: readonly ReportRow[]): string[] {
  const outbox = rows<{ state: string }>(
    join(plant.folder, "records.sqlite"),
    `SELECT state FROM outbox WHERE run_id IN (SELECT run_id FROM run WHERE bay = '${unit.bus}')`,
  );
  const found = outbox.filter(({ state }) => state !== "delivered").map(({ state }) => `a result is ${state}`);
  return outbox.length === reports.length
    ? found
    : [...found, `${outbox.length} results of the station, ${reports.length} effects in the KMS`];
}

/**
 * The journal noted the CSR of each certificate, and so its key, before it was asked for; those that are not in the ECU end as superseded,
 * the one that is there does not.
 */
function certificateFaults(plant: Plant, issued: readonly Issued[]): string[] {
  const noted = rows<{ csr: string }>(
    join(plant.folder, "records.sqlite"),
    "SELECT json_extract(data, '$.request.csr') AS csr FROM journal WHERE json_extract(data, '$.request.csr') IS NOT NULL",
  );
  const keys = new Set(
    noted.map(({ csr }) => Buffer.from(parseCsr(new Uint8Array(Buffer.from(csr, "base64"))).publicKey).toString("hex")),
  );
  const current = new Map(issued.map((each) => [each.type, each]));
  const wrongEnds = issued
    .filter((each) => each.superseded === (current.get(each.type) === each))
    .map(
      ({ type, superseded }) => `a ${type} certificate ${superseded ? "in use is" : "out of use is not"} superseded`,
    );
  const unknown = issued
    .map(({ der }) => new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }).toString("hex"))
    .filter((key) => !keys.has(key))
    .map(() => "a certificate's key is in no journal");
  return [...wrongEnds, ...unknown];
}
