/** The sending half (ISO 15765-2 §9.3, §9.8). One message at a time. */
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { Endpoint } from "./addressing.js";
import {
  consecutiveSize,
  encodeConsecutive,
  encodeFirst,
  encodeSingle,
  type FlowStatus,
  maxSingle,
  stMinMs,
  type TxDl,
} from "./codec.js";
import type { IsoTpTiming } from "./options.js";
import type { FramePort } from "./port.js";

export interface SenderSettings {
  readonly padding: number | null;
  readonly txDl: TxDl;
  readonly timing: IsoTpTiming;
  readonly STminMargin: number;
  readonly sendAhead: number;
}

export interface FlowControl {
  readonly fs: FlowStatus | undefined;
  readonly BS: number;
  readonly STmin: number;
}

export class Sender {
  readonly #port: FramePort;
  readonly #to: Endpoint;
  readonly #settings: SenderSettings;
  readonly #clock: Clock;
  #busy = false;
  /** True from the request of the frame that a flow control must follow: the flow control may overtake that frame's confirmation. */
  #expecting = false;
  readonly #received: FlowControl[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(port: FramePort, to: Endpoint, settings: SenderSettings, clock: Clock) {
    this.#port = port;
    this.#to = to;
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Takes a flow control; one that nobody waits for is ignored. */
  flowControl(control: FlowControl): void {
    if (!this.#expecting) return;
    if (control.fs !== "WAIT") this.#expecting = false;
    this.#received.push(control);
    this.#wake?.();
  }

  /** Ends the message under way and refuses all later ones. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** @returns monotonic ms of the last frame's confirmation */
  async send(data: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#busy) throw new StationError("ISOTP_BUSY");
    this.#busy = true;
    try {
      return data.length <= maxSingle(this.#to.prefix, this.#settings.txDl)
        ? await this.#transmit(encodeSingle(this.#to.prefix, data, this.#settings.padding))
        : await this.#segmented(data, signal);
    } finally {
      this.#busy = false;
      this.#expecting = false;
      this.#received.length = 0;
    }
  }

  #transmit(frame: Uint8Array): Promise<number> {
    return this.#port.send(this.#to, frame, this.#settings.timing.N_As);
  }

  async #segmented(data: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    const { txDl, padding, timing } = this.#settings;
    const { prefix } = this.#to;
    const first = encodeFirst(prefix, data, txDl);
    this.#expecting = true;
    let confirmed = await this.#transmit(first.frame);
    let at = first.taken;
    let sn = 1;
    while (at < data.length) {
      const { BS, STmin } = await this.#clearToSend(signal);
      const gap = Math.max(stMinMs(STmin) + this.#settings.STminMargin, timing.N_Cs);
      let pause = timing.N_Cs;
      let since = this.#clock.monotonic();
      const flight: Promise<number>[] = [];
      for (let sent = 0; at < data.length && (BS === 0 || sent < BS); sent++) {
        if (pause > 0) await this.#pause(since, pause, signal);
        else signal?.throwIfAborted();
        if (this.#failure !== undefined) throw this.#failure;
        const end = Math.min(data.length, at + consecutiveSize(prefix, txDl));
        this.#expecting = sent + 1 === BS && end < data.length;
        const frame = this.#transmit(encodeConsecutive(prefix, sn, data.subarray(at, end), padding));
        at = end;
        sn = (sn + 1) & 15;
        pause = gap;
        // The first of several failures is reported; the others have the same cause.
        frame.catch(() => undefined);
        flight.push(frame);
        // A gap counts from the confirmation; without one the link may have some frames to send at once.
        while (flight.length >= (gap > 0 ? 1 : this.#settings.sendAhead)) since = confirmed = await shift(flight);
      }
      while (flight.length > 0) confirmed = await shift(flight);
    }
    return confirmed;
  }

  /** STmin is a least time: a timer that fires early is set again, so that the gap at the write is never shorter. */
  async #pause(since: number, ms: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const left = since + ms - this.#clock.monotonic();
      if (left <= 0) return;
      await this.#clock.sleep(left, signal);
    }
  }

  /** The next CTS, through as many WAITs as are allowed. */
  async #clearToSend(signal: AbortSignal | undefined): Promise<FlowControl> {
    const { N_WFTmax } = this.#settings.timing;
    for (let waits = 0; ; ) {
      const control = await this.#nextFlowControl(signal);
      switch (control.fs) {
        case "CTS":
          return control;
        case "WAIT":
          if (++waits > N_WFTmax) throw new StationError("ISOTP_WFT_OVRN", { details: { count: waits } });
          break;
        case "OVFLW":
          throw new StationError("ISOTP_BUFFER_OVFLW");
        default:
          throw new StationError("ISOTP_INVALID_FS");
      }
    }
  }

  #nextFlowControl(signal: AbortSignal | undefined): Promise<FlowControl> {
    const { N_Bs } = this.#settings.timing;
    return new Promise((resolve, reject) => {
      const settle = () => {
        const control = this.#received.shift();
        const failure = this.#failure ?? (signal?.aborted ? signal.reason : undefined);
        if (control === undefined && failure === undefined) return false;
        timer.cancel();
        this.#wake = undefined;
        signal?.removeEventListener("abort", settle);
        if (failure !== undefined) reject(failure);
        else if (control !== undefined) resolve(control);
        return true;
      };
      const timer = this.#clock.timer(N_Bs, () => {
        this.#wake = undefined;
        signal?.removeEventListener("abort", settle);
        reject(new StationError("ISOTP_TIMEOUT_BS", { details: { ms: N_Bs } }));
      });
      if (settle()) return;
      this.#wake = settle;
      signal?.addEventListener("abort", settle, { once: true });
    });
  }
}

function shift(flight: Promise<number>[]): Promise<number> {
  return flight.shift() ?? Promise.reject(new RangeError("nothing is under way"));
}
