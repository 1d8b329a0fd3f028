/** Things that several bays share, one bay at a time: whoever asked first has it first. */
import { abortable } from "../../shared/abort.js";

export class Turns {
  readonly #last = new Map<string, { readonly holder: string; readonly done: Promise<void> }>();

  /** Who has the thing, or is the last to wait for it; undefined where it is free. */
  holder(thing: string): string | undefined {
    return this.#last.get(thing)?.holder;
  }

  /**
   * Waits for the thing; the answer gives it back.
   * @throws the signal's reason where that ends first; the place in the queue is given up
   */
  async take(thing: string, holder: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#last.get(thing)?.done ?? Promise.resolve();
    let end: () => void = () => undefined;
    const given = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Whoever comes next waits for all before it, be it that this one gives its place up.
    const turn = { holder, done: before.then(() => given) };
    this.#last.set(thing, turn);
    const release = () => {
      end();
      void turn.done.then(() => {
        if (this.#last.get(thing) === turn) this.#last.delete(thing);
      });
    };
    try {
      await abortable(before, signal);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }
}
