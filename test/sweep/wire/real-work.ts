/** Virtual time stands still while this process does real work: crypto on the thread pool, and whole calls to its own servers. */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import type { VirtualClock } from "../../../src/shared/clock.js";

/** Functions of node:crypto that work on the thread pool and end with a callback, their last argument. */
const THREADED = ["generateKeyPair", "sign", "verify"] as const;

type Threaded = (...args: unknown[]) => unknown;

/** Holds `clock` for crypto on the thread pool from now on; the answer ends that. */
export function holdForCrypto(clock: VirtualClock): () => void {
  const functions = crypto as unknown as Record<(typeof THREADED)[number], Threaded>;
  const former = THREADED.map((name) => [name, functions[name]] as const);
  for (const [name, work] of former) {
    functions[name] = (...args) => {
      const callback = args.at(-1);
      if (typeof callback !== "function") return work(...args);
      const release = clock.hold();
      return work(...args.slice(0, -1), (...results: unknown[]) => {
        release();
        callback(...results);
      });
    };
  }
  syncBuiltinESMExports();
  return () => {
    for (const [name, work] of former) functions[name] = work;
    syncBuiltinESMExports();
  };
}

/** The same object, whose asynchronous methods hold `clock` until they have settled. */
export function holding<T extends object>(clock: VirtualClock, object: T): T {
  return new Proxy(object, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const release = clock.hold();
        try {
          return (await value.apply(target, args)) as unknown;
        } finally {
          release();
        }
      };
    },
  });
}
