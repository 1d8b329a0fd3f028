/** Runs the operations of a store: those that wait together are one transaction, each in a savepoint of its own. */
import { type Connection, migrate, openDatabase } from "./database.js";
import type { StoreDefinition } from "./store.js";

/** A store of this thread. */
export interface EngineStore {
  /** Resolves behind the commit. */
  call(name: string, args: unknown): Promise<unknown>;
  /** Finishes what was called. */
  close(): Promise<void>;
}

interface Call {
  readonly name: string;
  readonly args: unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * Opens an SQLite store.
 * @param gather what a first call waits for, so that others can join its transaction
 */
export async function openStore(
  definition: StoreDefinition,
  file: string,
  gather: () => Promise<void> = async () => undefined,
): Promise<EngineStore> {
  const database = openDatabase(file);
  try {
    await migrate(database, definition.migrations);
    await definition.committed?.(database, file);
  } catch (error) {
    database.close();
    throw error;
  }

  let waiting: Call[] = [];
  let working: Promise<void> | undefined;
  let closed = false;

  const work = async () => {
    while (waiting.length > 0) {
      await gather();
      const calls = waiting;
      waiting = [];
      await commit(calls);
    }
    working = undefined;
  };

  const commit = async (calls: readonly Call[]) => {
    let outcomes: readonly Outcome[];
    try {
      outcomes = await runGroup(database, definition, calls);
      await behindCommit();
    } catch (error) {
      outcomes = calls.map(() => ({ error }));
    }
    for (const [i, call] of calls.entries()) settle(call, outcomes[i] ?? { error: new Error("no outcome") });
  };

  const behindCommit = async () => {
    try {
      await definition.committed?.(database, file);
    } catch {
      // What was committed is durable, and its callers must not hear otherwise.
    }
  };

  return {
    call: (name, args) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new Error("the store is closed"));
          return;
        }
        waiting.push({ name, args, resolve, reject });
        working ??= work();
      }),
    async close() {
      closed = true;
      await working;
      database.close();
    },
  };
}

function settle(call: Call, outcome: Outcome): void {
  if ("error" in outcome) call.reject(outcome.error);
  else call.resolve(outcome.value);
}

/** @returns what became of each call. @throws where nothing was committed */
async function runGroup(
  database: Connection,
  definition: StoreDefinition,
  calls: readonly Call[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  await database.exec("BEGIN IMMEDIATE");
  try {
    for (const call of calls) outcomes.push(await runInSavepoint(database, definition, call));
    await database.exec("COMMIT");
  } catch (error) {
    await database.exec("ROLLBACK");
    throw error;
  }
  return outcomes;
}

async function runInSavepoint(database: Connection, definition: StoreDefinition, call: Call): Promise<Outcome> {
  await database.exec("SAVEPOINT call");
  try {
    const operation = definition.operations[call.name];
    if (operation === undefined) throw new Error(`no operation ${call.name}`);
    const value = await operation(database, call.args);
    await database.exec("RELEASE call");
    return { value };
  } catch (error) {
    await database.exec("ROLLBACK TO call");
    await database.exec("RELEASE call");
    return { error };
  }
}
