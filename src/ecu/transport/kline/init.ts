/** Waking an ECU up (ISO 14230-2, initialisation): the fast one by a pulse of 25 ms, the slow one by an address at 5 baud. */
import { withLimit } from "../../../shared/abort.js";
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { KlineLink } from "../../link/link.js";
import type { KlineTiming } from "./options.js";

const BIT_AT_5_BAUD = 200;
const SYNC = 0x55;

export interface KeyBytes {
  readonly kb1: number;
  readonly kb2: number;
}

/** The wire while an ECU is woken up. */
export interface Waking {
  readonly link: KlineLink;
  readonly timing: KlineTiming;
  /** See KlineOptions.latency. */
  readonly latency: number;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Resolves after a silence of so many ms. */
  idle(ms: number): Promise<void>;
  /** Sends bytes as they are; resolves when they are out. */
  transmit(bytes: Uint8Array): Promise<number>;
  /** Bytes of the line go there and nowhere else until the answer is called. */
  tap(take: (chunk: Uint8Array) => void): () => void;
}

const failed = (what: string): StationError => new StationError("KLINE_INIT_FAILED", { details: { what } });

/** What was measured of a wake-up pattern, ms. */
export interface Pulse {
  readonly low: number;
  readonly whole: number;
}

/** The wake-up pattern of the fast init: silence W5, low TiniL, high until TWuP. StartCommunication is due when it resolves. */
export async function wakeUp({ link, timing, clock, signal, idle, tap }: Waking): Promise<Pulse> {
  await idle(timing.W5);
  // A UART reads its own pulse as a zero byte.
  const release = tap(() => undefined);
  try {
    await link.setBreak(true);
    const fell = clock.monotonic();
    let rose: number;
    try {
      await clock.until(fell + timing.TiniL + link.offset, signal);
    } finally {
      await link.setBreak(false);
      rose = clock.monotonic();
    }
    await clock.until(fell + timing.TWuP, signal);
    return { low: rose - fell, whole: clock.monotonic() - fell };
  } finally {
    release();
  }
}

/**
 * The address at 5 baud (8 bits, the lowest first), then 55 and both key bytes from the ECU, ~KB2 from us and ~address from the ECU.
 * @throws StationError KLINE_INIT_FAILED, KLINE_COLLISION, KLINE_NO_ECHO, LINK_*; the signal's reason
 */
export async function slowInit(address: number, waking: Waking): Promise<KeyBytes> {
  const { timing, clock, signal, idle, tap, transmit } = waking;
  await idle(timing.W5);
  const bytes = new Bytes();
  let listening = false;
  const release = tap((chunk) => {
    // A UART reads the bits of its own address as bytes.
    if (listening) bytes.put(chunk);
  });
  const next = (limit: number, what: string) => bytes.next(waking, limit, what);
  try {
    const end = await sendAt5Baud(address, waking);
    await clock.until(end + timing.W1min / 2, signal);
    listening = true;
    const deadline = end + timing.W1max;
    while ((await next(deadline - clock.monotonic(), "no sync byte 55 within W1")) !== SYNC);
    const kb1 = await next(timing.W2max, "no key byte 1 within W2");
    const kb2 = await next(timing.W3max, "no key byte 2 within W3");
    await clock.sleep(timing.W4min, signal);
    await transmit(Uint8Array.of(~kb2 & 0xff));
    const inverted = await next(timing.W4max, "no complement of the address within W4");
    if (inverted !== (~address & 0xff)) throw failed(`${hex(inverted)} is not the complement of ${hex(address)}`);
    return { kb1, kb2 };
  } finally {
    release();
  }
}

/** @returns monotonic ms of the stop bit's end */
async function sendAt5Baud(address: number, { link, clock, signal }: Waking): Promise<number> {
  const bits = [0, ...Array.from({ length: 8 }, (_, i) => (address >> i) & 1), 1];
  let level = 1;
  let began: number | undefined;
  try {
    for (const [i, bit] of bits.entries()) {
      if (began !== undefined) await clock.until(began + i * BIT_AT_5_BAUD + (bit === 1 ? link.offset : 0), signal);
      if (bit !== level) await link.setBreak(bit === 0);
      level = bit;
      began ??= clock.monotonic();
    }
  } finally {
    if (level === 0) await link.setBreak(false);
  }
  const end = (began ?? clock.monotonic()) + bits.length * BIT_AT_5_BAUD;
  await clock.until(end, signal);
  return end;
}

/** Single bytes, waited for one by one. */
class Bytes {
  readonly #bytes: number[] = [];
  #wake: () => void = () => undefined;

  put(chunk: Uint8Array): void {
    this.#bytes.push(...chunk);
    this.#wake();
  }

  next({ clock, latency, signal }: Waking, limit: number, what: string): Promise<number> {
    const came = async () => {
      while (this.#bytes.length === 0)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      return this.#bytes.shift() ?? 0;
    };
    const most = Math.max(0, limit) + latency;
    return withLimit(clock, most, signal, () => failed(`${what} (${Math.round(most)} ms)`), came);
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
