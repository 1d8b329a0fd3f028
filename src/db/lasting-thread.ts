/** A thread of stores that lasts: where it ends by a fault, the next call starts another one. */
import { describe } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import { type Place, revive, StoreThread } from "./thread.js";

export class LastingThread {
  /** The stores that this life of the thread was told to open, by their number. */
  readonly #opened = new Map<Place, number>();
  #thread: StoreThread | undefined;
  #closed = false;

  constructor(private readonly logger: Logger) {}

  /** @throws StationError STORE_FAILED */
  async open(place: Place): Promise<void> {
    const thread = this.#living();
    const store = this.#opened.size;
    this.#opened.set(place, store);
    await thread.ask({ kind: "open", store, ...place });
  }

  /** Opens the store first where this life of the thread has not: one that does not open tells each of its callers. */
  async call(place: Place, name: string, args: unknown): Promise<unknown> {
    const thread = this.#living();
    if (!this.#opened.has(place)) void this.open(place).catch(() => undefined);
    return thread.ask({ kind: "call", store: this.#opened.get(place) ?? -1, name, args });
  }

  /** Finishes what was called, then closes the stores. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#thread?.ended === false) await this.#thread.ask({ kind: "close" });
    this.#thread?.stop();
  }

  #living(): StoreThread {
    if (this.#thread !== undefined && (!this.#thread.ended || this.#closed)) return this.#thread;
    if (this.#closed) throw revive({ message: "the store is closed" });
    this.#opened.clear();
    this.#thread = new StoreThread((error) => {
      if (!this.#closed) this.logger.error("the store thread has ended by a fault", { error: describe(error) });
    });
    return this.#thread;
  }
}
