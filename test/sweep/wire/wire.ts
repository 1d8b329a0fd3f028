/** The station's end of a virtual bus, at which one frame of a run meets a fault. */
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../../../src/ecu/link/link.js";
import type { VirtualLink } from "../../../src/ecu/link/virtual/bus.js";
import type { VirtualClock } from "../../../src/shared/clock.js";
import { Listeners } from "../../../src/shared/listeners.js";
import { below, randomOf, SEED } from "../seed.js";
import type { Place, PlaceReader } from "./places.js";

export const FAULTS = ["drop", "duplicate", "delay", "corrupt", "swap", "unplug"] as const;
export type Fault = (typeof FAULTS)[number];

/** ms that a delayed frame comes late: longer than N_Bs, N_Cr and P2, shorter than P2* and S3. */
const DELAY = 1_500;
/** ms that a frame waits for the next one of its direction to change places with; alone, it comes late by that. */
const SWAP = 20;

/** Which bit of a corrupt frame is wrong follows from it: the same ones every day, but for those who ask for others. */
export const WIRE_SEED = process.env.STATION_SEED === undefined ? 4 : SEED;

/** Where and what. */
export interface Blow {
  readonly fault: Fault;
  readonly key: string;
}

type Deliver = (frame: CanFrame) => void;

export class Wire implements CanLink {
  readonly url: string;
  readonly maxPayload: 8 | 64;
  /** Every frame that came by, before its fault. */
  readonly places: Place[] = [];
  /** The frame that met the fault. */
  struck: (Place & { readonly bit?: number }) | undefined;
  readonly #link: VirtualLink;
  readonly #clock: VirtualClock;
  readonly #blow: Blow | undefined;
  readonly #reader: PlaceReader;
  readonly #frames = new Listeners<[ReceivedFrame]>();
  readonly #held = new Map<Place["to"], () => void>();

  constructor(link: VirtualLink, clock: VirtualClock, reader: PlaceReader, blow?: Blow) {
    this.url = link.url;
    this.maxPayload = link.maxPayload;
    this.#link = link;
    this.#clock = clock;
    this.#blow = blow;
    this.#reader = reader;
    link.onFrame((frame) => {
      this.#pass("station", frame, (passed) => this.#frames.emit({ ...passed, at: this.#clock.monotonic() }));
    });
  }

  async send(frame: CanFrame): Promise<void> {
    const sent: Promise<void>[] = [];
    this.#pass("ecu", frame, (passed) => {
      const sending = this.#link.send(passed);
      // Of a frame that leaves late nobody waits for the end.
      sending.catch(() => undefined);
      sent.push(sending);
    });
    if (this.#link.failure !== undefined) throw this.#link.failure;
    await Promise.all(sent);
  }

  #pass(to: Place["to"], frame: CanFrame, deliver: Deliver): void {
    const place = this.#reader.read(to, frame.data);
    this.places.push(place);
    if (this.struck === undefined && this.#blow?.key === place.key) this.#strike(this.#blow, place, frame, deliver);
    else deliver(frame);
    if (place.key !== this.struck?.key) this.#letGo(to);
  }

  #strike({ fault, key }: Blow, place: Place, frame: CanFrame, deliver: Deliver): void {
    this.struck = place;
    switch (fault) {
      case "drop":
        return;
      case "duplicate":
        deliver(frame);
        deliver(frame);
        return;
      case "delay":
        this.#clock.timer(DELAY, () => deliver(frame));
        return;
      case "corrupt": {
        const data = frame.data.slice();
        const bit = below(randomOf(`corrupt ${key}`, WIRE_SEED), data.length * 8);
        data[bit >> 3] = (data[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        this.struck = { ...place, bit };
        deliver({ ...frame, data });
        return;
      }
      case "swap": {
        this.#held.set(place.to, () => deliver(frame));
        this.#clock.timer(SWAP, () => this.#letGo(place.to));
        return;
      }
      case "unplug":
        this.unplug();
    }
  }

  /** The station's adapter is gone. */
  unplug(): void {
    this.#link.unplug();
  }

  #letGo(to: Place["to"]): void {
    const held = this.#held.get(to);
    this.#held.delete(to);
    held?.();
  }

  onFrame(listener: (frame: ReceivedFrame) => void): () => void {
    return this.#frames.add(listener);
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#link.onEvent(listener);
  }

  onClosed(listener: (error: Error) => void): () => void {
    return this.#link.onClosed(listener);
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}
