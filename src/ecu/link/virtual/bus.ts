/** A CAN bus inside this process: every node hears every other node's frames, all in the same order. */
import { breathe, type Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import { arrived } from "../frames.js";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../link.js";
import { type Pace, Pacer } from "../pace.js";

/** Most ms that the bus works without giving other work of the process a turn. */
const SLICE_MS = 5;

interface Waiting {
  readonly from: VirtualLink;
  readonly frame: CanFrame;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class Bus {
  readonly nodes = new Set<VirtualLink>();
  readonly #clock: Clock;
  readonly #pacer: Pacer | undefined;
  #queue: Waiting[] = [];
  #busy = false;

  constructor(clock: Clock, pace: Pace | undefined) {
    this.#clock = clock;
    this.#pacer = pace === undefined ? undefined : new Pacer(clock, pace);
  }

  put(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (!this.#busy) {
      this.#busy = true;
      // The sender's call must be over before anybody answers its frame.
      queueMicrotask(() => void this.#run());
    }
  }

  async #run(): Promise<void> {
    let slice = this.#clock.monotonic();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (this.#pacer !== undefined) await this.#pacer.pass(next.frame);
      const failure = next.from.failure;
      if (failure !== undefined) {
        next.reject(failure);
        continue;
      }
      next.resolve();
      const at = this.#clock.monotonic();
      const frame = arrived(next.frame, at, next.frame.data.slice());
      for (const node of [...this.nodes]) if (node !== next.from) node.deliver(frame);
      if (at - slice > SLICE_MS) {
        await breathe();
        slice = this.#clock.monotonic();
      } else await Promise.resolve();
    }
    this.#busy = false;
  }
}

const buses = new Map<string, Bus>();

export class VirtualLink implements CanLink {
  readonly url: string;
  readonly maxPayload = 64;
  readonly sendAhead = 256;
  readonly #name: string;
  readonly #bus: Bus;
  readonly #frames = new Listeners<[ReceivedFrame]>();
  readonly #events = new Listeners<[LinkEvent]>();
  readonly #closed = new Listeners<[Error]>();
  failure: StationError | undefined;

  constructor(name: string, url: string, clock: Clock, pace?: Pace) {
    this.url = url;
    this.#name = name;
    const bus = buses.get(name) ?? new Bus(clock, pace);
    buses.set(name, bus);
    this.#bus = bus;
    bus.nodes.add(this);
  }

  send(frame: CanFrame): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => this.#bus.put({ from: this, frame, resolve, reject }));
  }

  deliver(frame: ReceivedFrame): void {
    this.#frames.emit(frame);
  }

  onFrame(listener: (frame: ReceivedFrame) => void): () => void {
    return this.#frames.add(listener);
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#events.add(listener);
  }

  onClosed(listener: (error: Error) => void): () => void {
    return this.#closed.add(listener);
  }

  /** Pulls this node's plug: it gets LINK_CLOSED, the others hear no more of it. */
  unplug(): void {
    if (this.#leave("unplugged") && this.failure !== undefined) this.#closed.emit(this.failure);
  }

  async close(): Promise<void> {
    this.#leave("closed by us");
  }

  #leave(why: string): boolean {
    if (this.failure !== undefined) return false;
    this.failure = new StationError("LINK_CLOSED", { details: { what: `${this.url}: ${why}` } });
    this.#bus.nodes.delete(this);
    if (this.#bus.nodes.size === 0 && buses.get(this.#name) === this.#bus) buses.delete(this.#name);
    return true;
  }
}

/**
 * A new node on the bus `name` of this process; the bus lives as long as it has nodes.
 *
 * @param pace the bit rates that the bus keeps; left out, frames pass at once. The first node of a bus decides.
 */
export function openVirtual(name: string, clock: Clock, pace?: Pace): VirtualLink {
  return new VirtualLink(name, `virtual:${name}`, clock, pace);
}

/** Pulls the plug of every node on the bus `name`. */
export function unplugVirtual(name: string): void {
  for (const node of [...(buses.get(name)?.nodes ?? [])]) node.unplug();
}
