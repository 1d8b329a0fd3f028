/** The section of the configuration that says where the servers' stores are: what a schema cannot check, and absolute paths. */
import { type Static, Type } from "typebox";
import { addressOf, isRemote, limitFault, type PostgresConfig, PostgresSchema } from "../db/postgres/config.js";
import type { EmbeddedServers } from "./config.js";
import type { Fault } from "./tokens.js";

export const DatabaseSchema = Type.Object({ postgres: PostgresSchema }, { additionalProperties: false });
export type DatabaseConfig = Static<typeof DatabaseSchema>;

const PATH = ["servers", "embedded", "database", "postgres"];

/**
 * @param plant whether the way to the database must be safe
 * @param at makes a path absolute
 * @throws StationError CONFIG_INVALID with the place
 */
export function databaseOf(
  { postgres }: DatabaseConfig,
  plant: boolean,
  at: (path: string) => string,
  fault: Fault,
): DatabaseConfig {
  const limit = limitFault(postgres);
  if (limit !== undefined) throw fault([...PATH, "limits", limit.limit], limit.what);
  if (plant && postgres.tls === undefined && isRemote(postgres))
    throw fault([...PATH, "tls"], `is missing: ${postgres.host} is another machine (expected caFile)`);
  const { passwordFile, tls } = postgres;
  if ((tls?.clientCertFile === undefined) !== (tls?.clientKeyFile === undefined))
    throw fault([...PATH, "tls"], "names one of clientCertFile and clientKeyFile (expected both or none)");
  const absolute: PostgresConfig = {
    ...postgres,
    ...(passwordFile !== undefined && { passwordFile: at(passwordFile) }),
    ...(tls !== undefined && {
      tls: Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, at(file)])) as typeof tls,
    }),
  };
  return { postgres: absolute };
}

/** Where the servers' stores are, for people. */
export function storesText({ database }: EmbeddedServers): string {
  if (database === undefined) return "SQLite in the data folder";
  const { user, tls } = database.postgres;
  return `PostgreSQL ${addressOf(database.postgres)} as ${user}${tls === undefined ? "" : ", over TLS"}`;
}
