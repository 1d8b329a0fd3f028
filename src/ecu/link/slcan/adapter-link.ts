/** CanLinks of the simulator, which is the adapter: any slcan program is the host. */
import type { Clock } from "../../../shared/clock.js";
import { Listeners } from "../../../shared/listeners.js";
import { arrived } from "../frames.js";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../link.js";
import { type Pace, Pacer } from "../pace.js";
import type { ByteStream } from "../stream.js";
import type { TcpListener } from "../tcp.js";
import { SlcanDevice } from "./device.js";

export interface AdapterLinkOptions {
  readonly url: string;
  /** What the bus behind the adapter keeps; undefined: frames pass at once. */
  readonly pace: Pace | undefined;
  readonly fd: boolean;
}

/** ms for which a host may take nothing before its adapter's buffer counts as full. */
const STALLED = 100;

/** The bus behind one or more adapters: the ECU is one node, every host another. */
class AdapterLink implements CanLink {
  readonly url: string;
  readonly listening?: string;
  readonly maxPayload: 8 | 64;
  readonly #options: AdapterLinkOptions;
  readonly #clock: Clock;
  readonly #pacer: Pacer | undefined;
  readonly #shut: () => Promise<void>;
  readonly #devices = new Set<SlcanDevice>();
  /** Since when adapters' hosts have taken nothing, Clock.monotonic. */
  readonly #waiting = new WeakMap<SlcanDevice, number>();
  readonly #frames = new Listeners<[ReceivedFrame]>();
  readonly #events = new Listeners<[LinkEvent]>();
  readonly #closed = new Listeners<[Error]>();
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: AdapterLinkOptions, clock: Clock, shut: () => Promise<void>, listening?: string) {
    this.url = options.url;
    if (listening !== undefined) this.listening = listening;
    this.maxPayload = options.fd ? 64 : 8;
    this.#options = options;
    this.#clock = clock;
    this.#pacer = options.pace === undefined ? undefined : new Pacer(clock, options.pace);
    this.#shut = shut;
  }

  /** Puts an adapter at `stream`; the answer takes it away. */
  attach(stream: ByteStream): () => void {
    const device: SlcanDevice = new SlcanDevice(
      stream,
      { fd: this.#options.fd, pacer: this.#pacer },
      (frame, at) => {
        this.#frames.emit(arrived(frame, at));
        for (const other of this.#devices) if (other !== device) void this.#deliver(other, frame, at);
      },
      this.#clock,
    );
    this.#devices.add(device);
    return () => this.#devices.delete(device);
  }

  end(error: Error): void {
    if (this.#failure !== undefined || this.#closing !== undefined) return;
    this.#failure = error;
    this.#closed.emit(error);
  }

  /** A bus without a listening host takes frames too, as with a monitoring node: nobody hears them. */
  async send(frame: CanFrame): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pacer !== undefined) await this.#pacer.pass(frame);
    const at = this.#clock.monotonic();
    await Promise.all([...this.#devices].map((device) => this.#deliver(device, frame, at)));
  }

  /** A host that goes away in the middle is no failure of this bus, and one that does not read loses frames, as behind any adapter. */
  async #deliver(device: SlcanDevice, frame: CanFrame, at: number): Promise<void> {
    const since = this.#waiting.get(device) ?? at;
    if (at - since > STALLED) return;
    this.#waiting.set(device, since);
    await device.deliver(frame, at).catch(() => undefined);
    this.#waiting.delete(device);
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

  close(): Promise<void> {
    this.#closing ??= this.#shut();
    return this.#closing;
  }
}

/** Every client of `listener` gets an adapter of its own on one bus. */
export function adapterOverTcp(
  listener: TcpListener,
  listening: string,
  options: AdapterLinkOptions,
  clock: Clock,
): CanLink & { readonly listening?: string } {
  const link = new AdapterLink(options, clock, () => listener.close(), listening);
  listener.onClient.add((stream) => {
    const detach = link.attach(stream);
    stream.onClosed(detach);
  });
  listener.onClosed((error) => link.end(error));
  return link;
}

/** One adapter at a serial device, e.g. one end of a pty pair. */
export function adapterOverStream(stream: ByteStream, options: AdapterLinkOptions, clock: Clock): CanLink {
  const link = new AdapterLink(options, clock, () => stream.close());
  link.attach(stream);
  stream.onClosed((error) => link.end(error));
  return link;
}
