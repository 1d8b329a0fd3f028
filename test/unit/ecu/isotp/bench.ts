/** A bare CAN link of frames as hex, and one end of ISO-TP on it: what is tested is what stands on the wire. */
import type { CanFrame, CanLink, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import type { IsoTpOptions } from "../../../../src/ecu/transport/isotp/options.js";
import type { ReceivedMessage } from "../../../../src/ecu/transport/transport.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";

export class BareLink implements CanLink {
  readonly url = "bare:";
  readonly sent: { hex: string; id: number; at: number; frame: CanFrame }[] = [];
  /** While true, frames are taken but not confirmed; `confirm` does it. */
  held = false;
  readonly #waiting: (() => void)[] = [];
  #frame: (frame: ReceivedFrame) => void = () => undefined;
  #closed: (error: Error) => void = () => undefined;
  listeners = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly maxPayload: 8 | 64 = 8,
  ) {}

  send(frame: CanFrame): Promise<void> {
    this.sent.push({ hex: toHex(frame.data), id: frame.id, at: this.clock.monotonic(), frame });
    if (!this.held) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  confirm(): void {
    this.held = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  receive(id: number, hex: string, frame: Partial<CanFrame> = {}): void {
    this.#frame({ id, extended: false, data: fromHex(hex), at: this.clock.monotonic(), ...frame });
  }

  unplug(error: Error): void {
    this.#closed(error);
  }

  onFrame(listener: (frame: ReceivedFrame) => void): () => void {
    this.#frame = listener;
    this.listeners++;
    return () => this.listeners--;
  }

  onEvent(): () => void {
    return () => undefined;
  }

  onClosed(listener: (error: Error) => void): () => void {
    this.#closed = listener;
    this.listeners++;
    return () => this.listeners--;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const REQUEST = 0x7e0;
export const RESPONSE = 0x7e8;
export const FUNCTIONAL = 0x7df;

/** The tester's end (sends 7E0, hears 7E8), or the ECU's. */
export function bench(options: Partial<IsoTpOptions> = {}, side: "tester" | "ecu" = "tester", maxPayload: 8 | 64 = 8) {
  const clock = new VirtualClock();
  const link = new BareLink(clock, maxPayload);
  const addressing =
    side === "tester"
      ? ({ format: "normal", txId: REQUEST, rxId: RESPONSE, functionalTxId: FUNCTIONAL } as const)
      : ({ format: "normal", txId: RESPONSE, rxId: REQUEST, functionalRxId: FUNCTIONAL } as const);
  const transport = createIsoTp(link, { addressing, ...options }, clock);
  const messages: ReceivedMessage[] = [];
  const events: string[] = [];
  transport.onMessage((message) => {
    messages.push(message);
    events.push(`message ${toHex(message.data)}${message.functional ? " functional" : ""}`);
  });
  transport.onStart((length) => events.push(`start ${length}`));
  transport.onError((error) => events.push(isStationError(error) ? error.code : String(error)));
  const heard = side === "tester" ? RESPONSE : REQUEST;
  return {
    clock,
    link,
    transport,
    messages,
    events,
    /** Frames sent so far, as hex. */
    get wire() {
      return link.sent.map((sent) => sent.hex);
    },
    /** Frames from the peer, one after the other. */
    async hear(...frames: string[]) {
      for (const frame of frames) {
        link.receive(heard, frame);
        await clock.advance(0);
      }
    },
    /** Starts a send; the answer tells how it went. */
    send(hex: string, sendOptions?: Parameters<typeof transport.send>[1]) {
      const outcome: { at?: number; code?: string } = {};
      transport.send(fromHex(hex), sendOptions).then(
        (at) => {
          outcome.at = at;
        },
        (error: unknown) => {
          outcome.code = isStationError(error) ? error.code : String(error);
        },
      );
      return outcome;
    },
  };
}

/** Hex of the bytes `from`, `from` + 1 … (mod 256), `count` of them. */
export function run(from: number, count: number): string {
  return toHex(Uint8Array.from({ length: count }, (_, i) => from + i));
}
