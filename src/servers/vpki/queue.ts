/** How much signing and checking of signatures is under way at once, and how much may wait for it. */
import { isStationError } from "../../shared/errors.js";

/** The queue is full: come back later. */
export class Busy extends Error {
  override readonly name = "Busy";
}

/** Whether a failure means that too much waits already, here or for the token: the same request may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof Busy || isStationError(error, "TOKEN_BUSY");
}

export class SigningQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param limit jobs that may wait
   * @param parallel jobs that run at once: Node's thread pool has four threads, and one stays free for what else the process does. On two
   *   cores that keeps the waits of requests beside it below 20 ms (docs/performance.md)
   */
  constructor(
    private readonly limit: number,
    private readonly parallel = 3,
  ) {}

  /** Jobs that run now, and jobs that wait. */
  get depth(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  /** A job that somebody asked for. @throws Busy at once where the queue is full; else what the job throws */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running >= this.parallel && this.#waiting.length >= this.limit)
      throw new Busy("the signing queue is full");
    return this.own(job);
  }

  /** A job of the service itself, of which there are few: it waits in the same line, however long that is. */
  async own<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running < this.parallel) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
