/** One life of the thread that the stores of a process run in, and what is said to it. */
import { Worker } from "node:worker_threads";
import { ERRORS, type ErrorCode, StationError } from "../shared/errors.js";

/** A store as its thread finds it. */
export interface Place {
  readonly module: string;
  readonly file: string;
  /** A connection of its own, which only reads, to a store that is open elsewhere. */
  readonly reader: boolean;
}

export type Task =
  /** `store`: a number that the caller gives it. */
  | ({ kind: "open"; store: number } & Place)
  | { kind: "call"; store: number; name: string; args: unknown }
  | { kind: "close" };

export type Request = Task & { id: number };

export interface Failure {
  code?: string;
  details?: Record<string, string | number | boolean>;
  message: string;
}

export type Answer = { id: number; value: unknown } | { id: number; failure: Failure };

/** The error that a failure stands for. */
export function revive(failure: Failure): Error {
  if (failure.code !== undefined && failure.code in ERRORS) {
    return new StationError(failure.code as ErrorCode, { details: failure.details ?? {} });
  }
  return new StationError("STORE_FAILED", { details: { what: failure.message } });
}

/** Keeps the process only while somebody waits for an answer. */
export class StoreThread {
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url));
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #ended: Error | undefined;

  /** @param onEnd hears once that the thread is gone, why it may be; what waited was refused before */
  constructor(onEnd: (error: Error) => void) {
    const end = (error: Error) => {
      if (this.#ended !== undefined) return;
      this.#ended = error;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      onEnd(error);
    };
    this.#worker.on("message", (answer: Answer) => this.#answered(answer));
    this.#worker.on("error", (cause: Error) =>
      end(new StationError("STORE_FAILED", { details: { what: cause.message }, cause })),
    );
    this.#worker.on("exit", () => end(revive({ message: "the store thread has ended" })));
    this.#worker.unref();
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** @throws StationError STORE_FAILED, or what the operation threw */
  ask(task: Task): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ ...task, id } satisfies Request);
    });
  }

  /** Its files must be closed: nobody waits for its end. */
  stop(): void {
    // Waiting would be unsafe: Node does not always keep the process that long.
    void this.#worker.terminate();
  }

  #answered(answer: Answer): void {
    const caller = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (caller === undefined) return;
    if ("failure" in answer) caller.reject(revive(answer.failure));
    else caller.resolve(answer.value);
  }
}
