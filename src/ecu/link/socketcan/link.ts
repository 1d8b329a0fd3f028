/** A CAN network interface of Linux as a link. */
import type { Clock, Timer } from "../../../shared/clock.js";
import { describe, StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import { frameFault } from "../frames.js";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../link.js";
import type { Addon, AddonMessage } from "./addon.js";
import { Channel } from "./channel.js";
import { errorFrameEvents } from "./error-frames.js";
import type { Netdev } from "./netdev.js";

export interface SocketCanOptions {
  readonly url: string;
  /** The interface, e.g. `can0`. */
  readonly name: string;
  /** The link must carry CAN FD. */
  readonly fd: boolean;
  /** Most ms that opening waits for an interface that is down or bus-off. Default 2,000, range 0–60,000. */
  readonly openLimit?: number;
  /**
   * Most ms that an interface which went down or bus-off may stay so before the link ends; 0: it ends at once, because frames were lost.
   * Default 0, range 0–3,600,000.
   */
  readonly recovery?: number;
  /** Every so many ms the interface is looked at. Default 250, range 10–1,000. */
  readonly poll?: number;
  /** Most ms that a frame waits for room in the kernel's queue, and then for its confirmation. Default 1,000, range 10–10,000. */
  readonly sendLimit?: number;
  readonly signal?: AbortSignal;
}

/** What the link stands on; tests put others there. */
export interface SocketCanSystem {
  readonly addon: Addon;
  readonly netdev: (name: string) => Promise<Netdev | undefined>;
  readonly clock: Clock;
}

/** ms until a full queue is tried again. */
const RETRY_MS = 1;
/** Most frames without confirmation: a socket holds some 270 (net.core.rmem_default), and drops what comes on top. */
const WINDOW = 64;

interface Outgoing {
  readonly frame: CanFrame;
  /** When the kernel refused it first, and then when the kernel took it. */
  since: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class SocketCanLink implements CanLink {
  readonly url: string;
  readonly maxPayload: 8 | 64;
  readonly sendAhead = WINDOW;
  readonly #name: string;
  readonly #system: SocketCanSystem;
  readonly #recovery: number;
  readonly #poll: number;
  readonly #sendLimit: number;
  readonly #frames = new Listeners<[ReceivedFrame]>();
  readonly #events = new Listeners<[LinkEvent]>();
  readonly #closed = new Listeners<[Error]>();
  /** Not yet taken by the kernel, oldest first. */
  readonly #waiting: Outgoing[] = [];
  /** Taken, and not yet heard on the bus. */
  readonly #sent: Outgoing[] = [];
  #netdev: Netdev;
  #channel: Channel | undefined;
  #looking: Timer | undefined;
  #retry: Timer | undefined;
  #watch: Timer | undefined;
  #trouble: { readonly error: StationError; readonly since: number } | undefined;
  #failure: Error | undefined;

  private constructor(options: SocketCanOptions, netdev: Netdev, system: SocketCanSystem) {
    this.url = options.url;
    this.maxPayload = netdev.fd ? 64 : 8;
    this.#name = options.name;
    this.#system = system;
    this.#recovery = options.recovery ?? 0;
    this.#poll = options.poll ?? 250;
    this.#sendLimit = options.sendLimit ?? 1_000;
    this.#netdev = netdev;
    this.#channel = this.#openChannel();
    this.#arm();
  }

  /** @throws StationError LINK_INTERFACE_MISSING, LINK_INTERFACE_DOWN, LINK_BUS_OFF, LINK_INTERFACE_CLASSIC, LINK_OPEN_FAILED */
  static async open(options: SocketCanOptions, system: SocketCanSystem): Promise<SocketCanLink> {
    const { clock } = system;
    const end = clock.monotonic() + (options.openLimit ?? 2_000);
    for (;;) {
      options.signal?.throwIfAborted();
      const netdev = await system.netdev(options.name);
      const trouble = troubleOf(options.name, netdev);
      if (netdev !== undefined && trouble === undefined) {
        if (options.fd && !netdev.fd) throw interfaceError("LINK_INTERFACE_CLASSIC", options.name);
        options.signal?.throwIfAborted();
        return new SocketCanLink(options, netdev, system);
      }
      if (netdev === undefined || clock.monotonic() >= end) throw trouble;
      await clock.sleep(options.poll ?? 250, options.signal);
    }
  }

  #openChannel(): Channel {
    const { addon, clock } = this.#system;
    const handler = {
      message: (message: AddonMessage) => this.#message(message),
      stopped: () => void this.#look(true),
    };
    return new Channel(addon, this.#name, handler, clock);
  }

  #arm(): void {
    this.#looking = this.#system.clock.timer(this.#poll, () => void this.#look(false));
  }

  /** Looks at the interface. @param stopped the socket has died: the interface was down, even if it is up again */
  async #look(stopped: boolean): Promise<void> {
    this.#looking?.cancel();
    const netdev = await this.#system.netdev(this.#name);
    if (this.#failure !== undefined) return;
    const anew = netdev !== undefined && netdev.index !== this.#netdev.index;
    const trouble =
      troubleOf(this.#name, netdev) ??
      (stopped || (anew && this.#trouble === undefined)
        ? interfaceError("LINK_INTERFACE_DOWN", this.#name)
        : undefined);
    if (netdev === undefined) this.#end(interfaceError("LINK_INTERFACE_MISSING", this.#name));
    else if (trouble !== undefined) this.#suspend(trouble);
    else if (this.#trouble !== undefined) this.#resume(netdev);
    this.#looking?.cancel();
    if (this.#failure === undefined) this.#arm();
  }

  /** The interface carries nothing now. */
  #suspend(error: StationError): void {
    if (this.#failure !== undefined) return;
    const { clock } = this.#system;
    if (this.#trouble === undefined) {
      this.#trouble = { error, since: clock.monotonic() };
      this.#events.emit(error.code === "LINK_BUS_OFF" ? { kind: "bus-off" } : { kind: "warning", text: error.message });
      this.#drop(error);
      this.#closeChannel();
    }
    if (clock.monotonic() - this.#trouble.since >= this.#recovery) this.#end(this.#trouble.error);
  }

  /** A socket that saw its interface go down hears nothing any more: there must be a new one. */
  #resume(netdev: Netdev): void {
    try {
      this.#channel = this.#openChannel();
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(describe(error)));
      return;
    }
    this.#netdev = netdev;
    this.#trouble = undefined;
    this.#events.emit({ kind: "restarted" });
  }

  #message(message: AddonMessage): void {
    const data = new Uint8Array(message.data.buffer, message.data.byteOffset, message.data.length);
    if (message.err === true) {
      this.#errorFrame(message.id, data);
      return;
    }
    const frame: CanFrame = {
      id: message.id,
      extended: message.ext === true,
      data: message.rtr === true ? new Uint8Array(0) : data,
      ...(data.length > 8 ? { fd: true } : {}),
      ...(message.rtr === true ? { remote: true } : {}),
    };
    const own = this.#sent.findIndex((entry) => same(entry.frame, frame));
    if (own >= 0) {
      this.#sent.splice(own, 1)[0]?.resolve();
      this.#next();
    } else this.#frames.emit({ ...frame, at: this.#system.clock.monotonic() });
  }

  #errorFrame(classes: number, data: Uint8Array): void {
    for (const event of errorFrameEvents(classes, data)) {
      if (event.kind === "bus-off") this.#suspend(new StationError("LINK_BUS_OFF"));
      else this.#events.emit(event);
    }
  }

  /**
   * Resolves when the interface's driver says that the frame was sent: where it echoes frames itself, it is on the bus, else the
   * driver has it.
   */
  async send(frame: CanFrame): Promise<void> {
    const failure = this.#failure ?? this.#trouble?.error;
    if (failure !== undefined) throw failure;
    // The addon looks at no length, and one that is too long ends the process.
    const classic = frame.fd === true && this.maxPayload === 8;
    const fault = classic ? `the interface ${this.#name} has no CAN FD` : frameFault(frame);
    if (fault !== undefined) throw new StationError("LINK_SEND_FAILED", { details: { what: fault } });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ frame, since: undefined, resolve, reject });
      this.#next();
    });
  }

  #pump(): void {
    const { clock } = this.#system;
    this.#retry = undefined;
    while (this.#sent.length < WINDOW) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      let taken: boolean;
      try {
        taken = this.#channel?.send(next.frame) ?? false;
      } catch (error) {
        this.#waiting.shift();
        next.reject(new StationError("LINK_SEND_FAILED", { details: { what: describe(error) }, cause: error }));
        continue;
      }
      const now = clock.monotonic();
      if (taken) {
        this.#waiting.shift();
        next.since = now;
        this.#sent.push(next);
        this.#armWatch();
        continue;
      }
      next.since ??= now;
      if (now - next.since < this.#sendLimit) {
        this.#retry = clock.timer(RETRY_MS, () => this.#pump());
        return;
      }
      this.#waiting.shift();
      next.reject(sendFailed(`the queue of ${this.#name} was full for ${this.#sendLimit} ms`));
    }
  }

  /** One timer watches the oldest unconfirmed frame. */
  #armWatch(): void {
    const oldest = this.#sent[0]?.since;
    if (this.#watch !== undefined || oldest === undefined) return;
    const { clock } = this.#system;
    this.#watch = clock.timer(Math.max(1, oldest + this.#sendLimit - clock.monotonic()), () => {
      this.#watch = undefined;
      const late = this.#sent[0];
      if (late?.since !== undefined && clock.monotonic() - late.since >= this.#sendLimit) {
        this.#sent.shift();
        late.reject(sendFailed(`${this.#name} did not confirm it in ${this.#sendLimit} ms`));
        this.#next();
      }
      this.#armWatch();
    });
  }

  /** There is room for another frame. */
  #next(): void {
    if (this.#retry === undefined) this.#pump();
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#shut(error);
    this.#closed.emit(error);
  }

  #shut(error: Error): void {
    this.#failure = error;
    this.#looking?.cancel();
    this.#drop(error);
    this.#closeChannel();
  }

  #drop(error: Error): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#watch?.cancel();
    this.#watch = undefined;
    for (const entry of [...this.#sent.splice(0), ...this.#waiting.splice(0)]) entry.reject(error);
  }

  #closeChannel(): void {
    this.#channel?.close();
    this.#channel = undefined;
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

  async close(): Promise<void> {
    if (this.#failure === undefined)
      this.#shut(new StationError("LINK_CLOSED", { details: { what: `${this.url}: closed by us` } }));
  }
}

function troubleOf(name: string, netdev: Netdev | undefined): StationError | undefined {
  if (netdev === undefined) return interfaceError("LINK_INTERFACE_MISSING", name);
  if (!netdev.up) return interfaceError("LINK_INTERFACE_DOWN", name);
  return netdev.carrier ? undefined : new StationError("LINK_BUS_OFF");
}

function interfaceError(
  code: "LINK_INTERFACE_MISSING" | "LINK_INTERFACE_DOWN" | "LINK_INTERFACE_CLASSIC",
  name: string,
): StationError {
  return new StationError(code, { details: { name } });
}

function sendFailed(what: string): StationError {
  return new StationError("LINK_SEND_FAILED", { details: { what } });
}

function same(a: CanFrame, b: CanFrame): boolean {
  return (
    a.id === b.id &&
    a.extended === b.extended &&
    (a.remote === true) === (b.remote === true) &&
    (a.remote === true || (a.data.length === b.data.length && a.data.every((byte, i) => byte === b.data[i])))
  );
}
