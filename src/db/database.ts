import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { StationError } from "../shared/errors.js";
import { makeFolder } from "../shared/folders.js";

/** What SQLite binds and gives back. Dates, booleans and ArrayBuffers are converted by the caller. */
export type Value = string | number | bigint | null | Uint8Array;
export type Row = Record<string, Value>;

/** The view of one store that its operations get. Prepared statements are kept by their text. */
export interface Database {
  /** First row or undefined. */
  get<T extends object = Row>(sql: string, ...values: Value[]): Promise<T | undefined>;
  all<T extends object = Row>(sql: string, ...values: Value[]): Promise<T[]>;
  /** Runs a statement; the number of rows it changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
}

/** A connection of one's own: it takes transactions, and several statements in one text. */
export interface Connection extends Database {
  exec(sql: string): Promise<void>;
}

/** An SQLite file. What it is asked is done when the call returns, only its result comes as a promise. */
export interface OpenDatabase extends Connection {
  close(): void;
}

/** ms that a lock of somebody else is waited for. */
const BUSY = 10_000;
/** ms that an attempt and the pause behind it take, where SQLite does not wait itself. */
const PAUSE = 5;

/** Opens `file` (made with its folder when missing; `:memory:` too) in WAL mode with synchronous=FULL. */
export function openDatabase(file: string): OpenDatabase {
  if (file !== ":memory:") makeFolder(dirname(file));
  const handle = new DatabaseSync(file);
  toWal(handle);
  handle.exec(`PRAGMA busy_timeout = ${BUSY}`);
  handle.exec("PRAGMA synchronous = FULL");
  handle.exec("PRAGMA foreign_keys = ON");
  return around(handle);
}

/** Who makes a file while somebody else makes it, too, is refused at once where one of them would otherwise wait for ever: it tries again. */
function toWal(handle: InstanceType<typeof DatabaseSync>): void {
  handle.exec(`PRAGMA busy_timeout = ${PAUSE}`);
  for (let left = BUSY / (2 * PAUSE); ; left--) {
    try {
      handle.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (left === 0 || !isBusy(error)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/** Whether somebody else holds the lock. */
export const isBusy = (error: unknown): boolean => error instanceof Error && /locked|busy/i.test(error.message);

/** Opens a file that is there, to read what is committed, also while a program writes to it. @throws Error where there is none */
export function openReader(file: string): OpenDatabase {
  const handle = new DatabaseSync(file, { readOnly: true });
  handle.exec(`PRAGMA busy_timeout = ${BUSY}`);
  return around(handle);
}

/** @param head what shows that the store was in use, where it is there @throws StationError STORE_LOST where the store is missing or empty beside it */
export async function refuseLost(file: string, head: string | undefined): Promise<void> {
  if (head !== undefined && !(await hasSchema(file)))
    throw new StationError("STORE_LOST", { details: { store: file, head } });
}

async function hasSchema(file: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const database = openReader(file);
  try {
    return (await schemaOf(database)) > 0;
  } finally {
    database.close();
  }
}

/** Writes what is committed in the store `file` to `to`, which must not be there; programs may write to it meanwhile. Deleted rows do not go along. */
export async function copyDatabase(file: string, to: string): Promise<void> {
  const database = openReader(file);
  try {
    await database.run("VACUUM INTO ?", to);
  } finally {
    database.close();
  }
}

function around(handle: InstanceType<typeof DatabaseSync>): OpenDatabase {
  const statements = new Map<string, ReturnType<(typeof handle)["prepare"]>>();
  const prepare = (sql: string) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = handle.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    get: async <T extends object>(sql: string, ...values: Value[]) => prepare(sql).get(...values) as T | undefined,
    all: async <T extends object>(sql: string, ...values: Value[]) => prepare(sql).all(...values) as T[],
    run: async (sql, ...values) => Number(prepare(sql).run(...values).changes),
    exec: async (sql) => handle.exec(sql),
    close: () => {
      statements.clear();
      handle.close();
    },
  };
}

/** SQL, or what SQL alone cannot do. */
export type Migration = string | ((database: Connection) => Promise<void>);

/**
 * Brings the schema up to date: `migrations[n]` takes version n to n + 1, each in its own transaction with the new version number.
 * @throws Error when the file was written by a newer program
 */
export async function migrate(database: Connection, migrations: readonly Migration[]): Promise<void> {
  const version = () => schemaOf(database);
  const first = await version();
  if (first > migrations.length) {
    throw new Error(`the store has schema ${first}, this program knows ${migrations.length}: use the newer program`);
  }
  for (let at = first; at < migrations.length; at = await version()) {
    await database.exec("BEGIN IMMEDIATE");
    try {
      // Another process may have migrated while this one waited for the lock.
      if ((await version()) === at) {
        const migration = migrations[at] ?? "";
        if (typeof migration === "string") await database.exec(migration);
        else await migration(database);
        await database.exec(`PRAGMA user_version = ${at + 1}`);
      }
      await database.exec("COMMIT");
    } catch (error) {
      await rollBack(database);
      throw error;
    }
  }
}

async function schemaOf(database: Database): Promise<number> {
  return Number((await database.get<{ user_version: number }>("PRAGMA user_version"))?.user_version ?? 0);
}

/** Takes back the transaction that failed. SQLite may have done so itself (a full disk, an I/O error), which is no further fault. */
export async function rollBack(database: Connection): Promise<void> {
  await database.exec("ROLLBACK").catch(() => undefined);
}
