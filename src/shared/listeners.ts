/** A set of callbacks for one event. A listener that throws does not keep the others from being called. */
export class Listeners<A extends readonly unknown[]> {
  readonly #listeners = new Set<(...args: A) => void>();

  /** Adds `listener`; the answer takes it away again. */
  add(listener: (...args: A) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get size(): number {
    return this.#listeners.size;
  }

  emit(...args: A): void {
    let failure: unknown;
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  clear(): void {
    this.#listeners.clear();
  }
}
