/** Keeps frames at the pace of a real bus. */
import type { Clock } from "../../shared/clock.js";
import { LENGTH_DLC } from "./frames.js";
import type { CanFrame } from "./link.js";

/**
 * ms by which the bus may run ahead of the clock: a timer tick is about 1 ms and a frame a quarter of it, so waiting for every
 * single frame would make the bus four times too slow. The rate over some frames is the bus's own.
 */
const AHEAD_MS = 1;

/** CRC delimiter, ACK slot and delimiter, end of frame, intermission: never stuffed, always at the nominal bit rate. */
const TAIL = 1 + 2 + 7 + 3;
const CRC_15 = 0x4599;

/** Bits as they stand on the bus: after five alike comes one of the other kind. */
class StuffedBits {
  count = 0;
  crc = 0;
  #last = -1;
  #alike = 0;

  /** @param size bits of `value`, the highest first */
  put(value: number, size: number): void {
    for (let i = size - 1; i >= 0; i--) {
      const bit = (value >>> i) & 1;
      const carry = bit ^ ((this.crc >> 14) & 1);
      this.crc = ((this.crc << 1) & 0x7fff) ^ (carry === 1 ? CRC_15 : 0);
      this.count++;
      this.#alike = bit === this.#last ? this.#alike + 1 : 1;
      this.#last = bit;
      if (this.#alike < 5) continue;
      this.count++;
      this.#last = 1 - bit;
      this.#alike = 1;
    }
  }
}

export interface FrameBits {
  /** At the nominal bit rate. */
  readonly nominal: number;
  /** At the data rate: of a CAN FD frame that switches, from ESI to the end of the CRC. */
  readonly data: number;
}

/** Bits of a frame with its stuff bits and the intermission after it (ISO 11898-1 §10.4, §10.5). */
export function frameBits(frame: CanFrame): FrameBits {
  const { id, extended, data } = frame;
  const fd = frame.fd === true;
  const remote = frame.remote === true ? 1 : 0;
  const bits = new StuffedBits();
  bits.put(0, 1);
  bits.put(extended ? id >>> 18 : id, 11);
  if (extended) {
    // SRR and IDE, both recessive.
    bits.put(0b11, 2);
    bits.put(id & 0x3ffff, 18);
  }
  // RTR (RRS), then IDE and r0 or FDF, res and BRS; with 29 bits r1 and r0 in the place of IDE and r0.
  if (fd) bits.put((extended ? 0b0100 : 0b00100) + (frame.brs === true ? 1 : 0), extended ? 4 : 5);
  else bits.put(remote << 2, 3);
  const arbitration = bits.count;
  if (fd) bits.put(0, 1);
  bits.put(LENGTH_DLC.get(data.length) ?? 0, 4);
  if (remote === 0) for (const byte of data) bits.put(byte, 8);
  if (!fd) {
    bits.put(bits.crc, 15);
    return { nominal: bits.count + TAIL, data: 0 };
  }
  // Stuff count and CRC have stuff bits at fixed places: before them and after every fourth bit.
  const check = 4 + (data.length > 16 ? 21 : 17);
  const fast = bits.count - arbitration + check + 1 + Math.floor(check / 4);
  return frame.brs === true
    ? { nominal: arbitration + TAIL, data: fast }
    : { nominal: arbitration + fast + TAIL, data: 0 };
}

/** Bit rates of a bus, bit/s. */
export interface Pace {
  readonly bitrate: number;
  /** Of the data phase of CAN FD frames with bit rate switch. Default: the bit rate. */
  readonly dataBitrate?: number;
}

/** One bus: frames pass one after the other. */
export class Pacer {
  readonly #clock: Clock;
  readonly #bitrate: number;
  readonly #dataBitrate: number;
  #free = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, { bitrate, dataBitrate = bitrate }: Pace) {
    this.#clock = clock;
    this.#bitrate = bitrate;
    this.#dataBitrate = dataBitrate;
  }

  /**
   * Takes the bus for `frame` after all frames before it; resolves when it has passed.
   * @param asked monotonic ms since when it waits: it begins where the frame before it ended, however late the timer behind that came
   */
  pass(frame: CanFrame, asked = this.#clock.monotonic()): Promise<void> {
    this.#last = this.#last.then(() => this.#pass(frame, asked));
    return this.#last;
  }

  async #pass(frame: CanFrame, asked: number): Promise<void> {
    const { nominal, data } = frameBits(frame);
    this.#free = Math.max(this.#free, asked) + (nominal / this.#bitrate + data / this.#dataBitrate) * 1_000;
    const wait = this.#free - this.#clock.monotonic() - AHEAD_MS;
    if (wait > 0) await this.#clock.sleep(wait);
  }
}
