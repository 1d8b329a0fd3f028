import { migrate, type OpenDatabase, openDatabase } from "./database.js";
import type { StoreDefinition } from "./store.js";

export interface Call {
  id: number;
  store: number;
  name: string;
  args: unknown;
}

interface Opened {
  file: string;
  database: OpenDatabase;
  definition: StoreDefinition;
}

/** Runs the calls of one thread: each in a savepoint, those of one batch in one transaction a file. */
export class StoreEngine {
  readonly #stores: Opened[] = [];

  open(definition: StoreDefinition, file: string): number {
    const database = openDatabase(file);
    try {
      migrate(database, definition.migrations);
      definition.committed?.(database, file);
    } catch (error) {
      database.close();
      throw error;
    }
    return this.#stores.push({ file, database, definition }) - 1;
  }

  /** One call as a transaction of its own. */
  runNow(call: Call): unknown {
    const { database } = this.#of(call);
    database.exec("BEGIN IMMEDIATE");
    try {
      const value = this.#run(call);
      database.exec("COMMIT");
      this.#committed(call.store);
      return value;
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }

  /** All calls with one commit a file; `settle` is called after that commit, in the order of the calls. */
  runBatch(
    calls: readonly Call[],
    settle: (call: Call, outcome: { value: unknown } | { error: unknown }) => void,
  ): void {
    const byStore = new Map<number, Call[]>();
    for (const call of calls) byStore.set(call.store, [...(byStore.get(call.store) ?? []), call]);
    for (const [store, group] of byStore) this.#runGroup(store, group, settle);
  }

  close(): void {
    for (const { database } of this.#stores) database.close();
    this.#stores.length = 0;
  }

  #runGroup(
    store: number,
    calls: Call[],
    settle: (call: Call, outcome: { value: unknown } | { error: unknown }) => void,
  ): void {
    const outcomes: ({ value: unknown } | { error: unknown })[] = [];
    try {
      const database = this.#database(store);
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const call of calls) outcomes.push(this.#runInSavepoint(database, call));
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
      this.#committed(store);
    } catch (error) {
      for (const call of calls) settle(call, { error });
      return;
    }
    for (const [i, call] of calls.entries()) settle(call, outcomes[i] ?? { error: new Error("no outcome") });
  }

  #runInSavepoint(database: OpenDatabase, call: Call): { value: unknown } | { error: unknown } {
    database.exec("SAVEPOINT call");
    try {
      const value = this.#run(call);
      database.exec("RELEASE call");
      return { value };
    } catch (error) {
      database.exec("ROLLBACK TO call");
      database.exec("RELEASE call");
      return { error };
    }
  }

  #run(call: Call): unknown {
    const { database, definition } = this.#of(call);
    const operation = definition.operations[call.name];
    if (operation === undefined) throw new Error(`no operation ${call.name}`);
    return operation(database, call.args);
  }

  #committed(store: number): void {
    const opened = this.#stores[store];
    try {
      opened?.definition.committed?.(opened.database, opened.file);
    } catch {
      // What was committed is durable, and its callers must not hear otherwise.
    }
  }

  #database(store: number): OpenDatabase {
    const opened = this.#stores[store];
    if (opened === undefined) throw new Error("the store is closed");
    return opened.database;
  }

  #of(call: Call): Opened {
    const opened = this.#stores[call.store];
    if (opened === undefined) throw new Error("the store is closed");
    return opened;
  }
}
