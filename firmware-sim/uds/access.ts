/** Diagnostic session, and the lock that security access (27) or authentication (29 of ISO 14229-1) opens. */
import { equalConstantTime } from "../../src/shared/bytes.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import type { StateStore } from "../state.js";
import { Negative, NRC } from "./nrc.js";
import { DEFAULT_SESSION } from "./server.js";

/** What something is behind: sessions that have it, and levels of which one must be open. Left out: all, none. */
export interface AccessRule {
  readonly sessions?: readonly number[];
  readonly security?: readonly number[];
}

/** Level that authentication (29) opens; those of security access (27) are its odd sub-functions. */
export const AUTHENTICATED = 0x00;

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
  #level: number | undefined;
  #challenge: { readonly bytes: Uint8Array; readonly level: number } | undefined;
  #delay: Timer | undefined;
  #entries = 0;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#maxAttempts = options.maxAttempts ?? 3;
  }

  get session(): number {
    return this.#session;
  }

  /** Counts entries of sessions, resets and the end by S3server among them: what was kept for one is of no use in the next. */
  get entries(): number {
    return this.#entries;
  }

  /** The level that is open. */
  get level(): number | undefined {
    return this.#level;
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
    this.#entries++;
    this.#session = session;
    this.#level = undefined;
    this.#challenge = undefined;
    this.#options.onRelock();
  }

  /** S3server ran out. */
  expire(): void {
    this.enter(DEFAULT_SESSION);
  }

  close(): void {
    this.#delay?.cancel();
    this.#challenge = undefined;
  }

  /** Whether the session is one of the rule's. */
  inSession({ sessions }: AccessRule): boolean {
    return sessions?.includes(this.#session) ?? true;
  }

  /** @throws Negative while none of the rule's levels is open */
  needSecurity({ security }: AccessRule): void {
    if (security !== undefined && (this.#level === undefined || !security.includes(this.#level)))
      throw new Negative(this.#options.lockedNrc);
  }

  /** Closes the lock in the same session. */
  lock(): void {
    this.enter(this.#session);
  }

  /** A new seed or challenge for a level, in place of an earlier one. @throws Negative 37 while delayed */
  challenge(length: number, level = AUTHENTICATED): Uint8Array {
    const { random } = this.#options;
    if (this.#delay !== undefined) throw new Negative(NRC.requiredTimeDelayNotExpired);
    let seed = random(length);
    // A seed of zeros would mean "already unlocked".
    while (seed.every((byte) => byte === 0)) seed = random(length);
    this.#challenge = { bytes: seed, level };
    return seed;
  }

  /**
   * Opens the lock where `given` is what belongs to the challenge, which is spent either way and returned. The count of wrong ones is
   * durable before the answer, so that cutting the power gains no attempt.
   * @throws Negative 24 without a challenge of that level, `wrong`, or `last` where no more are borne
   */
  prove(
    given: Uint8Array,
    expected: (challenge: Uint8Array) => Uint8Array | Promise<Uint8Array>,
    wrong: number,
    last: number,
    level = AUTHENTICATED,
  ): Promise<Uint8Array> {
    return this.settle(async (challenge) => equalConstantTime(given, await expected(challenge)), wrong, last, level);
  }

  /** The same where `isRight` says what belongs to the challenge, e.g. a signature. */
  async settle(
    isRight: (challenge: Uint8Array) => Promise<boolean>,
    wrong: number,
    last: number,
    level = AUTHENTICATED,
  ): Promise<Uint8Array> {
    const { store } = this.#options;
    const challenge = this.#challenge;
    this.#challenge = undefined;
    if (challenge?.level !== level) throw new Negative(NRC.requestSequenceError);
    if (await isRight(challenge.bytes)) {
      if (store.current.attempts !== 0) await store.change((state) => ({ ...state, attempts: 0 }));
      this.#level = level;
      return challenge.bytes;
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
