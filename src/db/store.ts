/**
 * A store = a set of named operations on one SQLite file or PostgreSQL schema. Each call is one transaction: it is durable when its
 * promise resolves and has left no trace when it rejects, but for one that rejects with STORE_UNAVAILABLE: of that it may be unknown.
 * In the program SQLite stores run in one worker thread that commits what waits as one group, so that
 * no fsync delays an ISO-TP timer; tests and tools may run them inline.
 */
import { Worker } from "node:worker_threads";
import { describe, ERRORS, type ErrorCode, StationError } from "../shared/errors.js";
import type { Database, Migration } from "./database.js";
import { openStore } from "./engine.js";
import type { EngineStore } from "./group.js";

/** An operation: reads and writes through `db` and waits for nothing else; arguments and result must survive structured cloning. */
// biome-ignore lint/suspicious/noExplicitAny: the argument of an operation is its own; Store<D> gives it back to the caller.
export type Operation = (db: Database, args: any) => Promise<unknown>;

export interface StoreDefinition {
  /** What takes schema version n to n + 1. */
  readonly migrations: readonly Migration[];
  readonly operations: Readonly<Record<string, Operation>>;
  /** Operations that only read; an engine with several connections runs them beside the others. */
  readonly reads?: readonly string[];
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

export type Request =
  | { kind: "open"; id: number; module: string; file: string }
  | { kind: "call"; id: number; store: number; name: string; args: unknown }
  | { kind: "close"; id: number };

export interface Failure {
  code?: string;
  details?: Record<string, string | number | boolean>;
  message: string;
}

export type Answer = { id: number; value: unknown } | { id: number; failure: Failure };

function revive(failure: Failure): Error {
  if (failure.code !== undefined && failure.code in ERRORS) {
    return new StationError(failure.code as ErrorCode, { details: failure.details ?? {} });
  }
  return new StationError("STORE_FAILED", { details: { what: failure.message } });
}

/** Stores in one worker thread of this process. */
export function workerStores(): StoreHost {
  const worker = new Worker(new URL("./worker.js", import.meta.url));
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let dead: Error | undefined;

  const fail = (error: Error) => {
    dead ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("message", (answer: Answer) => {
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker.unref();
    if (caller === undefined) return;
    if ("failure" in answer) caller.reject(revive(answer.failure));
    else caller.resolve(answer.value);
  });
  worker.on("error", (error: Error) =>
    fail(new StationError("STORE_FAILED", { details: { what: error.message }, cause: error })),
  );
  worker.on("exit", () => fail(new StationError("STORE_FAILED", { details: { what: "the store thread has ended" } })));
  worker.unref();

  const ask = (request: Request): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) {
        reject(dead);
        return;
      }
      waiting.set(request.id, { resolve, reject });
      worker.ref();
      worker.postMessage(request);
    });

  return {
    async open(source, file) {
      const store = (await ask({ kind: "open", id: ++lastId, module: source.module.href, file })) as number;
      return {
        call: (name, args) => ask({ kind: "call", id: ++lastId, store, name: String(name), args }) as Promise<never>,
      };
    },
    async close() {
      if (dead === undefined) await ask({ kind: "close", id: ++lastId });
      // Its files are closed. Waiting for its end would be unsafe: Node does not always keep the process that long.
      void worker.terminate();
    },
  };
}
