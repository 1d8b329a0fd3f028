/** How much signing and checking of signatures is under way at once, and how much may wait for it. */

/** The queue is full: come back later. */
export class Busy extends Error {
  override readonly name = "Busy";
}

export class SigningQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param limit jobs that may wait
   * @param parallel jobs that run at once: Node's thread pool has four threads, and more would only wait there unseen
   */
  constructor(
    private readonly limit: number,
    private readonly parallel = 4,
  ) {}

  /** @throws Busy at once where the queue is full; else what the job throws */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running < this.parallel) this.#running++;
    else if (this.#waiting.length >= this.limit) throw new Busy("the signing queue is full");
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
