import { withLimit } from "../../shared/abort.js";
import { systemClock } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import type { StationConfig } from "../config.js";
import { storesText } from "../database.js";
import type { Finding } from "./checks.js";

/** Connects to the servers' database and says what is in it. */
export async function checkDatabase({ servers }: StationConfig, signal: AbortSignal): Promise<readonly Finding[]> {
  if (servers.kind !== "embedded" || servers.database === undefined) return [];
  const { postgres } = servers.database;
  const name = "database";
  const what = storesText(servers);
  try {
    const { describeDatabase } = await import("../../db/postgres/describe.js");
    const late = () => new StationError("STORE_UNAVAILABLE", { details: { where: what, what: "no answer" } });
    const { version, schemas } = await withLimit(systemClock, 20_000, signal, late, () => describeDatabase(postgres));
    const held = schemas.map(({ schema, version: at }) => `${schema} version ${at}`).join(", ");
    return [{ name, state: "OK", needed: true, what: `${what}, version ${version}, ${held || "no stores yet"}` }];
  } catch (error) {
    signal.throwIfAborted();
    const todo =
      "check host, port, database, user, passwordFile and tls, and that the database is running (docs/postgresql.md)";
    return [{ name, state: "FAILED", needed: true, what: `${what}: ${describe(error)}`, todo }];
  }
}
