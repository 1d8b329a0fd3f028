/** A store in an SQLite file. */
import { describe, isStationError, StationError } from "../shared/errors.js";
import { migrate, type OpenDatabase, openDatabase, openReader, refuseLost, rollBack } from "./database.js";
import { type Call, type EngineStore, GroupCommit, runCalls, runOperation } from "./group.js";
import type { StoreDefinition } from "./store.js";

/**
 * Opens an SQLite store.
 * @param gather what a first call waits for, so that others can join its transaction
 * @throws StationError STORE_LOST, or STORE_FAILED, which names the file; so do its calls, where the fault is not the operation's own StationError
 */
export async function openStore(
  definition: StoreDefinition,
  file: string,
  gather?: () => Promise<void>,
): Promise<EngineStore> {
  const fail = failing(file);
  const database = await opened(definition, file).catch(fail);
  const reads = new Set(definition.reads);

  const commit = async (calls: readonly Call[]) => {
    const reading = calls.every(({ name }) => reads.has(name));
    // Who only reads holds up no other process.
    const outcomes = await inTransaction(database, reading ? "BEGIN" : "BEGIN IMMEDIATE", () =>
      runCalls(database, definition, calls),
    );
    // What was committed is durable, and its callers must not hear otherwise.
    if (!reading) await definition.committed?.(database, file).catch(() => undefined);
    return outcomes;
  };
  const group = new GroupCommit({ commit, ...(gather && { gather }) });

  return {
    call: (name, args) => group.call({ name, args }).catch(fail),
    async close() {
      await group.close();
      database.close();
    },
  };
}

/**
 * Opens an SQLite store that is open elsewhere, for its declared reads: one after the other, each sees what is committed when it begins.
 * @throws StationError as `openStore` and its calls
 */
export async function openReads(definition: StoreDefinition, file: string): Promise<EngineStore> {
  const fail = failing(file);
  const database = await (async () => openReader(file))().catch(fail);
  let last: Promise<unknown> = Promise.resolve();
  return {
    call(name, args) {
      const read = last.then(() =>
        inTransaction(database, "BEGIN", () => runOperation(database, definition, { name, args })),
      );
      last = read.catch(() => undefined);
      return read.catch(fail);
    },
    async close() {
      await last;
      database.close();
    },
  };
}

async function inTransaction<T>(database: OpenDatabase, begin: string, work: () => Promise<T>): Promise<T> {
  await database.exec(begin);
  try {
    const value = await work();
    await database.exec("COMMIT");
    return value;
  } catch (error) {
    await rollBack(database);
    throw error;
  }
}

/** Throws an error so that it names the file, but for the operation's own. */
const failing =
  (file: string) =>
  (error: unknown): never => {
    if (isStationError(error)) throw error;
    throw new StationError("STORE_FAILED", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  };

async function opened(definition: StoreDefinition, file: string): Promise<OpenDatabase> {
  // Before the look at the store: who makes it writes what remains of it last.
  await refuseLost(file, definition.remains?.(file));
  const database = openDatabase(file);
  try {
    await migrate(database, definition.migrations);
    await definition.committed?.(database, file);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}
