/** The sending half (ISO 15765-2 §9.3, §9.8). One message at a time. */
import { abortable } from "../../../shared/abort.js";
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
import { Flight } from "./flight.js";
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

/** A segmented message: what of it has been given to the link. */
interface Transmission {
  readonly data: Uint8Array;
  at: number;
  sn: number;
}

export class Sender {
  readonly #port: FramePort;
  readonly #to: Endpoint;
  readonly #settings: SenderSettings;
  readonly #clock: Clock;
  /** Bytes of a consecutive frame. */
  readonly #size: number;
  /** Size of the last flight, with which the next begins. */
  #ahead: number | undefined;
  #busy = false;
  #segmenting = false;
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
    this.#size = consecutiveSize(to.prefix, settings.txDl);
  }

  /** True from the first frame of a segmented message until the link has its last one: a response may overtake that one's confirmation. */
  get segmenting(): boolean {
    return this.#segmenting;
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
    this.#throwIfEnded(signal);
    if (this.#busy) throw new StationError("ISOTP_BUSY");
    this.#busy = true;
    try {
      return data.length <= maxSingle(this.#to.prefix.length, this.#settings.txDl)
        ? await abortable(this.#transmit(encodeSingle(this.#to.prefix, data, this.#settings.padding)), signal)
        : await this.#segmented(data, signal);
    } finally {
      this.#busy = false;
      this.#segmenting = false;
      this.#expecting = false;
      this.#received.length = 0;
    }
  }

  #throwIfEnded(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #transmit(frame: Uint8Array): Promise<number> {
    return this.#port.send(this.#to, frame, this.#settings.timing.N_As);
  }

  async #segmented(data: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    const first = encodeFirst(this.#to.prefix, data, this.#settings.txDl);
    const message: Transmission = { data, at: first.taken, sn: 1 };
    this.#segmenting = true;
    this.#expecting = true;
    let confirmed = await abortable(this.#transmit(first.frame), signal);
    // BS and STmin of the newest flow control count (§9.6.5.6).
    while (message.at < data.length) confirmed = await this.#block(message, await this.#clearToSend(signal), signal);
    return confirmed;
  }

  /** The consecutive frames that one flow control allows. @returns monotonic ms of the last one's confirmation */
  #block(message: Transmission, { BS, STmin }: FlowControl, signal: AbortSignal | undefined): Promise<number> {
    const { timing, STminMargin } = this.#settings;
    const gap = Math.max(stMinMs(STmin) + STminMargin, timing.N_Cs);
    const left = Math.ceil((message.data.length - message.at) / this.#size);
    const count = BS === 0 ? left : Math.min(BS, left);
    return gap > 0 ? this.#spaced(message, count, gap, signal) : this.#backToBack(message, count, signal);
  }

  /** `gap` ms are a least time, from the confirmation of one frame to the write of the next (§9.6.5.4). */
  async #spaced(message: Transmission, count: number, gap: number, signal: AbortSignal | undefined): Promise<number> {
    let confirmed = this.#clock.monotonic();
    for (let sent = 0; sent < count; sent++) {
      const pause = sent === 0 ? this.#settings.timing.N_Cs : gap;
      if (pause > 0) await this.#clock.until(confirmed + pause, signal);
      this.#throwIfEnded(signal);
      confirmed = await abortable(this.#transmit(this.#consecutive(message, sent + 1 === count)), signal);
    }
    return confirmed;
  }

  /** Without a gap to keep the link may have some frames to send at once. */
  async #backToBack(message: Transmission, count: number, signal: AbortSignal | undefined): Promise<number> {
    const flight = new Flight(
      { most: this.#settings.sendAhead, N_As: this.#settings.timing.N_As },
      this.#clock,
      this.#ahead,
    );
    try {
      for (let sent = 0; sent < count; ) {
        this.#throwIfEnded(signal);
        const now = this.#clock.monotonic();
        for (let room = Math.min(flight.room, count - sent); room > 0; room--)
          flight.add(this.#port.give(this.#to, this.#consecutive(message, ++sent === count)), now);
        // Half of them at a time, so that the link can put them into one write.
        await flight.until(sent < count ? flight.size >> 1 : 0, signal);
      }
      return this.#clock.monotonic();
    } finally {
      this.#ahead = flight.size;
      flight.end();
    }
  }

  /** The next frame, as the link is about to have it. @param endsBlock a flow control must follow it, unless it is the message's last */
  #consecutive(message: Transmission, endsBlock: boolean): Uint8Array {
    const { data, at, sn } = message;
    const size = Math.min(data.length - at, this.#size);
    message.at = at + size;
    message.sn = (sn + 1) & 15;
    const last = message.at === data.length;
    this.#expecting = endsBlock && !last;
    if (last) this.#segmenting = false;
    return encodeConsecutive(this.#to.prefix, sn, data, this.#settings.padding, at, size);
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
