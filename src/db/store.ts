/**
 * A store = a set of named operations on one SQLite file or PostgreSQL schema. Each call is one transaction: it is durable when its
 * promise resolves and has left no trace when it rejects, but for one that rejects with STORE_UNAVAILABLE: of that it may be unknown.
 * In the program SQLite stores run in one worker thread that commits what waits as one group, so that
 * no fsync delays an ISO-TP timer; tests and tools may run them inline.
 */
import { describe, StationError } from "../shared/errors.js";
import { type Logger, silentLogger } from "../shared/logger.js";
import type { Database, Migration } from "./database.js";
import { openStore } from "./engine.js";
import type { EngineStore } from "./group.js";
import { revive, StoreThread } from "./thread.js";

/** An operation: reads and writes through `db` and waits for nothing else; arguments and result must survive structured cloning. */
// biome-ignore lint/suspicious/noExplicitAny: the argument of an operation is its own; Store<D> gives it back to the caller.
export type Operation = (db: Database, args: any) => Promise<unknown>;

export interface StoreDefinition {
  /** What takes schema version n to n + 1. */
  readonly migrations: readonly Migration[];
  readonly operations: Readonly<Record<string, Operation>>;
  /** Operations that only read; an engine with several connections runs them beside the others. */
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
 * Stores in one worker thread of this process. Where that ends by a fault, what was under way rejects with STORE_FAILED, be it committed
 * or not, and the next call starts another thread with the same stores.
 */
export function workerStores(logger: Logger = silentLogger): StoreHost {
  const opened: { readonly module: string; readonly file: string }[] = [];
  let closed = false;
  const start = () =>
    new StoreThread((error) => {
      if (!closed) logger.error("the store thread has ended by a fault", { error: describe(error) });
    });
  let thread = start();
  const living = () => {
    if (!thread.ended || closed) return thread;
    thread = start();
    // A store that does not open tells each of its callers.
    for (const [store, place] of opened.entries())
      void thread.ask({ kind: "open", store, ...place }).catch(() => undefined);
    return thread;
  };
  return {
    async open(source, file) {
      const place = { module: source.module.href, file };
      const opening = living();
      const store = opened.push(place) - 1;
      await opening.ask({ kind: "open", store, ...place });
      return {
        call: async (name, args) => living().ask({ kind: "call", store, name: String(name), args }) as Promise<never>,
      };
    },
    async close() {
      closed = true;
      if (!thread.ended) await thread.ask({ kind: "close" });
      thread.stop();
    },
  };
}
