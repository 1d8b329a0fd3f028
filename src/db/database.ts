import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";

/** What SQLite binds and gives back. Dates, booleans and ArrayBuffers are converted by the caller. */
export type Value = string | number | bigint | null | Uint8Array;
export type Row = Record<string, Value>;

/** The view of one SQLite file that store operations get; prepared statements are kept by their text. */
export interface Database {
  /** First row or undefined. */
  get<T extends object = Row>(sql: string, ...values: Value[]): T | undefined;
  all<T extends object = Row>(sql: string, ...values: Value[]): T[];
  /** Runs a statement; the number of rows it changed. */
  run(sql: string, ...values: Value[]): number;
}

export interface OpenDatabase extends Database {
  exec(sql: string): void;
  close(): void;
}

/** Opens `file` (made with its folder when missing; `:memory:` too) in WAL mode with synchronous=FULL. */
export function openDatabase(file: string): OpenDatabase {
  if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = new DatabaseSync(file);
  handle.exec("PRAGMA busy_timeout = 10000");
  handle.exec("PRAGMA journal_mode = WAL");
  handle.exec("PRAGMA synchronous = FULL");
  handle.exec("PRAGMA foreign_keys = ON");
  return around(handle);
}

/** Opens a file that is there, to read what is committed, also while a program writes to it. @throws Error where there is none */
export function openReader(file: string): OpenDatabase {
  const handle = new DatabaseSync(file, { readOnly: true });
  handle.exec("PRAGMA busy_timeout = 10000");
  return around(handle);
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
    get: <T extends object>(sql: string, ...values: Value[]) => prepare(sql).get(...values) as T | undefined,
    all: <T extends object>(sql: string, ...values: Value[]) => prepare(sql).all(...values) as T[],
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    exec: (sql) => handle.exec(sql),
    close: () => {
      statements.clear();
      handle.close();
    },
  };
}

/** SQL, or what SQL alone cannot do. */
export type Migration = string | ((database: OpenDatabase) => void);

/**
 * Brings the schema up to date: `migrations[n]` takes version n to n + 1, each in its own transaction with the new version number.
 * @throws Error when the file was written by a newer program
 */
export function migrate(database: OpenDatabase, migrations: readonly Migration[]): void {
  const version = () => Number(database.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0);
  if (version() > migrations.length) {
    throw new Error(
      `the store has schema ${version()}, this program knows ${migrations.length}: use the newer program`,
    );
  }
  for (let at = version(); at < migrations.length; at = version()) {
    database.exec("BEGIN IMMEDIATE");
    try {
      // Another process may have migrated while this one waited for the lock.
      if (version() === at) {
        const migration = migrations[at] ?? "";
        if (typeof migration === "string") database.exec(migration);
        else migration(database);
        database.exec(`PRAGMA user_version = ${at + 1}`);
      }
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
}
