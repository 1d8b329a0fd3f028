/** The clients' clock: virtual time stands still while a request is really under way, and goes on while all of them are kept waiting. */
import type { Clock, Timer, VirtualClock } from "../../../src/shared/clock.js";

interface Try {
  /** Lets time go on; undefined once it does. */
  release: (() => void) | undefined;
}

export class TryClock implements Clock {
  readonly #clock: VirtualClock;
  readonly #tries = new Set<Try>();
  /** Requests that are kept waiting and whose try still holds the clock. */
  #kept = 0;
  readonly #onPause: () => void;

  /** @param onPause called when a client waits before it asks again */
  constructor(clock: VirtualClock, onPause: () => void) {
    this.#clock = clock;
    this.#onPause = onPause;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  /** The limit of a try: the one thing that a client sets a timer for. */
  timer(ms: number, run: () => void): Timer {
    const own: Try = { release: this.#clock.hold() };
    this.#tries.add(own);
    const end = () => {
      this.#tries.delete(own);
      own.release?.();
      own.release = undefined;
      this.#settle();
    };
    const inner = this.#clock.timer(ms, () => {
      end();
      run();
    });
    return {
      cancel: () => {
        inner.cancel();
        end();
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#onPause();
    return this.#clock.sleep(ms, signal);
  }

  until(at: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.until(at, signal);
  }

  /** A request is kept waiting from now on. */
  keepWaiting(): void {
    this.#kept++;
    this.#settle();
  }

  /** Forgets requests that were kept waiting by a client which is closed. */
  reset(): void {
    this.#kept = 0;
  }

  #settle(): void {
    const holding = [...this.#tries].filter(({ release }) => release !== undefined);
    if (holding.length === 0 || holding.length !== this.#kept) return;
    this.#kept = 0;
    for (const each of holding) {
      each.release?.();
      each.release = undefined;
    }
  }
}
