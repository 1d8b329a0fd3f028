/** `ecustation serve --jsonl` of the built program, in this process, so that its heap and its handles can be looked at. */
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import threads, { type Worker } from "node:worker_threads";
import { root } from "../../system/harness.js";

export interface BayEvent {
  readonly bay?: string;
  readonly event: string;
  readonly step?: string;
  readonly state?: string;
  readonly outcome?: string;
  readonly error?: string;
  readonly failure?: { readonly code: string; readonly step: string; readonly text: { readonly en: string } };
}

type RunCli = (args: readonly string[], io: object) => Promise<number>;

export class ServingStation {
  readonly #stdin = new PassThrough();
  readonly #stdout = new PassThrough();
  readonly #end = new AbortController();
  readonly #listeners = new Set<(event: BayEvent) => void>();
  #finished: Promise<number> = Promise.resolve(0);
  stderr = "";

  async start(args: readonly string[]): Promise<void> {
    const { runCli } = (await import(pathToFileURL(join(root, "dist/src/cli/main.js")).href)) as { runCli: RunCli };
    const stderr = new PassThrough().on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    const io = { stdin: this.#stdin, stdout: this.#stdout, stderr, env: process.env, signal: this.#end.signal };
    this.#finished = runCli(["serve", "--jsonl", ...args], io);
    const lines = createInterface({ input: this.#stdout });
    await Promise.race([
      once(lines, "line"),
      this.#finished.then((code) => Promise.reject(new Error(`${code}: ${this.stderr}`))),
    ]);
    lines.on("line", (line) => {
      const event = JSON.parse(line) as BayEvent;
      for (const listener of this.#listeners) listener(event);
    });
  }

  send(line: object): void {
    this.#stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** One unit, from its order to its end. */
  unit(order: { readonly bay: string }, onEvent: (event: BayEvent) => void = () => undefined): Promise<BayEvent> {
    return new Promise((resolve) => {
      const listener = (event: BayEvent) => {
        if (event.event === "refused") throw new Error(event.error);
        if (event.bay !== order.bay) return;
        onEvent(event);
        if (event.event !== "ended") return;
        this.#listeners.delete(listener);
        resolve(event);
      };
      this.#listeners.add(listener);
      this.send(order);
    });
  }

  async stop(): Promise<number> {
    this.#end.abort(new Error("the test is over"));
    return this.#finished;
  }
}

/** Knows the threads that the program starts in this process: those of its stores. Made before the program is loaded. */
export class StoreThreads {
  readonly #original = threads.Worker;
  readonly #living = new Set<Worker>();

  constructor() {
    const started = (worker: Worker) => {
      this.#living.add(worker);
      worker.once("exit", () => this.#living.delete(worker));
    };
    threads.Worker = class extends threads.Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        started(this);
      }
    };
    syncBuiltinESMExports();
  }

  /** All of them at once. */
  async kill(): Promise<void> {
    if (this.#living.size === 0) throw new Error("no thread was started");
    await Promise.all([...this.#living].map((worker) => worker.terminate()));
  }

  forget(): void {
    threads.Worker = this.#original;
    syncBuiltinESMExports();
  }
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export interface Health {
  /** MB in use after collections. */
  readonly heap: number;
  /** Things that keep the process alive, by kind. */
  readonly handles: Readonly<Record<string, number>>;
}

export function health(): Health {
  collect();
  collect();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return { heap: process.memoryUsage().heapUsed / 1e6, handles };
}
