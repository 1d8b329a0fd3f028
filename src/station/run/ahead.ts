/** An answer of a server that a later step is going to need, fetched while the bus works. */
import { describe } from "../../shared/errors.js";
import type { KeySet } from "../ports.js";
import type { Run } from "./run.js";
import type { CertificateAhead } from "./steps/certificate.js";

export interface Question<T> {
  /** The step that needs it. */
  readonly step: string;
  /** Asks, and notes in the journal, under the step, what must be known of it. */
  fetch(signal: AbortSignal): Promise<T>;
  /** Done with an answer that the run ends without. */
  unused?(answer: T): Promise<void>;
}

export class Ahead<T> {
  readonly step: string;
  /** Rejects with what the step is to fail with. */
  readonly answer: Promise<T>;
  readonly #unused: Question<T>["unused"];
  readonly #end = new AbortController();

  constructor({ step, fetch, unused }: Question<T>) {
    this.step = step;
    this.#unused = unused;
    this.answer = fetch(this.#end.signal);
    // Told where it is taken; a run that ends before needs it no more.
    this.answer.catch(() => undefined);
  }

  /** Ends what is under way. */
  stop(): void {
    this.#end.abort();
  }

  /** The run ends without it: an answer on its way is awaited for a moment, so that it is accounted for. Never rejects. */
  async drop({ deps, timers }: Run): Promise<void> {
    const limit = deps.clock.timer(timers.unwind, () => this.stop());
    try {
      const answer = await this.answer.then(
        (value) => ({ value }),
        () => undefined,
      );
      if (answer !== undefined) await this.#unused?.(answer.value);
    } catch (error) {
      deps.logger.error("what was asked for ahead is not accounted for", { step: this.step, error: describe(error) });
    } finally {
      limit.cancel();
    }
  }
}

/** What a run has asked for ahead of a step and not taken yet. */
export class AskedAhead {
  /** By step. */
  readonly keys = new Map<string, Ahead<KeySet>>();
  certificate: Ahead<CertificateAhead> | undefined;

  stop(): void {
    for (const asked of this.#all()) asked.stop();
  }

  /** Accounts for what no step takes any more. Never rejects. */
  async drop(run: Run): Promise<void> {
    await Promise.all(this.#all().map((asked) => asked.drop(run)));
  }

  #all(): Pick<Ahead<unknown>, "stop" | "drop">[] {
    return [this.certificate, ...this.keys.values()].filter((asked) => asked !== undefined);
  }
}
