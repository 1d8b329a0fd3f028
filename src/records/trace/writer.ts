/** The one writer of a trace: each record once, into every format that is kept. */
import type { Clock } from "../../shared/clock.js";
import type { StationError } from "../../shared/errors.js";
import { type OpenSink, openSink, TraceFile } from "./file.js";
import { ENCODERS, type TraceFormat } from "./formats.js";
import type { TraceDirection, TraceEncoder, TraceFrame, TraceHead, TraceRecord } from "./frame.js";

export interface TraceWriterOptions {
  /** Path without its ending; the files `PATH.FORMAT` must not be there yet. */
  readonly path: string;
  readonly formats: readonly TraceFormat[];
  readonly program: string;
  /** URL of the link. */
  readonly link: string;
  readonly clock: Clock;
  /** Most bytes of each file that wait for the disk. Default 64 MiB: a busy bus of 1 Mbit/s for a minute and more. */
  readonly maxWaiting?: number;
  readonly openSink?: OpenSink;
}

export interface TraceResult {
  readonly files: readonly string[];
  readonly frames: number;
  /** One for each file that is not complete. */
  readonly failures: readonly StationError[];
}

const MAX_WAITING = 64 * 1_048_576;

interface Output {
  readonly encoder: TraceEncoder;
  readonly file: TraceFile;
  readonly format: TraceFormat;
}

export class TraceWriter {
  readonly #head: TraceHead;
  readonly #clock: Clock;
  /** Clock.monotonic when the trace began. */
  readonly #from: number;
  readonly #outputs: readonly Output[];
  #last: number;
  #frames = 0;

  constructor({ path, formats, program, link, clock, maxWaiting, openSink: opener }: TraceWriterOptions) {
    this.#clock = clock;
    this.#head = { startedAt: Math.floor(clock.now()) * 1_000, program, link };
    this.#from = clock.monotonic();
    this.#last = this.#head.startedAt;
    this.#outputs = formats.map((format) => ({
      format,
      encoder: ENCODERS[format],
      file: new TraceFile(`${path}.${format}`, maxWaiting ?? MAX_WAITING, opener ?? openSink),
    }));
    for (const { encoder, file } of this.#outputs) file.write(encoder.head(this.#head));
  }

  /** @param at Clock.monotonic; a time before the last record's counts as that one */
  frame(direction: TraceDirection | undefined, frame: TraceFrame, at: number): void {
    this.#frames++;
    this.#put({ kind: "frame", at: this.#stamp(at), direction, frame });
  }

  note(text: string): void {
    this.#put({ kind: "note", at: this.#stamp(this.#clock.monotonic()), text });
  }

  /** Wall time of the start and the monotonic clock since: a clock that is set amid a run bends no trace. */
  #stamp(at: number): number {
    this.#last = Math.max(this.#last, this.#head.startedAt + Math.round((at - this.#from) * 1_000));
    return this.#last;
  }

  #put(record: TraceRecord): void {
    for (const { encoder, file } of this.#outputs) file.write(encoder.record(record, this.#head));
  }

  /** Another name for all files, without their endings. @throws the file system's error */
  async rename(path: string): Promise<void> {
    for (const { file, format } of this.#outputs) await file.rename(`${path}.${format}`);
  }

  /** Never rejects. */
  async close(): Promise<TraceResult> {
    for (const { encoder, file } of this.#outputs) file.write(encoder.end(this.#head));
    await Promise.all(this.#outputs.map(({ file }) => file.close()));
    return {
      files: this.#outputs.map(({ file }) => file.path),
      frames: this.#frames,
      failures: this.#outputs.flatMap(({ file }) => file.failure ?? []),
    };
  }
}
