/** What there is in a database, for `doctor` and for checks of audit chains. */
import { StationError } from "../../shared/errors.js";
import type { Connection } from "../database.js";
import { addressOf, type PostgresConfig } from "./config.js";
import {
  ConnectionPool,
  inTransaction,
  NoConnection,
  type PostgresConnection,
  reasonOf,
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

/** @throws StationError STORE_UNAVAILABLE, or Error where it cannot be read */
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
 * @throws StationError STORE_UNAVAILABLE where the database cannot be reached; else what `work` throws
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
    if (!(error instanceof NoConnection)) throw error;
    const details = { where: addressOf(config), what: reasonOf(error.cause) };
    throw new StationError("STORE_UNAVAILABLE", { details, cause: error.cause });
  } finally {
    await pool.close();
  }
}
