/** Certificates of servers that run for years: looked at now and then, and taken for new connections when they are others. */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Clock, Timer } from "../shared/clock.js";
import { describe } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";

/** A server's certificate and private key, PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** @throws Error for what is no certificate or no key, and for two that do not belong together */
export function checkPair({ cert, key }: TlsPair): void {
  // Empty text would be taken for none.
  new X509Certificate(cert);
  createSecureContext({ cert, key });
}

export interface TlsRenewalOptions {
  /** Whose they are, for the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms between two looks, 1000–86400000. */
  readonly every: number;
  /** What new connections are met with so far. */
  readonly held: TlsPair;
  /** What they are to be met with; looked at by one caller at a time. */
  look(signal: AbortSignal): Promise<TlsPair>;
  /** @throws Error for a pair that does not belong together */
  take(pair: TlsPair): void;
}

export class TlsRenewal {
  readonly #options: TlsRenewalOptions;
  readonly #end = new AbortController();
  #held: TlsPair;
  #timer: Timer;
  #work: Promise<void> = Promise.resolve();
  /** The fault that the log has already. */
  #fault: string | undefined;

  constructor(options: TlsRenewalOptions) {
    this.#options = options;
    this.#held = options.held;
    this.#timer = this.#plan();
  }

  /** Ends the looks; waits for one that is under way. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#timer.cancel();
    await this.#work;
  }

  #plan(): Timer {
    const { clock, every } = this.#options;
    return clock.timer(every, () => {
      this.#work = this.#look().then(() => {
        if (!this.#end.signal.aborted) this.#timer = this.#plan();
      });
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { name, logger, look, take } = this.#options;
    try {
      const found = await look(this.#end.signal);
      if (found.cert !== this.#held.cert || found.key !== this.#held.key) {
        take(found);
        this.#held = found;
        logger.info("TLS certificate taken", { server: name });
      }
      this.#fault = undefined;
    } catch (error) {
      const what = describe(error);
      if (what !== this.#fault && !this.#end.signal.aborted)
        logger.warn("TLS certificate not taken, the one of before still counts", { server: name, what });
      this.#fault = what;
    }
  }
}
