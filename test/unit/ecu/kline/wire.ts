/** A wire on the virtual clock: bytes take their time, everybody hears everybody, and levels are recorded with their times. */
import type { Echo, KlineInit, KlineLink } from "../../../../src/ecu/link/link.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";
import { Listeners } from "../../../../src/shared/listeners.js";

const BAUD = 10_400;
export const BYTE_MS = 10_000 / BAUD;

type Name = "tester" | "ecu";

/** One byte on its way from one end to an end, which may be the same. */
export interface Passing {
  readonly from: Name;
  readonly to: Name;
  readonly byte: number;
}

export class Wire {
  readonly clock = new VirtualClock();
  /** Bytes by the time of their start bit. */
  readonly sent: { readonly at: number; readonly from: Name; readonly byte: number }[] = [];
  readonly edges: { readonly at: number; readonly low: boolean }[] = [];
  /** What is heard of a byte, and how many ms late. Left out: the byte. */
  fault: ((passing: Passing) => { readonly bytes: readonly number[]; readonly late?: number } | undefined) | undefined;
  /** ms that the driver takes to change the level. */
  breakDelay = 0;
  readonly #ends = new Map<
    Name,
    { readonly data: Listeners<[Uint8Array]>; readonly gone: Listeners<[Error]>; free: number }
  >();

  end(name: Name, settings: { init?: KlineInit; echo?: Echo; offset?: number } = {}): KlineLink {
    const end = { data: new Listeners<[Uint8Array]>(), gone: new Listeners<[Error]>(), free: 0 };
    this.#ends.set(name, end);
    const { init = "none", echo = "line", offset = 0 } = settings;
    return {
      url: `kline:${name}`,
      baud: BAUD,
      init,
      echo,
      offset,
      write: async (bytes) => {
        for (const byte of bytes) {
          const at = Math.max(end.free, this.clock.monotonic());
          end.free = at + BYTE_MS;
          this.sent.push({ at, from: name, byte });
          this.clock.timer(end.free - this.clock.monotonic(), () => this.#pass(name, byte));
        }
      },
      setBreak: async (low) => {
        if (this.breakDelay > 0) await this.clock.sleep(this.breakDelay);
        this.edges.push({ at: this.clock.monotonic(), low });
      },
      onData: (listener) => end.data.add(listener),
      onClosed: (listener) => end.gone.add(listener),
      close: async () => undefined,
    };
  }

  unplug(): void {
    for (const { gone } of this.#ends.values())
      gone.emit(new StationError("LINK_CLOSED", { details: { what: "pulled" } }));
  }

  /** Bytes that one end sent, hex. */
  sentBy(name: Name): string {
    return Buffer.from(this.sent.filter(({ from }) => from === name).map(({ byte }) => byte)).toString("hex");
  }

  #pass(from: Name, byte: number): void {
    for (const [to, { data }] of this.#ends) {
      const { bytes, late = 0 } = this.fault?.({ from, to, byte }) ?? { bytes: [byte] };
      if (bytes.length > 0) this.clock.timer(late, () => data.emit(Uint8Array.from(bytes)));
    }
  }
}
