/**
 * How many rows of the audit log refused strangers may cause: nobody fills a disk by being refused. Each address and all of them together
 * have a bucket of rows that fills up again slowly; what goes beyond is counted.
 */
import type { Clock } from "../../shared/clock.js";
import { networkOf } from "./ranges.js";

export interface RefusalLimits {
  /** Rows at once of one IPv4 address or one IPv6 /64; default 100, 1–100000. */
  readonly perAddress?: number;
  /** Rows at once of all addresses; default 1000, 1–1000000. */
  readonly total?: number;
  /** Rows a minute in the long run, of one address and of all; default 1 and 10 (14,400 rows or about 7 MB a day), 0.01–10000. */
  readonly perAddressMinute?: number;
  readonly totalMinute?: number;
}

/** Addresses that are remembered; the one that was silent longest is forgotten first. */
const MAX_ADDRESSES = 10_000;
const MINUTE = 60_000;

class Bucket {
  #rows: number;
  #at: number;

  constructor(
    private readonly size: number,
    private readonly perMinute: number,
    now: number,
  ) {
    this.#rows = size;
    this.#at = now;
  }

  /** @param now monotonic ms */
  has(now: number): boolean {
    this.#rows = Math.min(this.size, this.#rows + ((now - this.#at) / MINUTE) * this.perMinute);
    this.#at = now;
    return this.#rows >= 1;
  }

  take(): void {
    this.#rows -= 1;
  }
}

export class RefusalBudget {
  readonly #clock: Clock;
  readonly #limits: Required<RefusalLimits>;
  readonly #total: Bucket;
  readonly #addresses = new Map<string, Bucket>();

  constructor(clock: Clock, limits: RefusalLimits = {}) {
    this.#clock = clock;
    this.#limits = { perAddress: 100, total: 1_000, perAddressMinute: 1, totalMinute: 10, ...limits };
    this.#total = new Bucket(this.#limits.total, this.#limits.totalMinute, clock.monotonic());
  }

  /** Whether a refusal of that address may have a row of its own now. */
  take(address: string): boolean {
    const now = this.#clock.monotonic();
    const own = this.#of(networkOf(address), now);
    if (!own.has(now) || !this.#total.has(now)) return false;
    own.take();
    this.#total.take();
    return true;
  }

  #of(network: string, now: number): Bucket {
    const { perAddress, perAddressMinute } = this.#limits;
    const bucket = this.#addresses.get(network) ?? new Bucket(perAddress, perAddressMinute, now);
    // Behind all others: the first of the map is the one that was silent longest.
    this.#addresses.delete(network);
    this.#addresses.set(network, bucket);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > MAX_ADDRESSES && oldest !== undefined) this.#addresses.delete(oldest);
    return bucket;
  }
}
