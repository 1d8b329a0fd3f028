/** Consecutive frames on their way: given to the link, and not yet confirmed. */
import type { Clock, Timer } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";

/** Frames that may be ahead in any case: the transmit buffers of small adapters hold them. */
const LEAST = 4;
/** ms of frames that are worth having ahead: enough for a busy computer, and soon over where the message is given up. */
const AHEAD_MS = 2;

export interface FlightOptions {
  /** Most frames that are on their way at once. */
  readonly most: number;
  /** ms until each must be confirmed. */
  readonly N_As: number;
}

/**
 * The link's answers decide how many frames it has at once: twice as many while it confirms the newest of them within AHEAD_MS, half as
 * many when that takes twice as long. So a bus has a few, and a link without one behind it as many as it takes.
 */
export class Flight {
  /** Frames that may be on their way now. */
  size: number;
  readonly #options: FlightOptions;
  readonly #clock: Clock;
  /** When each frame was given, monotonic ms, by its number modulo the most that can be on their way. */
  readonly #since: Float64Array;
  /** Frames so far. */
  #given = 0;
  #confirmed = 0;
  /** Number of the frame by whose confirmation `size` is judged next. */
  #mark = 0;
  #failure: unknown;
  #timer: Timer | undefined;
  #waiter: (() => void) | undefined;
  /** Unconfirmed frames that the waiter puts up with. */
  #left = 0;

  constructor(options: FlightOptions, clock: Clock, size = LEAST) {
    this.#options = options;
    this.#clock = clock;
    this.#since = new Float64Array(options.most);
    this.size = Math.min(size, options.most);
  }

  /** Frames that may be given to the link now. */
  get room(): number {
    return Math.max(0, this.size - this.#underWay);
  }

  get #underWay(): number {
    return this.#given - this.#confirmed;
  }

  /** Counts a frame in that was given to the link. */
  add(confirmation: Promise<void>, now: number): void {
    this.#since[this.#given++ % this.#options.most] = now;
    if (this.#timer === undefined) this.#arm(now);
    confirmation.then(this.#confirm, this.#fail);
  }

  /** Resolves when at most `left` frames are unconfirmed. @throws StationError ISOTP_TIMEOUT_A, LINK_*; the signal's reason */
  until(left: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        const failure = signal?.aborted ? signal.reason : this.#failure;
        if (failure === undefined && this.#underWay > left) return;
        this.#waiter = undefined;
        signal?.removeEventListener("abort", settle);
        if (failure === undefined) resolve();
        else reject(failure);
      };
      this.#left = left;
      this.#waiter = settle;
      signal?.addEventListener("abort", settle, { once: true });
      settle();
    });
  }

  /** No frame is waited for any more. */
  end(): void {
    this.#timer?.cancel();
  }

  readonly #confirm = (): void => {
    if (this.#confirmed++ === this.#mark) this.#judge();
    if (this.#underWay <= this.#left) this.#waiter?.();
  };

  readonly #fail = (error: unknown): void => {
    this.#failure ??= error;
    this.#waiter?.();
  };

  #judge(): void {
    const took = this.#clock.monotonic() - this.#givenAt(this.#mark);
    if (took < AHEAD_MS) this.size = Math.min(this.#options.most, 2 * this.size);
    else if (took > 2 * AHEAD_MS) this.size = Math.min(this.size, Math.max(LEAST, this.size >> 1));
    this.#mark = this.#given - 1;
  }

  #givenAt(frame: number): number {
    return this.#since[frame % this.#options.most] ?? 0;
  }

  /** One timer watches the oldest frame. */
  #arm(now: number): void {
    const due = this.#givenAt(this.#confirmed) + this.#options.N_As;
    this.#timer = this.#clock.timer(due - now, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#underWay === 0) return;
    const { N_As } = this.#options;
    const now = this.#clock.monotonic();
    if (now < this.#givenAt(this.#confirmed) + N_As) this.#arm(now);
    else this.#fail(new StationError("ISOTP_TIMEOUT_A", { details: { ms: N_As } }));
  }
}
