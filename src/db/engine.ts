/** A store in an SQLite file. */
import { describe, isStationError, StationError } from "../shared/errors.js";
import { migrate, type OpenDatabase, openDatabase, refuseLost, rollBack } from "./database.js";
import { type Call, type EngineStore, GroupCommit, runCalls } from "./group.js";
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
  const fail = (error: unknown): never => {
    if (isStationError(error)) throw error;
    throw new StationError("STORE_FAILED", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  };
  const database = await opened(definition, file).catch(fail);

  const commit = async (calls: readonly Call[]) => {
    await database.exec("BEGIN IMMEDIATE");
    let outcomes: Awaited<ReturnType<typeof runCalls>>;
    try {
      outcomes = await runCalls(database, definition, calls);
      await database.exec("COMMIT");
    } catch (error) {
      await rollBack(database);
      throw error;
    }
    // What was committed is durable, and its callers must not hear otherwise.
    await definition.committed?.(database, file).catch(() => undefined);
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
