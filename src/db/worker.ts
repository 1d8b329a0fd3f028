/** The store thread: takes requests, commits what waits as one group, then answers. */
import { parentPort } from "node:worker_threads";
import { StationError } from "../shared/errors.js";
import { type Call, StoreEngine } from "./engine.js";
import type { Answer, Failure, Request, StoreDefinition } from "./store.js";

const port = parentPort;
if (port === null) throw new Error("the store thread is started by workerStores()");

const engine = new StoreEngine();
let queue: Call[] = [];

function answer(message: Answer): void {
  port?.postMessage(message);
}

function failure(error: unknown): Failure {
  if (error instanceof StationError) return { code: error.code, details: { ...error.details }, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}

function drain(): void {
  const calls = queue;
  queue = [];
  engine.runBatch(calls, (call, outcome) =>
    answer(
      "error" in outcome ? { id: call.id, failure: failure(outcome.error) } : { id: call.id, value: outcome.value },
    ),
  );
}

async function open(request: Request & { kind: "open" }): Promise<void> {
  try {
    const module = (await import(request.module)) as { store: StoreDefinition };
    answer({ id: request.id, value: engine.open(module.store, request.file) });
  } catch (error) {
    answer({ id: request.id, failure: failure(error) });
  }
}

port.on("message", (request: Request) => {
  switch (request.kind) {
    case "open":
      void open(request);
      break;
    case "call":
      if (queue.length === 0) setImmediate(drain);
      queue.push(request);
      break;
    case "close":
      drain();
      engine.close();
      answer({ id: request.id, value: undefined });
      break;
  }
});
