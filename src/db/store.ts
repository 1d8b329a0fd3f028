/**
 * A store = a set of named operations on one SQLite file or PostgreSQL schema. Each call is one transaction: it is durable when its
 * promise resolves and has left no trace when it rejects, but for one that rejects with STORE_UNAVAILABLE: of that it may be unknown.
 * In the program SQLite stores run in a worker thread that commits what waits as one group, so that
 * no fsync delays an ISO-TP timer, and are read in another one, so that no search delays a commit; tests and tools may run them inline.
 */
import { describe, StationError } from "../shared/errors.js";
import { type Logger, silentLogger } from "../shared/logger.js";
import type { Database, Migration } from "./database.js";
import { openStore } from "./engine.js";
import type { EngineStore } from "./group.js";
import { LastingThread } from "./lasting-thread.js";
import { revive } from "./thread.js";

/** An operation: reads and writes through `db` and waits for nothing else; arguments and result must survive structured cloning. */
// biome-ignore lint/suspicious/noExplicitAny: the argument of an operation is its own; Store<D> gives it back to the caller.
export type Operation = (db: Database, args: any) => Promise<unknown>;

export interface StoreDefinition {
  /** What takes schema version n to n + 1. */
  readonly migrations: readonly Migration[];
  readonly operations: Readonly<Record<string, Operation>>;
  /** Operations that only read: engines run them beside the others. They see all that was durable when they were called. */
  readonly reads?: readonly string[];
  /** The file kept beside the store that shows it was in use; undefined where there is none. A store without a schema beside it was lost. */
  readonly remains?: (file: string) => string | undefined;
  /** Runs in the store's thread when the store was opened and behind commits; what it throws behind a commit changes nothing. */
  readonly committed?: (db: Database, file: string) => Promise<void>;
}

/** Where the worker finds a definition: a module whose export `store` is it. */
export interface StoreSource<D extends StoreDefinition> {
  readonly definition: D;
  /** URL of the compiled module (`new URL("./store.js", import.meta.url)`). */
  readonly module: URL;
}

type ArgsOf<O> = O extends (db: Database, args: infer A) => unknown ? A : never;
type ResultOf<O> = O extends (db: Database, args: never) => Promise<infer R> ? R : never;

export interface Store<D extends StoreDefinition> {
  /** Runs one operation as one durable transaction. @throws StationError STORE_FAILED, or what the operation threw */
  call<K extends keyof D["operations"]>(
    name: K,
    args: ArgsOf<D["operations"][K]>,
  ): Promise<ResultOf<D["operations"][K]>>;
}

export interface StoreHost {
  open<D extends StoreDefinition>(source: StoreSource<D>, file: string): Promise<Store<D>>;
  /** Finishes what was called, then closes every file. */
  close(): Promise<void>;
}

/** Stores in the calling thread. */
export function inlineStores(): StoreHost {
  const opened: EngineStore[] = [];
  return {
    async open(source, file) {
      const store = await openStore(source.definition, file);
      opened.push(store);
      return {
        call: async (name, args) => {
          try {
            return (await store.call(String(name), args)) as never;
          } catch (error) {
            throw error instanceof StationError ? error : revive({ message: describe(error) });
          }
        },
      };
    },
    async close() {
      for (const store of opened.splice(0)) await store.close();
    },
  };
}

/**
 * Stores in two worker threads of this process: in one all that may write, in the other, once it is called, the declared reads. Where a
 * thread ends by a fault, what was under way rejects with STORE_FAILED, be it committed or not, and the next call starts another one.
 */
export function workerStores(logger: Logger = silentLogger): StoreHost {
  const writer = new LastingThread(logger);
  const reader = new LastingThread(logger);
  return {
    async open(source, file) {
      const place = { module: source.module.href, file, reader: false };
      const beside = { ...place, reader: true };
      const reads = new Set(source.definition.reads);
      await writer.open(place);
      return {
        call: async (name, args) => {
          const called = String(name);
          return (
            reads.has(called) ? reader.call(beside, called, args) : writer.call(place, called, args)
          ) as Promise<never>;
        },
      };
    },
    async close() {
      // The last connection to a file folds its log in, which one that only reads cannot.
      await reader.close();
      await writer.close();
    },
  };
}
