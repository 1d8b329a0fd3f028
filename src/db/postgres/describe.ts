/** What there is in a database, for `doctor` and for checks of audit chains. */
import type { Connection } from "../database.js";
import type { PostgresConfig } from "./config.js";
import {
  ConnectionPool,
  inTransaction,
  NoConnection,
  type PostgresConnection,
  Statements,
  tlsOf,
} from "./connection.js";

/** A schema that stores were made in. */
export interface StoreSchema {
  readonly schema: string;
  readonly version: number;
}

export interface DatabaseDescription {
  /** Of the server, e.g. 15.4. */
  readonly version: string;
  readonly schemas: readonly StoreSchema[];
}

/** @throws Error where the database cannot be reached or read */
export function describeDatabase(config: PostgresConfig): Promise<DatabaseDescription> {
  return reading(config, "public", async (connection) => {
    const row = await connection.get<{ version: string }>("SELECT current_setting('server_version') AS version");
    const tables = await connection.all<{ schema: string }>(
      "SELECT table_schema AS schema FROM information_schema.tables WHERE table_name = 'store_schema' ORDER BY 1",
    );
    const schemas: StoreSchema[] = [];
    for (const { schema } of tables) {
      const found = await connection.get<{ version: number }>(`SELECT version FROM "${schema}".store_schema`);
      schemas.push({ schema, version: found?.version ?? 0 });
    }
    return { version: row?.version ?? "?", schemas };
  });
}

/**
 * Reads a schema in one snapshot, whoever writes to it meanwhile.
 * @throws Error where the database cannot be reached; else what `work` throws
 */
export async function reading<T>(
  config: PostgresConfig,
  schema: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const pool = new ConnectionPool({ config, tls: await tlsOf(config), schema, size: 1, statements: new Statements() });
  try {
    return await pool.use((connection: PostgresConnection) =>
      inTransaction(connection, "read", () => work(connection)),
    );
  } catch (error) {
    throw error instanceof NoConnection ? error.cause : error;
  } finally {
    await pool.close();
  }
}
