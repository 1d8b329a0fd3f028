/** The store thread: takes requests, commits what waits as one group, then answers. */
import { parentPort } from "node:worker_threads";
import { breathe } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { openReads, openStore } from "./engine.js";
import type { EngineStore } from "./group.js";
import type { StoreDefinition } from "./store.js";
import type { Answer, Failure, Place, Request } from "./thread.js";

const port = parentPort;
if (port === null) throw new Error("the store thread is started by workerStores()");

const stores = new Map<number, Promise<EngineStore>>();

function answer(message: Answer): void {
  port?.postMessage(message);
}

function failure(error: unknown): Failure {
  if (error instanceof StationError) return { code: error.code, details: { ...error.details }, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}

async function open({ module, file, reader }: Place): Promise<EngineStore> {
  const { store } = (await import(module)) as { store: StoreDefinition };
  if (reader) return openReads(store, file);
  // The requests that have arrived join one transaction.
  return openStore(store, file, breathe);
}

/** Does what a request asks; the value of its answer. */
async function serve(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "open": {
      const opening = open(request);
      stores.set(request.store, opening);
      await opening;
      return undefined;
    }
    case "call": {
      const store = await stores.get(request.store);
      if (store === undefined) throw new Error("the store is closed");
      return store.call(request.name, request.args);
    }
    case "close": {
      const all = await Promise.allSettled(stores.values());
      for (const store of all) if (store.status === "fulfilled") await store.value.close();
      return undefined;
    }
  }
}

port.on("message", (request: Request) => {
  serve(request).then(
    (value) => answer({ id: request.id, value }),
    (error: unknown) => answer({ id: request.id, failure: failure(error) }),
  );
});
