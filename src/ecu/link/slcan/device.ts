/** The adapter's side of slcan: what a simulated ECU plays so that any slcan program can be at the other end. */
import { ascii, fromAscii } from "../../../shared/bytes.js";
import type { Clock } from "../../../shared/clock.js";
import type { CanFrame } from "../link.js";
import type { Pacer } from "../pace.js";
import type { ByteStream } from "../stream.js";
import { encodeFrame, isFrameLine, LineSplitter, parseFrame } from "./codec.js";
import { LineWriter } from "./line-writer.js";

const BEL = ascii("\x07");
const TAKEN = ascii("z\r");
const TAKEN_EXTENDED = ascii("Z\r");
/** The CAN232 clock of `Z1` runs from 0 to 59,999 ms. */
const TIMESTAMP_WRAP = 60_000;

type Channel = "closed" | "open" | "listen-only";

/** Command, the channel states it works in, and what it does; the answer comes before the CR. */
interface CommandRow {
  readonly form: RegExp;
  readonly when: "closed" | "open" | "any";
  /** An adapter without CAN FD has it not. */
  readonly fd?: true;
  run(device: SlcanDevice, text: string): string;
}

const nothing = () => "";

/**
 * Commands of the CAN232 manual. `C` works on a closed channel too: the opening sequence of most programs begins with it and some wait
 * for its CR.
 */
const COMMANDS: readonly CommandRow[] = [
  { form: /^$/, when: "any", run: nothing },
  { form: /^S[0-8]$/, when: "closed", run: nothing },
  { form: /^s[0-9A-Fa-f]{4}$/, when: "closed", run: nothing },
  { form: /^Y[0-9]$/, when: "closed", fd: true, run: nothing },
  { form: /^O$/, when: "closed", run: (device) => device.setChannel("open") },
  { form: /^L$/, when: "closed", run: (device) => device.setChannel("listen-only") },
  { form: /^C$/, when: "any", run: (device) => device.setChannel("closed") },
  { form: /^V$/, when: "any", run: () => "V1013" },
  { form: /^N$/, when: "any", run: () => "NE001" },
  { form: /^F$/, when: "open", run: () => "F00" },
  { form: /^Z[01]$/, when: "closed", run: (device, text) => device.setTimestamps(text === "Z1") },
  { form: /^[Mm][0-9A-Fa-f]{8}$/, when: "closed", run: nothing },
  { form: /^X[01]$/, when: "closed", run: nothing },
];

export interface SlcanDeviceOptions {
  /** bit/s that the bus behind the adapter keeps; left out, frames pass at once. */
  readonly pacer?: Pacer | undefined;
  /** Takes CAN FD frames (d D b B). */
  readonly fd: boolean;
}

/** One adapter at one stream. Starts closed. */
export class SlcanDevice {
  readonly #lines: LineWriter;
  readonly #clock: Clock;
  readonly #options: SlcanDeviceOptions;
  readonly #onFrame: (frame: CanFrame, at: number) => void;
  #channel: Channel = "closed";
  #timestamps = false;
  #work: Promise<void> = Promise.resolve();

  /** @param onFrame frames that the host puts on the bus, in order */
  constructor(
    stream: ByteStream,
    options: SlcanDeviceOptions,
    onFrame: (frame: CanFrame, at: number) => void,
    clock: Clock,
  ) {
    // A host that has gone needs no answer; its end is reported by the stream.
    this.#lines = new LineWriter(stream, () => undefined);
    this.#clock = clock;
    this.#options = options;
    this.#onFrame = onFrame;
    const splitter = new LineSplitter({ line: (bytes) => this.#line(bytes), bell: () => undefined });
    stream.onData((chunk) => splitter.push(chunk));
  }

  setChannel(channel: Channel): string {
    this.#channel = channel;
    return "";
  }

  setTimestamps(on: boolean): string {
    this.#timestamps = on;
    return "";
  }

  get open(): boolean {
    return this.#channel !== "closed";
  }

  /** A frame of the bus, to the host; resolves when the operating system has it, or at once while the channel is closed. */
  async deliver(frame: CanFrame, at: number): Promise<void> {
    if (!this.open || (frame.fd === true && !this.#options.fd)) return;
    const stamp = this.#timestamps ? Math.floor(at) % TIMESTAMP_WRAP : undefined;
    await this.#lines.write(encodeFrame(frame, stamp));
  }

  #line(line: Uint8Array): void {
    const { pacer } = this.#options;
    if (pacer === undefined) {
      this.#take(line);
      return;
    }
    // On a paced bus a frame is acknowledged when it has passed, and the commands behind it wait.
    const own = line.slice();
    const asked = this.#clock.monotonic();
    const frame = isFrameLine(own) ? parseFrame(own) : undefined;
    this.#work = this.#work.then(async () => {
      if (frame !== undefined && this.#channel === "open") await pacer.pass(frame, asked);
      this.#take(own);
    });
  }

  #take(line: Uint8Array): void {
    if (isFrameLine(line)) {
      this.#frame(line);
      return;
    }
    const text = fromAscii(line);
    const row = COMMANDS.find((command) => command.form.test(text) && (command.fd !== true || this.#options.fd));
    const allowed = row !== undefined && (row.when === "any" || (row.when === "open") === this.open);
    if (row === undefined || !allowed) this.#answer(BEL);
    else this.#answer(ascii(`${row.run(this, text)}\r`));
  }

  #frame(line: Uint8Array): void {
    const frame = this.#channel === "open" ? parseFrame(line) : undefined;
    if (frame === undefined || (frame.fd === true && !this.#options.fd)) {
      this.#answer(BEL);
      return;
    }
    this.#answer(frame.extended ? TAKEN_EXTENDED : TAKEN);
    this.#onFrame(frame, this.#clock.monotonic());
  }

  #answer(bytes: Uint8Array): void {
    void this.#lines.write(bytes);
  }
}
