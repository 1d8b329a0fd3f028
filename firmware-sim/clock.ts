import { readUintBE, uintBE } from "../src/shared/bytes.js";
import type { Clock } from "../src/shared/clock.js";
import type { StateStore } from "./state.js";

/** Range of Date, ms. */
const DATE_LIMIT = 8_640_000_000_000_000n;

/** What a new ECU's clock shows when it starts for the first time: long past, so that no certificate is valid yet. */
export const CLOCK_START = Date.UTC(2010, 0, 1);

/** The ECU's battery-backed clock: runs on over resets and power cuts, kept as the distance from the host's. */
export class EcuClock {
  readonly #host: Clock;
  readonly #store: StateStore;
  readonly #skew: (setAt: number) => number;
  /** Host's time at which it was set, or the ECU started, ms. */
  #setAt: number;

  /** @param skew ms by which it is wrong; see Behaviour.skew */
  constructor(host: Clock, store: StateStore, skew: (setAt: number) => number) {
    this.#host = host;
    this.#store = store;
    this.#skew = skew;
    this.#setAt = host.now();
  }

  /** ms since the epoch, held within what a Date can show. */
  now(): number {
    const ms = this.#ms();
    return Number(ms > DATE_LIMIT ? DATE_LIMIT : ms < -DATE_LIMIT ? -DATE_LIMIT : ms);
  }

  /** Unix time in seconds, 8 bytes unsigned. */
  read(): Uint8Array {
    const seconds = BigInt.asUintN(64, floorDivide(this.#ms(), 1000n));
    const out = new Uint8Array(8);
    out.set(uintBE(Number(seconds >> 32n), 4), 0);
    out.set(uintBE(Number(seconds & 0xffff_ffffn), 4), 4);
    return out;
  }

  /** Sets it; durable when this resolves. @param bytes 8 */
  async write(bytes: Uint8Array): Promise<void> {
    const seconds = (BigInt(readUintBE(bytes, 0, 4)) << 32n) | BigInt(readUintBE(bytes, 4, 4));
    const clockOffset = (seconds * 1000n - BigInt(Math.floor(this.#host.now()))).toString();
    await this.#store.change((state) => ({ ...state, clockOffset }));
    this.#setAt = this.#host.now();
  }

  #ms(): bigint {
    const wrong = this.#skew(this.#setAt);
    return BigInt(Math.floor(this.#host.now()) + wrong) + BigInt(this.#store.current.clockOffset);
  }
}

/** Offset of a clock that shows `start` now. */
export function clockOffset(host: Clock, start: number): string {
  return Math.floor(start - host.now()).toString();
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
