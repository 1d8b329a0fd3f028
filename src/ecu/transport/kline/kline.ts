/** UDS on K-Line (ISO 14230-2, ISO 14229-6): half duplex, messages of up to 255 bytes, an ECU that is woken up before it is asked. */
import { withLimit } from "../../../shared/abort.js";
import type { Clock, Timer } from "../../../shared/clock.js";
import { isStationError, StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import type { KlineLink } from "../../link/link.js";
import type { DiagTransport, ReceivedMessage, SendOptions } from "../transport.js";
import {
  ALL_FORMS,
  encodeMessage,
  formsOf,
  type Header,
  type HeaderForms,
  type KlineMessage,
  maxLength,
} from "./codec.js";
import { type KeyBytes, slowInit, type Waking, wakeUp } from "./init.js";
import { Line } from "./line.js";
import { DEFAULT_FUNCTIONAL, DEFAULT_KLINE_TIMING, type KlineOptions, type KlineTiming } from "./options.js";
import { KlineParser } from "./parser.js";

const SID = { StartCommunication: 0x81, NegativeResponse: 0x7f, ECUResetResponse: 0x51 } as const;
const POSITIVE = 0x40;
const DEFAULT_LATENCY = 200;
const DEFAULT_ATTEMPTS = 3;

/**
 * A K-Line transport on `link`, for a tester or an ECU. A tester wakes the ECU up (where the link has an init) before the first request,
 * after a silence of P3max, and after a reset. The link stays the caller's: `close` only takes the listeners off it.
 */
export function createKline(link: KlineLink, options: KlineOptions, clock: Clock): DiagTransport {
  return new KlineTransport(link, options, clock);
}

class KlineTransport implements DiagTransport {
  readonly #options: KlineOptions;
  readonly #timing: KlineTiming;
  readonly #latency: number;
  readonly #functional: number;
  readonly #clock: Clock;
  readonly #line: Line;
  readonly #parser: KlineParser;
  readonly #gap: number;
  readonly #messages = new Listeners<[ReceivedMessage]>();
  readonly #starts = new Listeners<[number]>();
  readonly #errors = new Listeners<[Error]>();
  readonly #ends = new Listeners<[Error]>();
  readonly #release: () => void;
  #forms: HeaderForms = ALL_FORMS;
  #awake: boolean;
  #queue: Promise<unknown> = Promise.resolve();
  #silence: Timer | undefined;
  #tap: ((chunk: Uint8Array) => void) | undefined;
  /** Takes the answer to StartCommunication. */
  #started: (answer: Uint8Array) => void = () => undefined;
  #ended: Error | undefined;

  constructor(link: KlineLink, options: KlineOptions, clock: Clock) {
    const tester = options.role === "tester";
    const timing = { ...DEFAULT_KLINE_TIMING, ...options.timing };
    this.#options = options;
    this.#timing = timing;
    this.#latency = options.latency ?? DEFAULT_LATENCY;
    this.#functional = options.functional ?? DEFAULT_FUNCTIONAL;
    this.#clock = clock;
    this.#gap = tester ? timing.P1max : timing.P4max;
    this.#awake = !tester || link.init === "none";
    this.#parser = new KlineParser(this.#gap, {
      start: (header) => {
        if (this.#reaches(header, header.mode === "functional")) this.#starts.emit(header.length);
      },
      message: (message) => this.#message(message),
      error: (error) => this.#errors.emit(error),
    });
    this.#line = new Line(
      link,
      { byteGap: tester ? timing.P4min : timing.P1min, latency: this.#latency, busyLimit: timing.P3max },
      clock,
      (chunk, at) => this.#receive(chunk, at),
    );
    this.#release = link.onClosed((error) => {
      this.#end(error);
      this.#ends.emit(error);
    });
  }

  get maxMessage(): number {
    return maxLength(this.#forms);
  }

  send(data: Uint8Array, options: SendOptions = {}): Promise<number> {
    const turn = this.#queue.then(() => this.#send(data, options));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #send(data: Uint8Array, { signal, functional = false }: SendOptions): Promise<number> {
    signal?.throwIfAborted();
    const tester = this.#options.role === "tester";
    if (tester) await this.#ensureAwake(signal);
    if (data.length === 0 || data.length > this.maxMessage)
      throw new StationError("KLINE_TOO_LONG", {
        details: { what: `${data.length} bytes, 1 to ${this.maxMessage} fit` },
      });
    await this.#line.idle(tester ? this.#timing.P3min : this.#timing.P2min, signal);
    return this.#transmit(this.#encode(data, functional, this.#forms), signal);
  }

  #encode(data: Uint8Array, functional: boolean, forms: HeaderForms): Uint8Array {
    const { own, peer } = this.#options;
    return functional
      ? encodeMessage("functional", this.#functional, own, data, forms)
      : encodeMessage("physical", peer, own, data, forms);
  }

  async #transmit(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#parser.silence();
    try {
      return await this.#line.transmit(bytes, signal);
    } catch (error) {
      // Echoes of what is out may still come.
      this.#parser.skip();
      throw error;
    }
  }

  #receive(chunk: Uint8Array, at: number): void {
    if (this.#tap !== undefined) {
      this.#tap(chunk);
      return;
    }
    this.#parser.push(chunk, at);
    this.#silence?.cancel();
    if (!this.#parser.open) return;
    this.#silence = this.#clock.timer(this.#gap + this.#latency, () => {
      // A busy event loop runs late timers before the bytes that have long arrived: those come first.
      setImmediate(() => {
        if (this.#line.lastAt === at && this.#ended === undefined) this.#parser.silence();
      });
    });
  }

  /** Whether it is meant for us; a header without addresses is. */
  #reaches({ target, source }: Pick<Header, "target" | "source">, functional: boolean): boolean {
    const { own, peer, role } = this.#options;
    if (target === undefined) return true;
    if (source !== peer) return false;
    return functional ? role === "ecu" && target === this.#functional : target === own;
  }

  #message(message: KlineMessage): void {
    const { data, functional } = message;
    if (!this.#reaches(message, functional)) return;
    if (this.#options.role === "tester") {
      if (isStartAnswer(data)) {
        this.#started(data);
        return;
      }
      if (data[0] === SID.ECUResetResponse && this.#line.link.init !== "none") this.#awake = false;
    }
    this.#messages.emit({ data, functional, at: this.#line.lastAt });
  }

  /** Wakes the ECU up where it sleeps. @throws StationError KLINE_INIT_FAILED, LINK_*; the signal's reason */
  async #ensureAwake(signal: AbortSignal | undefined): Promise<void> {
    const { init } = this.#line.link;
    if (init === "none") return;
    if (this.#awake && this.#clock.monotonic() - this.#line.lastAt <= this.#timing.P3max) return;
    this.#awake = false;
    const attempts = this.#options.attempts ?? DEFAULT_ATTEMPTS;
    let failure = "";
    for (let i = 0; i < attempts; i++) {
      try {
        const { kb1, kb2 } = init === "fast" ? await this.#fastInit(signal) : await this.#slowInit(signal);
        const forms = formsOf(kb1, kb2);
        if (forms === undefined) throw initFailed(`key bytes ${hex(kb1)} ${hex(kb2)} are not those of ISO 14230`);
        this.#forms = forms;
        this.#awake = true;
        return;
      } catch (error) {
        if (!isStationError(error) || error.layer !== "transport") throw error;
        failure = error.code === "KLINE_INIT_FAILED" ? String(error.details.what) : error.message;
      }
    }
    throw initFailed(`${init}, ${attempts} times: ${failure}`);
  }

  #waking(signal: AbortSignal | undefined): Waking {
    return {
      link: this.#line.link,
      timing: this.#timing,
      latency: this.#latency,
      clock: this.#clock,
      signal,
      idle: (ms) => this.#line.idle(ms, signal),
      transmit: (bytes) => this.#transmit(bytes, signal),
      tap: (take) => {
        this.#tap = take;
        return () => {
          this.#tap = undefined;
        };
      },
    };
  }

  #slowInit(signal: AbortSignal | undefined): Promise<KeyBytes> {
    return slowInit(this.#startsPhysically ? this.#options.peer : this.#functional, this.#waking(signal));
  }

  async #fastInit(signal: AbortSignal | undefined): Promise<KeyBytes> {
    const { low, whole } = await wakeUp(this.#waking(signal));
    const answered = new Promise<Uint8Array>((resolve) => {
      this.#started = resolve;
    });
    // Before the key bytes are known every ECU takes this form.
    const request = this.#encode(Uint8Array.of(SID.StartCommunication), !this.#startsPhysically, ALL_FORMS);
    await this.#transmit(request, signal);
    const limit = this.#timing.P2max + this.#latency;
    const silent = () =>
      initFailed(
        `no answer to StartCommunication within ${limit} ms; pulse ${low.toFixed(1)} of ${whole.toFixed(1)} ms`,
      );
    const [sid, kb1, kb2] = await withLimit(this.#clock, limit, signal, silent, () => answered);
    if (sid === SID.NegativeResponse) throw initFailed(`StartCommunication refused with ${hex(kb2 ?? 0)}`);
    if (kb1 === undefined || kb2 === undefined) throw initFailed("an answer to StartCommunication without key bytes");
    return { kb1, kb2 };
  }

  get #startsPhysically(): boolean {
    return this.#options.startAddressing === "physical";
  }

  onMessage(listener: (message: ReceivedMessage) => void): () => void {
    return this.#messages.add(listener);
  }

  onStart(listener: (length: number) => void): () => void {
    return this.#starts.add(listener);
  }

  onError(listener: (error: Error) => void): () => void {
    return this.#errors.add(listener);
  }

  onClosed(listener: (error: Error) => void): () => void {
    return this.#ends.add(listener);
  }

  close(): void {
    this.#release();
    this.#line.close();
    this.#end(new StationError("LINK_CLOSED", { details: { what: `${this.#line.link.url}: closed by us` } }));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#silence?.cancel();
    this.#line.fail(error);
  }
}

function isStartAnswer([sid, first]: Uint8Array): boolean {
  return (
    sid === SID.StartCommunication + POSITIVE || (sid === SID.NegativeResponse && first === SID.StartCommunication)
  );
}

function initFailed(what: string): StationError {
  return new StationError("KLINE_INIT_FAILED", { details: { what } });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
