/** Checks of audit chains where they are kept: SQLite files, and schemas of a PostgreSQL database. */
import { dirname } from "node:path";
import { headOf, rowsOf } from "../audit/chain.js";
import { headFile, readHead } from "../audit/head-file.js";
import { GENESIS, type Head } from "../audit/row.js";
import { type BadRow, type KeptHead, type Verdict, verifyChain } from "../audit/verify.js";
import { type Database, type OpenDatabase, openReader } from "../db/database.js";
import type { PostgresConfig } from "../db/postgres/config.js";
import { describe, isStationError } from "../shared/errors.js";
import { exists } from "./files.js";

export interface ChainReport extends Verdict {
  readonly store: string;
  /** `none`: the store is from before, its chain begins when a program opens it. */
  readonly state: "ok" | "broken" | "none";
}

/** A store and what is known of its chain. */
export interface ChainPlace {
  readonly store: string;
  /** Schema version that brought the chain. */
  readonly since: number;
  /** The heads that `--heads` gives of it. */
  readonly heads: readonly Head[];
}

const EMPTY: Verdict = { rows: 0, head: GENESIS, bad: undefined };

export const broken = (store: string, bad: BadRow): ChainReport => ({ ...EMPTY, store, bad, state: "broken" });

/** @param own true where the store stands in its own folder, so that its head file must be beside it */
export async function verifyFile(place: ChainPlace, file: string, own: boolean): Promise<ChainReport> {
  let database: OpenDatabase | undefined;
  try {
    // Before the rows: a head that is written meanwhile would be ahead of what is read.
    const beside = readHead(file);
    database = openReader(file);
    await database.exec("BEGIN");
    const version = (await database.get<{ user_version: number }>("PRAGMA user_version"))?.user_version ?? 0;
    const there = (await database.get("SELECT 1 AS there FROM sqlite_master WHERE name = 'audit_head'")) !== undefined;
    return await judge(place, database, { version, there, beside, where: headFile(file), own });
  } catch (error) {
    return unreadable(place, error);
  } finally {
    await end(database);
  }
}

/**
 * @param beside what this replica keeps its head beside; it must be there where its folder is
 * @throws StationError STORE_UNAVAILABLE where the database is away
 */
export async function verifySchema(
  place: ChainPlace,
  config: PostgresConfig,
  schema: string,
  beside: string,
): Promise<ChainReport> {
  try {
    const { reading } = await import("../db/postgres/describe.js");
    const kept = readHead(beside);
    const own = await exists(dirname(beside));
    return await reading(config, schema, async (database) => {
      const found = await database.get<{ there: number }>(
        "SELECT count(*) AS there FROM information_schema.tables WHERE table_schema = ? AND table_name = 'audit_head'",
        schema,
      );
      // A schema has had its chain from its first program on.
      const there = (found?.there ?? 0) > 0;
      return judge(place, database, { version: place.since, there, beside: kept, where: headFile(beside), own });
    });
  } catch (error) {
    if (isStationError(error, "STORE_UNAVAILABLE")) throw error;
    return unreadable(place, error);
  }
}

interface Found {
  /** Of the schema. */
  readonly version: number;
  /** Whether there is a chain. */
  readonly there: boolean;
  readonly beside: ReturnType<typeof readHead>;
  /** File of that head. */
  readonly where: string;
  readonly own: boolean;
}

async function judge({ store, since, heads }: ChainPlace, database: Database, found: Found): Promise<ChainReport> {
  const { version, there, beside, where, own } = found;
  if (!there && version < since && beside === undefined) return { ...EMPTY, store, state: "none" };
  const verdict = await verifyChain({
    rows: rowsOf(database),
    head: await headOf(database),
    kept: keptHeads(beside, where, heads),
  });
  const bad = verdict.bad ?? headFault(beside, own, verdict.head, where);
  return { ...verdict, bad, store, state: bad === undefined ? "ok" : "broken" };
}

function unreadable({ store }: ChainPlace, error: unknown): ChainReport {
  return broken(store, { row: 1, fault: "unreadable", what: `cannot be read: ${describe(error)}` });
}

/** Ends the reading transaction too: a closed connection lives on until its statements are collected. */
async function end(database: OpenDatabase | undefined): Promise<void> {
  try {
    await database?.exec("ROLLBACK");
  } catch {
    // There was none, or the file is damaged.
  }
  database?.close();
}

function keptHeads(beside: ReturnType<typeof readHead>, where: string, heads: readonly Head[]): KeptHead[] {
  const own = beside === undefined || beside === "damaged" ? [] : [{ ...beside, where }];
  return [...own, ...heads.map((head) => ({ ...head, where: "--heads" }))];
}

/** A chain that holds in itself, but whose head was not kept beside it. */
function headFault(beside: ReturnType<typeof readHead>, own: boolean, head: Head, where: string): BadRow | undefined {
  const row = head.seq + 1;
  if (beside === "damaged") return { row, fault: "head", what: `may be missing: ${where} is damaged` };
  return own && beside === undefined
    ? { row, fault: "head", what: `may be missing: ${where} is not there` }
    : undefined;
}
