/** Those who are told how a run goes on. One that fails does not hold it up. */
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type { RunEvent } from "../ports.js";
import type { RunOptions } from "./deps.js";

export class RunListeners {
  readonly #listeners: Pick<RunOptions, "onEvent" | "onStep">;
  readonly #logger: Logger;
  #told: Promise<unknown> = Promise.resolve();

  constructor(listeners: Pick<RunOptions, "onEvent" | "onStep">, logger: Logger) {
    this.#listeners = listeners;
    this.#logger = logger;
  }

  /** Tells `event` behind all that was told before, once `written`; what cannot be written is not told. */
  tell(event: RunEvent, written: Promise<unknown> = Promise.resolve()): void {
    const durable = written.then(
      () => true,
      () => false,
    );
    this.#told = this.#told.then(async () => {
      if (await durable) this.#call(() => this.#listeners.onEvent?.(event));
    });
  }

  /** Resolves when all events so far are told. */
  async told(): Promise<void> {
    await this.#told;
  }

  /** Tells at once that a step begins. */
  step(step: string): void {
    this.#call(() => this.#listeners.onStep?.(step));
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#logger.warn("a listener of the run failed", { error: describe(error) });
    }
  }
}
