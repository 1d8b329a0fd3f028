/** One wire for both directions: sends bytes with their gaps, takes their echo off what comes back, and knows when the line is silent. */
import { abortable, withLimit } from "../../../shared/abort.js";
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { KlineLink } from "../../link/link.js";

/** A UART's byte: start bit, 8 data bits, stop bit. */
const BITS_PER_BYTE = 10;

export interface LineSettings {
  /** Gap between two bytes of ours, ms. */
  readonly byteGap: number;
  /** Most ms that computer and adapter add. */
  readonly latency: number;
  /** Most ms to wait for silence. */
  readonly busyLimit: number;
}

export class Line {
  readonly link: KlineLink;
  readonly #settings: LineSettings;
  readonly #clock: Clock;
  readonly #release: () => void;
  /** Rejects when the link is gone: a driver may leave what it was given without an answer then. */
  readonly #gone: Promise<never>;
  #lose: (error: Error) => void = () => undefined;
  #lastAt: number;
  #echo: Echo | undefined;

  /** @param receive bytes of others, with the monotonic ms of their arrival */
  constructor(link: KlineLink, settings: LineSettings, clock: Clock, receive: (chunk: Uint8Array, at: number) => void) {
    this.link = link;
    this.#settings = settings;
    this.#clock = clock;
    this.#lastAt = clock.monotonic();
    this.#gone = new Promise((_, reject) => {
      this.#lose = reject;
    });
    this.#gone.catch(() => undefined);
    this.#release = link.onData((chunk) => {
      const at = clock.monotonic();
      this.#lastAt = at;
      if (link.echo === "make") link.write(chunk).catch(() => undefined);
      const others = this.#echo === undefined ? chunk : this.#echo.take(chunk, at);
      if (others.length > 0) receive(others, at);
    });
  }

  /** Monotonic ms of the last byte on the line. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** Resolves when nothing was on the line for `gap` ms. @throws StationError KLINE_BUSY; the signal's reason */
  async idle(gap: number, signal?: AbortSignal): Promise<void> {
    const { busyLimit } = this.#settings;
    const deadline = this.#clock.monotonic() + gap + busyLimit;
    for (let now = this.#clock.monotonic(); now < this.#lastAt + gap; now = this.#clock.monotonic()) {
      if (now > deadline) throw new StationError("KLINE_BUSY", { details: { ms: busyLimit } });
      await this.#clock.until(this.#lastAt + gap, signal);
    }
  }

  /**
   * Sends `bytes` and compares what comes back; ends with the monotonic ms of the last byte.
   * @throws StationError KLINE_COLLISION, KLINE_NO_ECHO, LINK_*; the signal's reason
   */
  async transmit(bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
    const { byteGap, latency } = this.#settings;
    const echo = this.link.echo === "line" ? new Echo(bytes) : undefined;
    this.#echo = echo;
    try {
      const end = await this.#write(bytes, byteGap, echo, signal);
      if (echo !== undefined) echo.outAt = end;
      if (echo === undefined) {
        await this.#clock.until(end, signal);
        this.#lastAt = Math.max(this.#lastAt, end);
        return end;
      }
      const limit = Math.max(0, end - this.#clock.monotonic()) + latency;
      return await withLimit(
        this.#clock,
        limit,
        signal,
        () => echo.missing(),
        () => echo.whole,
      );
    } finally {
      this.#echo = undefined;
    }
  }

  /** @returns monotonic ms at which the last byte is out */
  async #write(bytes: Uint8Array, gap: number, echo: Echo | undefined, signal?: AbortSignal): Promise<number> {
    const byteTime = (BITS_PER_BYTE * 1_000) / this.link.baud;
    const pieces = gap === 0 ? [bytes] : Array.from(bytes, (byte) => Uint8Array.of(byte));
    let end = this.#clock.monotonic() - gap;
    for (const piece of pieces) {
      await this.#clock.until(end + gap, signal);
      echo?.throwIfFailed();
      end = this.#clock.monotonic() + piece.length * byteTime;
      await abortable(Promise.race([this.link.write(piece), this.#gone]), signal);
    }
    return end;
  }

  /** The link is gone: what is under way fails with `error`. */
  fail(error: Error): void {
    this.#lose(error);
    this.#echo?.fail(error);
  }

  close(): void {
    this.#release();
  }
}

/** What must come back of one message. */
class Echo {
  readonly #sent: Uint8Array;
  #seen = 0;
  #failure: Error | undefined;
  #resolve: (at: number) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  /** The monotonic ms of the last byte. */
  readonly whole: Promise<number>;
  /** Monotonic ms at which the last byte is out. */
  outAt = Number.POSITIVE_INFINITY;

  constructor(sent: Uint8Array) {
    this.#sent = sent;
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.whole.catch(() => undefined);
  }

  /** @returns what is no echo: bytes behind the last of ours */
  take(chunk: Uint8Array, at: number): Uint8Array {
    for (const [i, byte] of chunk.entries()) {
      if (this.#failure !== undefined) return new Uint8Array(0);
      if (this.#seen === this.#sent.length) return chunk.subarray(i);
      const wanted = this.#sent[this.#seen] ?? 0;
      if (byte !== wanted) {
        const what = `byte ${this.#seen + 1}: sent ${hex(wanted)}, read ${hex(byte)}`;
        // What comes when everything is out and nothing of it came back is the answer.
        const answered = this.#seen === 0 && at > this.outAt;
        this.fail(answered ? this.missing() : new StationError("KLINE_COLLISION", { details: { what } }));
      } else if (++this.#seen === this.#sent.length) this.#resolve(at);
    }
    return new Uint8Array(0);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#reject(this.#failure);
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  missing(): StationError {
    return new StationError("KLINE_NO_ECHO", { details: { what: `${this.#seen} of ${this.#sent.length} bytes` } });
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
