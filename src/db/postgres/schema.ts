/** Brings a schema and its tables up to date; replicas that start at once do it one after the other. */
import { StationError } from "../../shared/errors.js";
import type { Connection, Migration } from "../database.js";
import { inTransaction, type PostgresConnection } from "./connection.js";

/** Makes the lock of a schema that is not there yet another one than those of other programs. */
const LOCK_CLASS = 0x65637573;

/**
 * @param remains what shows that the schema was in use
 * @throws StationError STORE_LOST where it has no tables and `remains` is there; Error where the database does not do, or a newer program wrote the schema
 */
export async function prepareSchema(
  connection: PostgresConnection,
  schema: string,
  migrations: readonly Migration[],
  remains: string | undefined,
): Promise<void> {
  await checkSettings(connection);
  await inTransaction(connection, "write", async () => {
    await connection.get("SELECT pg_advisory_xact_lock(?, hashtext(?))", LOCK_CLASS, schema);
    // Who may not make a schema may use one that is there.
    if ((await connection.get("SELECT 1 AS found FROM pg_namespace WHERE nspname = ?", schema)) === undefined)
      await connection.exec(`CREATE SCHEMA ${schema}`);
    const table = await connection.get<{ name: string | null }>(
      "SELECT to_regclass(?)::text AS name",
      `${schema}.store_schema`,
    );
    if (table?.name == null) {
      if (remains !== undefined)
        throw new StationError("STORE_LOST", { details: { store: `postgresql/${schema}`, head: remains } });
      await connection.exec(
        "CREATE TABLE store_schema (one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL)",
      );
      await connection.run("INSERT INTO store_schema (one, version) VALUES (1, 0)");
    }
    const row = await connection.get<{ version: number }>("SELECT version FROM store_schema FOR UPDATE");
    const version = row?.version ?? 0;
    if (version > migrations.length)
      throw new Error(
        `schema ${schema} has version ${version}, this program knows ${migrations.length}: use the newer program`,
      );
    const target = withBigIntegers(connection);
    for (const migration of migrations.slice(version)) {
      if (typeof migration === "string") await target.exec(migration);
      else await migration(target);
    }
    await connection.run("UPDATE store_schema SET version = ?", migrations.length);
  });
}

/** Answers must be durable when they are given, and names hold any character. */
async function checkSettings(connection: PostgresConnection): Promise<void> {
  const found = await connection.get<{ encoding: string; durable: string }>(
    "SELECT current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS durable",
  );
  if (found?.encoding !== "UTF8") throw new Error(`the database is encoded in ${found?.encoding} (expected UTF8)`);
  if (found.durable === "off") throw new Error("synchronous_commit is off (expected on)");
}

/** SQLite's INTEGER has 64 bits, PostgreSQL's 32. */
function withBigIntegers(connection: Connection): Connection {
  return {
    get: (sql, ...values) => connection.get(sql, ...values),
    all: (sql, ...values) => connection.all(sql, ...values),
    run: (sql, ...values) => connection.run(sql, ...values),
    exec: (sql) => connection.exec(sql.replaceAll(/\bINTEGER\b/g, "BIGINT")),
  };
}
