/** Keeps frames at the pace of a real bus. */
import type { Clock } from "../../shared/clock.js";
import type { CanFrame } from "./link.js";

/**
 * ms by which the bus may run ahead of the clock: a timer tick is about 1 ms and a frame a quarter of it, so waiting for every
 * single frame would make the bus four times too slow. The rate over some frames is the bus's own.
 */
const AHEAD_MS = 1;

/** Bits of a frame with its interframe space and without stuff bits (ISO 11898-1): 47 + 8n with 11-bit identifiers, 67 + 8n with 29. */
export function frameBits(frame: CanFrame): number {
  return (frame.extended ? 67 : 47) + (frame.remote === true ? 0 : 8 * frame.data.length);
}

/** One bus: frames pass one after the other at `bitrate` bit/s. */
export class Pacer {
  readonly #clock: Clock;
  readonly #bitrate: number;
  #free = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, bitrate: number) {
    this.#clock = clock;
    this.#bitrate = bitrate;
  }

  /** Takes the bus for `frame` after all frames before it; resolves when it has passed. */
  pass(frame: CanFrame): Promise<void> {
    this.#last = this.#last.then(() => this.#pass(frame));
    return this.#last;
  }

  async #pass(frame: CanFrame): Promise<void> {
    const now = this.#clock.monotonic();
    this.#free = Math.max(this.#free, now) + (frameBits(frame) * 1_000) / this.#bitrate;
    const wait = this.#free - now - AHEAD_MS;
    if (wait > 0) await this.#clock.sleep(wait);
  }
}
