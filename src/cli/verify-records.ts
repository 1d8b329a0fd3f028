/** Checks of unit records: those of a store against its audit chain, and signatures, also of exported files. */
import { createPublicKey } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Head } from "../audit/row.js";
import { type FoundRow, type Verdict, verifyChain } from "../audit/verify.js";
import { type Database, openReader } from "../db/database.js";
import { RECORD_ROWS } from "../records/record-tables.js";
import { recordHash } from "../records/seal-store.js";
import { isSignedBy, type VerifyingKey, verifyingKey } from "../records/sign.js";
import type { UnitRecord } from "../records/unit-record.js";
import { describe, StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import { exists } from "./files.js";

export interface RecordsReport {
  readonly store: string;
  readonly records: number;
  /** How many of them have a signature that holds. */
  readonly signed: number;
  /** The first thing that is wrong. */
  readonly bad: { readonly run: string; readonly what: string } | undefined;
}

const PAGE = 100;

class Count {
  records = 0;
  signed = 0;

  constructor(readonly store: string) {}

  report(bad?: RecordsReport["bad"]): RecordsReport {
    return { store: this.store, records: this.records, signed: this.signed, bad };
  }

  /** What is wrong with the record's signature; undefined where nothing is. */
  check(record: UnitRecord, keys: readonly VerifyingKey[]): string | undefined {
    this.records++;
    const { signature } = record;
    if (signature === undefined) return undefined;
    const key = keys.find(({ id }) => id === signature.key);
    if (key === undefined) return `is signed by key ${signature.key}, which is not known here (expected --key FILE)`;
    if (!isSignedBy(record, key)) return "was changed: its signature does not hold";
    this.signed++;
    return undefined;
  }
}

/** @throws StationError CONFIG_INVALID */
export async function readVerifyingKey(file: string): Promise<VerifyingKey> {
  try {
    return verifyingKey(createPublicKey(await readSettings(file)), file);
  } catch (error) {
    if (error instanceof StationError) throw error;
    throw new StationError("USAGE", { details: { what: `${file}: is no public key, PEM (${describe(error)})` } });
  }
}

/** All records of a store; undefined where it is from before records were signed. @param given the key that alone may have signed */
export async function verifyStored(
  store: string,
  file: string,
  given: VerifyingKey | undefined,
): Promise<RecordsReport | undefined> {
  const database = openReader(file);
  try {
    await database.exec("BEGIN");
    const there = await database.get("SELECT 1 AS yes FROM pragma_table_info('run') WHERE name = 'sealed'");
    if (there === undefined) return undefined;
    const count = new Count(store);
    const keys = given === undefined ? await keysOf(database) : [given];
    const report = count.report((await badRecord(database, count, keys)) ?? (await missingRecord(database)));
    await database.exec("ROLLBACK");
    return report;
  } finally {
    database.close();
  }
}

/** Keys that the audit chain names. */
async function keysOf(database: Database): Promise<VerifyingKey[]> {
  const rows = await database.all<{ subject: string; details: string }>(
    `SELECT subject, details FROM audit WHERE ${RECORD_ROWS} AND action = 'key'`,
  );
  return rows.flatMap(({ subject, details }) => {
    const { spki } = JSON.parse(details) as { spki?: unknown };
    if (typeof spki !== "string") return [];
    const key = createPublicKey({ key: Buffer.from(spki, "base64"), type: "spki", format: "der" });
    const known = verifyingKey(key, subject);
    return known.id === subject ? [known] : [];
  });
}

/** Keys that a store's audit chain names; none where it is not there. */
export async function keysOfStore(file: string): Promise<readonly VerifyingKey[]> {
  if (!(await exists(file))) return [];
  const database = openReader(file);
  try {
    return await keysOf(database);
  } finally {
    database.close();
  }
}

async function badRecord(
  database: Database,
  count: Count,
  keys: readonly VerifyingKey[],
): Promise<RecordsReport["bad"]> {
  for (let last = ""; ; ) {
    const page = await database.all<{ run: string; record: string; sealed: number | null }>(
      "SELECT run_id AS run, record, sealed FROM run WHERE record IS NOT NULL AND run_id > ? ORDER BY run_id LIMIT ?",
      last,
      PAGE,
    );
    for (const { run, record, sealed } of page) {
      last = run;
      const row = await database.get<{ details: string }>(
        `SELECT details FROM audit WHERE ${RECORD_ROWS} AND action IN ('finish', 'seal') AND subject = ? ORDER BY seq DESC LIMIT 1`,
        run,
      );
      // A run from before the chain has no row in it.
      const expected = row === undefined ? undefined : (JSON.parse(row.details) as { record?: unknown }).record;
      if (expected !== undefined && expected !== recordHash(record))
        return { run, what: "was changed: its hash is not that of the audit chain" };
      const unit = JSON.parse(record) as UnitRecord;
      const what = count.check(unit, keys);
      if (what !== undefined) return { run, what };
      if (sealed === 1 && unit.signature === undefined) return { run, what: "has lost its signature" };
    }
    if (page.length < PAGE) return undefined;
  }
}

/** A run that the chain has, without its record and without its deletion. */
async function missingRecord(database: Database): Promise<RecordsReport["bad"]> {
  const row = await database.get<{ subject: string }>(
    `SELECT subject FROM audit AS done WHERE ${RECORD_ROWS} AND action = 'finish'
       AND NOT EXISTS (SELECT 1 FROM run WHERE run_id = done.subject)
       AND NOT EXISTS (SELECT 1 FROM audit WHERE ${RECORD_ROWS} AND action = 'delete' AND subject = done.subject)
     ORDER BY seq LIMIT 1`,
  );
  return row === undefined ? undefined : { run: row.subject, what: "is missing: nobody deleted it" };
}

/** Whether a file is what `records export` writes, and no store. */
export async function isExport(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(1) });
    return bytesRead === 1 && "{[".includes(buffer.toString());
  } finally {
    await handle.close();
  }
}

export interface ExportReport {
  readonly records: RecordsReport;
  /** Of the rows of the audit chain; undefined where the file has none. */
  readonly chain: Verdict | undefined;
}

/**
 * Records and audit rows of an exported file, each on a line of its own or all of them in one object.
 * @param heads that must be in its chain
 * @throws StationError USAGE for a file that is something else
 */
export async function verifyExport(
  store: string,
  file: string,
  keys: readonly VerifyingKey[],
  heads: readonly Head[],
): Promise<ExportReport> {
  const count = new Count(store);
  let bad: RecordsReport["bad"];
  /** Rows of the chain; records that stand among them are checked as they come. */
  const rowsAmong = async function* (items: AsyncIterable<Item>): AsyncGenerator<FoundRow> {
    for await (const item of items) {
      if (isRow(item)) yield item;
      else if (bad === undefined) {
        const record = item as unknown as UnitRecord;
        // Beside a file's own word there is no chain that tells whether somebody took the signature away.
        const unsigned =
          record.signature === undefined ? "has no signature: nothing tells that it was not changed" : undefined;
        const what = count.check(record, keys) ?? unsigned;
        if (what !== undefined) bad = { run: record.runId, what };
      }
    }
  };
  const items = itemsOf(store, file);
  const first = await items.next();
  if (first.done === true) return { records: count.report(), chain: undefined };
  const { head } = first.value as { head?: Head };
  if (head === undefined) {
    for await (const _ of rowsAmong(behind(first.value, items)))
      throw notExported(store, "its audit chain has no head");
    return { records: count.report(bad), chain: undefined };
  }
  const kept = heads.map((one) => ({ ...one, where: "--heads" }));
  const chain = await verifyChain({ rows: rowsAmong(items), head, kept });
  return { records: count.report(bad), chain };
}

async function* behind(first: Item, rest: AsyncIterable<Item>): AsyncGenerator<Item> {
  yield first;
  yield* rest;
}

type Item = Readonly<Record<string, unknown>>;

const isRow = (item: Item) => "seq" in item && "hash" in item;
const isKnown = (item: Item) => isRow(item) || "runId" in item || "head" in item;

async function* itemsOf(store: string, file: string): AsyncGenerator<Item> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  let first = true;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const item = parsed(line);
    if (item === undefined || !isKnown(item)) {
      if (!first) throw notExported(store, `${line.slice(0, 40)}… is neither a record nor a row`);
      lines.close();
      yield* wholeOf(store, file);
      return;
    }
    first = false;
    yield item;
  }
}

async function* wholeOf(store: string, file: string): AsyncGenerator<Item> {
  const whole: unknown = parsed(await readFile(file, "utf8"));
  const records = Array.isArray(whole) ? whole : (whole as { records?: unknown } | undefined)?.records;
  const items: unknown[] = Array.isArray(records) ? records : [whole];
  for (const item of items) {
    if (typeof item !== "object" || item === null || !isKnown(item as Item))
      throw notExported(store, "it has no records");
    yield item as Item;
  }
}

function parsed(text: string): Item | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Item) : undefined;
  } catch {
    return undefined;
  }
}

function notExported(store: string, what: string): StationError {
  return new StationError("USAGE", { details: { what: `${store}: is not what records export writes (${what})` } });
}
