/** Store operations of the journal: a run begins, goes on entry by entry, and is over. */
import { append as audit } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import type { InterruptedRun, JournalEntry, OutboxRow, RunHeader, RunRecord, UnsettledLoad } from "../station/ports.js";
import { kmsRow, type OwedRow, owe } from "./outbox-store.js";
import { recordHash } from "./seal-store.js";
import { indexTexts } from "./text-index.js";
import { unitRecord } from "./unit-record.js";
import { nameCertificates, nameUnit } from "./unit-store.js";

/** A noted load's ECU in the journal's JSON; the schema indexes it by this very text. */
export const LOAD_ECU = "json_extract(data, '$.load.ecuId')";

/** The name in a noted request for a certificate; the schema indexes it by this very text. */
const REQUEST_DN = "json_extract(data, '$.request.dn')";

export const REQUEST_INDEX = `CREATE INDEX journal_request ON journal (${REQUEST_DN}) WHERE ${REQUEST_DN} IS NOT NULL;`;

async function begin(db: Database, header: RunHeader): Promise<void> {
  await db.run(
    "INSERT INTO run (run_id, bay, profile, vin, header, started_at) VALUES (?, ?, ?, ?, ?, ?)",
    header.runId,
    header.bay,
    header.profile.name,
    header.inputs.vin ?? null,
    JSON.stringify(header),
    Math.trunc(header.startedAt),
  );
  await indexTexts(db, header.startedAt);
  const { profile, inputs, link } = header;
  const details = { profile, link, vin: inputs.vin ?? null, expectedEcuId: header.expectedEcuId ?? null };
  await audit(db, { ...of(header), at: header.startedAt, action: "begin", outcome: "begun", details });
}

/** Whose row of the audit log: the bay's, about the run. */
function of({ bay, runId }: Pick<RunHeader, "bay" | "runId">): { actor: string; subject: string } {
  return { actor: bay, subject: runId };
}

async function append(
  db: Database,
  args: { runId: string; entry: JournalEntry; outbox: readonly OutboxRow[]; now: number },
): Promise<void> {
  const { runId, entry } = args;
  const open = await db.get("SELECT 1 AS yes FROM run WHERE run_id = ? AND outcome IS NULL", runId);
  if (open === undefined) throw new Error(`run ${runId} is not open`);
  await db.run(
    "INSERT INTO journal (run_id, step, event, at, data) VALUES (?, ?, ?, ?, ?)",
    runId,
    entry.step,
    entry.event,
    Math.trunc(entry.at),
    JSON.stringify(entry.data),
  );
  await nameUnit(db, runId, entry);
  for (const row of args.outbox) await owe(db, kmsRow(runId, row), args.now);
}

async function finish(db: Database, args: { record: RunRecord; owed: readonly OwedRow[]; now: number }): Promise<void> {
  const { record } = args;
  const { header, identity } = record;
  const unit = unitRecord(record);
  const text = JSON.stringify(unit);
  // A run that ended before it could begin has no row yet.
  const run = await db.get<{ started_at: number }>(
    `INSERT INTO run (run_id, bay, profile, vin, ecu_id, serial, header, started_at, resumed, outcome, code, finished_at,
       record, station, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
     ON CONFLICT (run_id) DO UPDATE SET ecu_id = excluded.ecu_id, serial = excluded.serial, vin = excluded.vin,
       outcome = excluded.outcome, code = excluded.code, finished_at = excluded.finished_at, record = excluded.record,
       station = excluded.station, sealed = excluded.sealed
     RETURNING started_at`,
    record.runId,
    header.bay,
    header.profile.name,
    header.inputs.vin ?? identity?.vin ?? null,
    identity?.ecuId ?? null,
    identity?.serialNumber ?? null,
    JSON.stringify(header),
    Math.trunc(record.startedAt),
    record.resumed,
    record.outcome,
    record.failure?.code ?? null,
    Math.trunc(record.finishedAt),
    text,
    header.station ?? null,
  );
  await indexTexts(db, run?.started_at ?? record.startedAt);
  await nameCertificates(db, unit);
  const details = {
    code: record.failure?.code ?? null,
    step: record.failure?.step ?? null,
    ecuId: identity?.ecuId ?? null,
    serial: identity?.serialNumber ?? null,
    vin: header.inputs.vin ?? identity?.vin ?? null,
    resumed: record.resumed,
    owed: record.owed,
    // Ties the stored record to the chain.
    record: recordHash(text),
  };
  await audit(db, { ...of(header), at: record.finishedAt, action: "finish", outcome: record.outcome, details });
  for (const row of args.owed) await owe(db, row, args.now);
}

interface JournalRow {
  step: string;
  event: JournalEntry["event"];
  at: number;
  data: string;
}

/** The journal of one run in its order. */
export async function journalOf(db: Database, runId: string): Promise<JournalEntry[]> {
  const rows = await db.all<JournalRow>(
    "SELECT step, event, at, data FROM journal WHERE run_id = ? ORDER BY seq",
    runId,
  );
  return rows.map((row) => ({ step: row.step, event: row.event, at: row.at, data: JSON.parse(row.data) }));
}

/** In the order in which they were begun, whatever the clock said. */
async function interrupted(db: Database, bay: string): Promise<InterruptedRun[]> {
  const rows = await db.all<{ run_id: string; header: string; resumed: number }>(
    "SELECT run_id, header, resumed FROM run WHERE bay = ? AND outcome IS NULL ORDER BY rowid",
    bay,
  );
  const runs: InterruptedRun[] = [];
  for (const row of rows) {
    runs.push({ header: JSON.parse(row.header), entries: await journalOf(db, row.run_id), resumed: row.resumed });
  }
  return runs;
}

/** Headers of all runs that began and never finished, oldest first. */
async function unfinished(db: Database, _: null): Promise<RunHeader[]> {
  const rows = await db.all<{ header: string }>("SELECT header FROM run WHERE outcome IS NULL ORDER BY rowid");
  return rows.map((row) => JSON.parse(row.header));
}

async function resume(db: Database, args: { runId: string; now: number }): Promise<void> {
  const row = await db.get<{ bay: string; resumed: number }>(
    "UPDATE run SET resumed = resumed + 1 WHERE run_id = ? AND outcome IS NULL RETURNING bay, resumed",
    args.runId,
  );
  if (row === undefined) throw new Error(`run ${args.runId} is not open`);
  const { bay, resumed } = row;
  await audit(db, {
    ...of({ bay, runId: args.runId }),
    at: args.now,
    action: "resume",
    outcome: "resumed",
    details: { resumed },
  });
}

async function unsettled(db: Database, ecuId: string): Promise<UnsettledLoad[]> {
  const loads = new Map<string, UnsettledLoad>();
  const rows = await db.all<{ run_id: string; step: string; load: string }>(
    `SELECT run_id, step, json_extract(data, '$.load') AS load FROM journal WHERE ${LOAD_ECU} = ? ORDER BY seq`,
    ecuId,
  );
  for (const row of rows) {
    const load = JSON.parse(row.load) as Omit<UnsettledLoad, "runId" | "step">;
    if ((await db.get("SELECT 1 AS yes FROM outbox WHERE id = ?", load.reportId)) !== undefined) continue;
    // The set that was noted last under an id is the one that could reach the ECU.
    loads.set(load.reportId, { ...load, runId: row.run_id, step: row.step });
  }
  return [...loads.values()];
}

async function askedBefore(
  db: Database,
  { ecuId, dn, runId }: { ecuId: string; dn: string; runId: string },
): Promise<boolean> {
  const found = await db.get(
    `SELECT 1 AS yes FROM journal
     WHERE ${REQUEST_DN} = ? AND json_extract(data, '$.request.ecuId') = ? AND run_id <> ? LIMIT 1`,
    dn,
    ecuId,
    runId,
  );
  return found !== undefined;
}

export const journalOperations = { begin, append, finish, interrupted, unfinished, resume, unsettled, askedBefore };
