/** The station's side of an slcan adapter. */
import { abortable } from "../../../shared/abort.js";
import { ascii } from "../../../shared/bytes.js";
import type { Clock, Timer } from "../../../shared/clock.js";
import { describe, StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import { arrived } from "../frames.js";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../link.js";
import type { ByteStream } from "../stream.js";
import type { AdapterKind } from "./adapters.js";
import { encodeFrame, LineSplitter, parseAdapterLine, STATUS_FLAGS } from "./codec.js";
import { Health } from "./health.js";
import { LineWriter } from "./line-writer.js";

export interface SlcanHostOptions {
  readonly url: string;
  readonly adapter: AdapterKind;
  /** `Sn` command that sets the bit rate. */
  readonly bitrateCommand: string;
  /** `Yn` command that sets the data rate of CAN FD; left out where classical frames are enough. */
  readonly dataBitrateCommand?: string;
  /** Frames that the adapter can hold; left out where that is not known. */
  readonly sendAhead?: number;
  /** Most ms for the answer to an opening command of an adapter that acknowledges. Default 1,000, range 10–10,000. */
  readonly commandTimeout?: number;
  /** Most ms for it while it is not known whether the adapter acknowledges. Default 200, range 10–10,000. */
  readonly learnTimeout?: number;
  /** Most ms for the acknowledgement of a frame. Default 1,000, range 10–10,000. */
  readonly frameTimeout?: number;
  readonly signal?: AbortSignal;
}

interface Pending {
  readonly since: number;
  /** `F`, whose acknowledgement is its status byte. */
  readonly status: boolean;
  readonly settle: (answer: Answer) => void;
}

type Answer = "ack" | "refused" | "silent";

export class SlcanHost implements CanLink {
  readonly url: string;
  readonly maxPayload: 8 | 64;
  readonly sendAhead?: number;
  readonly #stream: ByteStream;
  readonly #lines: LineWriter;
  readonly #clock: Clock;
  readonly #frameTimeout: number;
  readonly #frames = new Listeners<[ReceivedFrame]>();
  readonly #events = new Listeners<[LinkEvent]>();
  readonly #closed = new Listeners<[Error]>();
  /** Commands that wait for their acknowledgement, oldest first. */
  readonly #pending: Pending[] = [];
  readonly #options: SlcanHostOptions;
  readonly #health: Health;
  #watch: Timer | undefined;
  #acks = false;
  #flags = 0;
  #busOff = false;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(stream: ByteStream, options: SlcanHostOptions, clock: Clock) {
    this.url = options.url;
    this.maxPayload = options.adapter.fd === true || options.dataBitrateCommand !== undefined ? 64 : 8;
    if (options.sendAhead !== undefined) this.sendAhead = options.sendAhead;
    this.#options = options;
    this.#stream = stream;
    this.#lines = new LineWriter(stream, (error) => this.#lost(asError(error)));
    this.#clock = clock;
    this.#frameTimeout = options.frameTimeout ?? 1_000;
    this.#health = new Health(
      {
        waiting: () => this.#pending.length > 0,
        ask: () => this.#askStatus(),
        silent: () => this.#lost(closed(options.url, "the adapter no longer answers")),
        busOff: (last) => void this.#recover(last),
      },
      clock,
    );
    const splitter = new LineSplitter({ line: (bytes) => this.#line(bytes), bell: () => this.#settle("refused") });
    stream.onData((chunk) => {
      if (chunk.length > 0) this.#health.heard();
      splitter.push(chunk);
    });
    stream.onClosed((error) => this.#lost(error));
  }

  /**
   * Opens the adapter's channel: C, Sn, Yn with CAN FD, O. Takes over `stream` and closes it when it fails.
   * @throws StationError LINK_OPEN_FAILED, LINK_CLOSED
   */
  static async open(stream: ByteStream, options: SlcanHostOptions, clock: Clock): Promise<SlcanHost> {
    const host = new SlcanHost(stream, options, clock);
    try {
      await abortable(host.#openChannel(options), options.signal);
      if (host.#acks) host.#health.start();
    } catch (error) {
      await host.close();
      throw error;
    }
    return host;
  }

  async #openChannel({ adapter, bitrateCommand, dataBitrateCommand, ...options }: SlcanHostOptions): Promise<void> {
    const { ack } = adapter;
    const limit = ack === "cr" ? (options.commandTimeout ?? 1_000) : (options.learnTimeout ?? 200);
    const commands = [bitrateCommand, ...(dataBitrateCommand === undefined ? [] : [dataBitrateCommand]), "O"];
    // A channel that a killed program left open, or half a command in the adapter's buffer, may refuse the first round.
    for (const lastRound of [false, true]) {
      const answers: Answer[] = [];
      const closing = await this.#command("C", ack === "none" ? 0 : limit);
      // An adapter that answers nothing is not waited for at each command.
      if (closing !== "silent" || ack === "none")
        for (const command of commands) answers.push(await this.#command(command, ack === "none" ? 0 : limit));
      if (ack === "none") return;
      if (ack === "learn" && closing === "silent") {
        if (dataBitrateCommand !== undefined && adapter.fd === "learn")
          throw this.#notOpened("the adapter does not say whether it has CAN FD (expected adapter=NAME)");
        await this.#write(`${commands.join("\r")}\r`);
        return;
      }
      if (answers.length > 0 && answers.every((answer) => answer === "ack")) {
        this.#acks = true;
        return;
      }
      if (lastRound) {
        const refused = commands.find((_, i) => answers[i] === "refused");
        if (refused === undefined) throw this.#notOpened("the adapter does not answer");
        throw this.#notOpened(`the adapter refused ${refused === "O" ? "to open its channel" : refused}`);
      }
    }
  }

  #notOpened(what: string): StationError {
    return new StationError("LINK_OPEN_FAILED", { details: { what: `${this.url}: ${what}` } });
  }

  async #command(command: string, limit: number): Promise<Answer> {
    if (limit === 0) {
      await this.#write(`${command}\r`);
      return "silent";
    }
    const answer = this.#expect();
    await this.#write(`${command}\r`);
    const timer = this.#clock.timer(limit, () => this.#settle("silent"));
    const result = await answer;
    timer.cancel();
    if (this.#failure !== undefined) throw this.#failure;
    return result;
  }

  async #write(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#lines.write(ascii(text));
  }

  #expect(status = false): Promise<Answer> {
    return new Promise((settle) => this.#pending.push({ since: this.#clock.monotonic(), status, settle }));
  }

  /** Its channel closed and opened again brings a controller back that is off the bus. What was on its way is lost. */
  async #recover(last: boolean): Promise<void> {
    if (this.#failure !== undefined || this.#busOff) return;
    this.#busOff = true;
    this.#events.emit({ kind: "bus-off" });
    this.#forget();
    if (last) {
      this.#lost(new StationError("LINK_BUS_OFF"));
      return;
    }
    try {
      await this.#openChannel(this.#options);
    } catch (error) {
      this.#lost(asError(error));
      return;
    }
    this.#busOff = false;
    this.#events.emit({ kind: "restarted" });
  }

  /** Asks the adapter for its status; what is wrong comes as an event. */
  #askStatus(): void {
    if (this.#failure !== undefined || this.#pending.some((pending) => pending.status)) return;
    void this.#expect(true).then((answer) => {
      if (answer !== "ack") this.#health.withoutStatus();
    });
    this.#arm();
    void this.#lines.write(ascii("F\r"));
  }

  #settle(answer: Answer): void {
    const oldest = this.#pending.shift();
    if (oldest !== undefined) oldest.settle(answer);
    else if (answer === "refused" && this.#failure === undefined)
      this.#events.emit({ kind: "warning", text: "the adapter refused a frame" });
  }

  #line(line: Uint8Array): void {
    const parsed = parseAdapterLine(line);
    switch (parsed.kind) {
      case "ack":
        // An adapter without `F` may say nothing to it, or take it by a bare CR.
        if (this.#pending[0]?.status === true) {
          this.#settle("silent");
          if (this.#pending.length === 0) break;
        }
        this.#settle("ack");
        break;
      case "frame":
        this.#health.received();
        this.#frames.emit(arrived(parsed.frame, this.#clock.monotonic()));
        break;
      case "status":
        this.#status(parsed.flags);
        break;
      case "garbage":
        this.#events.emit({ kind: "warning", text: "a damaged line from the adapter was skipped" });
        break;
      case "text":
        break;
    }
  }

  #status(flags: number): void {
    if (this.#pending[0]?.status === true) this.#settle("ack");
    const names = Object.entries(STATUS_FLAGS).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
    const changed = flags !== this.#flags;
    this.#flags = flags;
    this.#health.status(flags);
    if (names.length > 0 && changed)
      this.#events.emit({ kind: "warning", text: `the adapter reports ${names.join(", ")}` });
  }

  async send(frame: CanFrame): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#busOff) throw new StationError("LINK_BUS_OFF");
    const line = this.#encode(frame);
    if (!this.#acks) return this.#lines.write(line);
    const acknowledged = new Promise<void>((resolve, reject) => {
      const settle = (answer: Answer) => (answer === "ack" ? resolve() : reject(this.#notSent(answer)));
      this.#pending.push({ since: this.#clock.monotonic(), status: false, settle });
    });
    this.#arm();
    void this.#lines.write(line);
    return acknowledged;
  }

  #notSent(answer: "refused" | "silent"): Error {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#busOff) return new StationError("LINK_BUS_OFF");
    if (answer === "refused") this.#askStatus();
    return new StationError("LINK_SEND_FAILED", {
      details: {
        what: answer === "refused" ? "the adapter refused it" : `no acknowledgement in ${this.#frameTimeout} ms`,
      },
    });
  }

  #encode(frame: CanFrame): Uint8Array {
    if (frame.fd === true && this.maxPayload === 8)
      throw new StationError("LINK_SEND_FAILED", { details: { what: "this adapter has no CAN FD" } });
    try {
      return encodeFrame(frame);
    } catch (error) {
      throw new StationError("LINK_SEND_FAILED", { details: { what: describe(error) }, cause: error });
    }
  }

  /** One timer watches the oldest frame, whatever the number that wait. */
  #arm(): void {
    const oldest = this.#pending[0];
    if (this.#watch !== undefined || oldest === undefined) return;
    const left = oldest.since + this.#frameTimeout - this.#clock.monotonic();
    this.#watch = this.#clock.timer(Math.max(1, left), () => {
      this.#watch = undefined;
      const late = this.#pending[0];
      if (late !== undefined && this.#clock.monotonic() - late.since >= this.#frameTimeout) this.#settle("silent");
      this.#arm();
    });
  }

  #lost(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#drop();
    this.#closed.emit(error);
  }

  #drop(): void {
    this.#health.stop();
    this.#forget();
  }

  /** No answer is waited for any more. */
  #forget(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
    for (const pending of this.#pending.splice(0)) pending.settle("silent");
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
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    if (this.#failure === undefined) {
      this.#failure = closed(this.url, "closed by us");
      // C leaves the adapter silent, and takes the place of a frame as the command that a bare CR would repeat.
      await this.#stream.write(ascii("C\r")).catch(() => undefined);
    }
    this.#drop();
    await this.#stream.close();
  }
}

function closed(url: string, what: string): StationError {
  return new StationError("LINK_CLOSED", { details: { what: `${url}: ${what}` } });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(describe(error));
}
