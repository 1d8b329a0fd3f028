/** The receiving half (ISO 15765-2 §9.3, §9.8.3). Half duplex is its owner's affair. */
import type { Clock, Timer } from "../../../shared/clock.js";
import { asStationError, StationError } from "../../../shared/errors.js";
import type { Endpoint } from "./addressing.js";
import { encodeFlowControl, type FlowStatus, type FrameLengths, lengthFits, type Pdu } from "./codec.js";
import type { Admission, IsoTpTiming } from "./options.js";
import type { FramePort } from "./port.js";

export interface ReceiverSettings {
  readonly padding: number | null;
  readonly lengths: FrameLengths;
  readonly timing: IsoTpTiming;
  readonly BS: number;
  readonly STmin: number;
  readonly maxMessage: number;
  readonly admit: (length: number) => Admission;
  readonly waitPause: number;
}

export interface ReceiverEvents {
  message(data: Uint8Array, at: number): void;
  start(length: number): void;
  error(error: Error): void;
}

type OpeningPdu = Extract<Pdu, { kind: "SF" | "FF" }>;

/** A segmented message under way. */
interface Reception {
  readonly length: number;
  /** Length of the first frame: every consecutive frame but the last must have it (RX_DL). */
  readonly rxDl: number;
  /** Of the message, as long as has come of it or longer. */
  data: Uint8Array;
  received: number;
  sn: number;
  /** Consecutive frames of this block; those before our flow control are not awaited. */
  inBlock: number;
  awaiting: boolean;
  waits: number;
  /** Monotonic ms from which N_Cr runs. */
  since: number;
  /** Of N_Br, of the pause between WAITs, or of N_Cr. */
  timer: Timer | undefined;
}

/** Bytes that a first frame gets memory for; what really comes gets more. */
const FIRST_MEMORY = 65_536;

export class Receiver {
  readonly #port: FramePort;
  readonly #to: Endpoint;
  readonly #settings: ReceiverSettings;
  readonly #events: ReceiverEvents;
  readonly #clock: Clock;
  #reception: Reception | undefined;
  #closed = false;

  /** @param to where flow control goes */
  constructor(port: FramePort, to: Endpoint, settings: ReceiverSettings, events: ReceiverEvents, clock: Clock) {
    this.#port = port;
    this.#to = to;
    this.#settings = settings;
    this.#events = events;
    this.#clock = clock;
  }

  /** True while a segmented message is under way. */
  get receiving(): boolean {
    return this.#reception !== undefined;
  }

  /** A single or first frame. @param frameLength its CAN_DL; @param at its monotonic ms */
  pdu(pdu: OpeningPdu, frameLength: number, at: number): void {
    switch (pdu.kind) {
      case "SF":
        this.#unexpected();
        this.#events.message(pdu.data, at);
        break;
      case "FF":
        this.#unexpected();
        this.#first(pdu.length, pdu.data, frameLength);
        break;
    }
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    this.#reception?.timer?.cancel();
    this.#reception = undefined;
  }

  #abort(error: Error): void {
    this.#end();
    this.#events.error(error);
  }

  /** A single or first frame amid a reception ends that (N_UNEXP_PDU) and counts itself. */
  #unexpected(): void {
    if (this.#reception !== undefined) this.#abort(new StationError("ISOTP_UNEXP_PDU"));
  }

  #first(length: number, data: Uint8Array, rxDl: number): void {
    if (length > this.#settings.maxMessage) {
      this.#flowControl("OVFLW").catch((error: unknown) => this.#events.error(asStationError(error)));
      return;
    }
    const memory = new Uint8Array(Math.min(length, FIRST_MEMORY));
    memory.set(data);
    const reception: Reception = {
      length,
      rxDl,
      data: memory,
      received: data.length,
      sn: 1,
      inBlock: 0,
      awaiting: false,
      waits: 0,
      since: 0,
      timer: undefined,
    };
    this.#reception = reception;
    this.#events.start(length);
    this.#continue(reception, this.#settings.timing.N_Br);
  }

  /** Sends the next flow control after `pause` ms. */
  #continue(reception: Reception, pause: number): void {
    reception.awaiting = false;
    reception.timer?.cancel();
    reception.timer = undefined;
    const go = () => {
      if (this.#reception === reception)
        this.#answer(reception).catch((error: unknown) => {
          if (this.#reception === reception) this.#abort(asStationError(error));
        });
    };
    if (pause > 0) reception.timer = this.#clock.timer(pause, go);
    else go();
  }

  async #answer(reception: Reception): Promise<void> {
    const { timing, admit, waitPause } = this.#settings;
    const admission = admit(reception.length);
    if (admission === "overflow") {
      this.#end();
      await this.#flowControl("OVFLW").catch((error: unknown) => this.#events.error(asStationError(error)));
      return;
    }
    if (admission === "wait") {
      if (++reception.waits > timing.N_WFTmax)
        throw new StationError("ISOTP_WFT_OVRN", { details: { count: reception.waits - 1 } });
      await this.#flowControl("WAIT");
      if (this.#reception === reception) this.#continue(reception, waitPause);
      return;
    }
    reception.waits = 0;
    reception.inBlock = 0;
    // From the request on: a consecutive frame may overtake the confirmation of our flow control.
    reception.awaiting = true;
    await this.#flowControl("CTS");
    if (this.#reception === reception && reception.awaiting) {
      reception.since = this.#clock.monotonic();
      this.#awaitConsecutive(reception);
    }
  }

  async #flowControl(fs: FlowStatus): Promise<void> {
    if (this.#closed) return;
    const { BS, STmin, padding, timing } = this.#settings;
    const sent = fs === "CTS" ? { BS, STmin } : { BS: 0, STmin: 0 };
    await this.#port.send(this.#to, encodeFlowControl(this.#to.prefix, fs, sent.BS, sent.STmin, padding), timing.N_Ar);
  }

  /** All frames of a message have RX_DL, and its last one at most that; what has not is no frame of this message and is ignored. */
  #belongs({ rxDl, length, received }: Reception, frameLength: number, dataLength: number): boolean {
    const left = length - received;
    if (dataLength < left) return frameLength === rxDl;
    const { lengths } = this.#settings;
    const content = frameLength - dataLength + left;
    return frameLength <= rxDl && (lengths === "any" || lengthFits(frameLength, content, lengths));
  }

  /** N_Cr: one timer a block, which looks how long ago the last frame came. */
  #awaitConsecutive(reception: Reception): void {
    const { N_Cr } = this.#settings.timing;
    reception.timer?.cancel();
    reception.timer = this.#clock.timer(reception.since + N_Cr - this.#clock.monotonic(), () => {
      if (this.#clock.monotonic() < reception.since + N_Cr) this.#awaitConsecutive(reception);
      else this.#abort(new StationError("ISOTP_TIMEOUT_CR", { details: { ms: N_Cr } }));
    });
  }

  /** A consecutive frame. @param frame its payload, only read during the call; @param prefix bytes before N_PCI; @param at monotonic ms */
  consecutive(frame: Uint8Array, prefix: number, at: number): void {
    const reception = this.#reception;
    if (reception === undefined || !reception.awaiting) return;
    const start = prefix + 1;
    if (!this.#belongs(reception, frame.length, frame.length - start)) return;
    if (((frame[prefix] ?? 0) & 15) !== reception.sn) {
      this.#abort(new StationError("ISOTP_WRONG_SN"));
      return;
    }
    const size = Math.min(reception.length - reception.received, frame.length - start);
    store(reception, frame, start, size);
    reception.sn = (reception.sn + 1) & 15;
    reception.inBlock++;
    reception.since = at;
    if (reception.received === reception.length) {
      this.#end();
      this.#events.message(reception.data, at);
    } else if (reception.inBlock === this.#settings.BS) this.#continue(reception, this.#settings.timing.N_Br);
    // The confirmation of our flow control has yet to come.
    else if (reception.timer === undefined) this.#awaitConsecutive(reception);
  }
}

/** Appends `size` bytes of `frame` to the message. */
function store(reception: Reception, frame: Uint8Array, start: number, size: number): void {
  const { received, length } = reception;
  if (received + size > reception.data.length) {
    const more = new Uint8Array(Math.min(length, 2 * reception.data.length));
    more.set(reception.data);
    reception.data = more;
  }
  const { data } = reception;
  for (let i = 0; i < size; i++) data[received + i] = frame[start + i] ?? 0;
  reception.received += size;
}
