/** Diagnostic session, and the lock that security access (27) or authentication (29 of ISO 14229-1) opens. */
import { equalConstantTime } from "../../src/shared/bytes.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import type { StateStore } from "../state.js";
import { Negative, NRC } from "./nrc.js";
import { DEFAULT_SESSION } from "./server.js";

export interface AccessOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  /** Code that refuses what needs the lock open: 33 where 27 opens it, 34 where 29 does. */
  readonly lockedNrc: number;
  /** Wrong keys or proofs until the delay starts. Default 3. */
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

  /** @throws Negative while the lock is closed */
  needUnlocked(): void {
    if (!this.#unlocked) throw new Negative(this.#options.lockedNrc);
  }

  /** Closes the lock in the same session. */
  lock(): void {
    this.enter(this.#session);
  }

  /** A new seed or challenge, in place of an earlier one. @throws Negative 37 while delayed */
  challenge(length: number): Uint8Array {
    const { random } = this.#options;
    if (this.#delay !== undefined) throw new Negative(NRC.requiredTimeDelayNotExpired);
    let seed = random(length);
    // A seed of zeros would mean "already unlocked".
    while (seed.every((byte) => byte === 0)) seed = random(length);
    this.#seed = seed;
    return seed;
  }

  /**
   * Opens the lock where `given` is what belongs to the challenge, which is spent either way and returned. The count of wrong ones is
   * durable before the answer, so that cutting the power gains no attempt.
   * @throws Negative 24 without a challenge, `wrong`, or `last` where no more are borne
   */
  async prove(
    given: Uint8Array,
    expected: (challenge: Uint8Array) => Uint8Array | Promise<Uint8Array>,
    wrong: number,
    last: number,
  ): Promise<Uint8Array> {
    const { store } = this.#options;
    const seed = this.#seed;
    this.#seed = undefined;
    if (seed === undefined) throw new Negative(NRC.requestSequenceError);
    if (equalConstantTime(given, await expected(seed))) {
      if (store.current.attempts !== 0) await store.change((state) => ({ ...state, attempts: 0 }));
      this.#unlocked = true;
      return seed;
    }
    await store.change((state) => ({ ...state, attempts: state.attempts + 1 }));
    if (store.current.attempts < this.#maxAttempts) throw new Negative(wrong);
    this.#startDelay();
    throw new Negative(last);
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
