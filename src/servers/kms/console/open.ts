/** The console of a KMS, where it has a user; and with it, where the KMS has its registry from. */
import { join } from "node:path";
import type { FastifyPluginAsync } from "fastify";
import { Value } from "typebox/value";
import { StationError } from "../../../shared/errors.js";
import { peerOf } from "../../http/peer.js";
import type { KmsConfig } from "../config.js";
import type { Registry } from "../registry.js";
import { fixedRegistry, type RegistrySource, StoredRegistry, type StoredRegistryOptions } from "../registry-store.js";
import { ConsoleConfigSchema } from "./config.js";
import { consolePlugin } from "./index.js";
import type { ConsoleOptions } from "./routing.js";
import { Sessions } from "./session.js";
import { readUsers } from "./users.js";

/** File of the users in the KMS's folder, where the configuration names none. */
export const USERS_FILE = "console-users.yaml";

export interface OpenOptions extends Omit<StoredRegistryOptions, "file">, Pick<ConsoleOptions, "logger"> {
  /** The KMS's folder. */
  readonly dir: string;
  readonly config: KmsConfig | undefined;
  readonly file: Registry;
}

export interface Opened {
  readonly registry: RegistrySource;
  /** Undefined where nobody may use it. */
  readonly plugin: FastifyPluginAsync | undefined;
}

/**
 * Unless the configuration says otherwise, the registry is the store's where there is a user, or the store has one already (else who
 * removes the last user would enable again what the console had disabled); in all other cases the file's.
 * @throws StationError CONFIG_INVALID (users, registry file), STORE_FAILED
 */
export async function openConsole({ dir, config, file, logger, ...parts }: OpenOptions): Promise<Opened> {
  const { store, vault, clock } = parts;
  const { users, ...limits } = Value.Parse(
    ConsoleConfigSchema,
    Value.Default(ConsoleConfigSchema, config?.console ?? {}),
  );
  const usersFile = users ?? join(dir, USERS_FILE);
  const used = (await readUsers(usersFile)).length > 0;
  if (!used && users !== undefined) {
    const what = `${users}: has no user (expected one: ecustation console passwd NAME)`;
    throw new StationError("CONFIG_INVALID", { details: { what } });
  }
  const kept = used || (await store.call("registrySince", null)) !== "none";
  const from = config?.registryFrom ?? (kept ? "store" : "file");
  if (kept) logger.info("where the registry is from", { registryFrom: from });
  const writable = from === "store" ? await StoredRegistry.open({ ...parts, file }) : undefined;
  const registry = writable ?? fixedRegistry(file);
  if (!used) return { registry, plugin: undefined };
  const sessions = new Sessions({ store, vault, clock, usersFile, limits });
  return { registry, plugin: consolePlugin({ ...parts, logger, sessions, registry, writable, peerOf }) };
}
