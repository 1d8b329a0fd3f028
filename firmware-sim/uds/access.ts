/** Diagnostic session and security access (services 10 and 27 of ISO 14229-1). */
import { equalConstantTime } from "../../src/shared/bytes.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import type { Secret } from "../../src/shared/secret.js";
import type { StateStore } from "../state.js";
import { Negative, NRC } from "./nrc.js";
import { DEFAULT_SESSION } from "./server.js";

export interface AccessOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** Secret of the ECU type, 16 bytes. */
  readonly secret: Secret;
  /** Key that belongs to a seed. */
  readonly algorithm: (secret: Uint8Array, seed: Uint8Array) => Uint8Array;
  readonly seedLength: number;
  /** Wrong keys until the delay starts. Default 3. */
  readonly maxAttempts?: number;
  /** Delay timer after that and, while the count stands, after each start, ms. Default 10,000. */
  readonly delay?: number;
  /** Called whenever session or lock change. */
  readonly onRelock: () => void;
  /** The flash failed outside of a request. */
  readonly onFatal: (error: unknown) => void;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #maxAttempts: number;
  #session = DEFAULT_SESSION;
  #unlocked = false;
  #seed: Uint8Array | undefined;
  #delay: Timer | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#maxAttempts = options.maxAttempts ?? 3;
  }

  get session(): number {
    return this.#session;
  }

  get unlocked(): boolean {
    return this.#unlocked;
  }

  /** Power-up or reset: default session, locked; the delay starts anew where the count stands at its limit. */
  boot(): void {
    this.enter(DEFAULT_SESSION);
    this.#delay?.cancel();
    this.#delay = undefined;
    if (this.#options.store.current.attempts >= this.#maxAttempts) this.#startDelay();
  }

  /** Any session control, the same session too, locks again and forgets the seed. */
  enter(session: number): void {
    this.#session = session;
    this.#unlocked = false;
    this.#seed = undefined;
    this.#options.onRelock();
  }

  /** S3server ran out. */
  expire(): void {
    this.enter(DEFAULT_SESSION);
  }

  close(): void {
    this.#delay?.cancel();
    this.#seed = undefined;
  }

  requestSeed(): Uint8Array {
    const { random, seedLength } = this.#options;
    if (this.#unlocked) return new Uint8Array(seedLength);
    if (this.#delay !== undefined) throw new Negative(NRC.requiredTimeDelayNotExpired);
    let seed = random(seedLength);
    // A seed of zeros would mean "already unlocked".
    while (seed.every((byte) => byte === 0)) seed = random(seedLength);
    this.#seed = seed;
    return seed;
  }

  /** The count is durable before the answer, so that cutting the power gains no attempt. */
  async sendKey(key: Uint8Array): Promise<void> {
    const { store, secret, algorithm } = this.#options;
    const seed = this.#seed;
    this.#seed = undefined;
    if (seed === undefined) throw new Negative(NRC.requestSequenceError);
    const right = equalConstantTime(
      key,
      secret.use((bytes) => algorithm(bytes, seed)),
    );
    if (right) {
      if (store.current.attempts !== 0) await store.change((state) => ({ ...state, attempts: 0 }));
      this.#unlocked = true;
      return;
    }
    await store.change((state) => ({ ...state, attempts: state.attempts + 1 }));
    if (store.current.attempts < this.#maxAttempts) throw new Negative(NRC.invalidKey);
    this.#startDelay();
    throw new Negative(NRC.exceededNumberOfAttempts);
  }

  #startDelay(): void {
    const { clock, store, delay = 10_000, onFatal } = this.#options;
    const timer = clock.timer(delay, () => {
      store
        .change((state) => ({ ...state, attempts: 0 }))
        .then(() => {
          if (this.#delay === timer) this.#delay = undefined;
        }, onFatal);
    });
    this.#delay = timer;
  }
}
