/** Bytes of a K-Line to messages. Silence is what separates them, and what one finds the way back by. Pure: it is told the time. */
import { StationError } from "../../../shared/errors.js";
import { checksum, type Header, type KlineMessage, readHeader } from "./codec.js";

export interface ParserSink {
  /** A header is whole: a message of `length` bytes has begun. */
  start(header: Header & { readonly length: number }): void;
  message(message: KlineMessage): void;
  /** KLINE_CHECKSUM, KLINE_INCOMPLETE: what had begun is lost. */
  error(error: StationError): void;
}

export class KlineParser {
  readonly #gap: number;
  readonly #sink: ParserSink;
  #bytes: number[] = [];
  /** Places in `bytes` before which the line was silent for longer than the gap: a message may begin there. */
  #begins: number[] = [];
  #started = false;
  /** Everything is dropped until the line is silent. */
  #skipping = false;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** @param gap P1max or P4max, ms: more than that is never within a message, unless this computer was late */
  constructor(gap: number, sink: ParserSink) {
    this.#gap = gap;
    this.#sink = sink;
  }

  /** True amid a message. */
  get open(): boolean {
    return this.#bytes.length > 0;
  }

  /** @param at monotonic ms of arrival */
  push(chunk: Uint8Array, at: number): void {
    if (at - this.#lastAt > this.#gap) {
      this.#skipping = false;
      if (this.open) this.#begins.push(this.#bytes.length);
    }
    this.#lastAt = at;
    if (this.#skipping) return;
    this.#bytes.push(...chunk);
    this.#read();
  }

  /** The line has been silent for so long that no message can go on. */
  silence(): void {
    while (this.open) {
      this.#reject("KLINE_INCOMPLETE", `${this.#bytes.length} bytes, then silence`);
      this.#read();
    }
    this.#skipping = false;
  }

  /** Drops what there is, and what comes until the line is silent. */
  skip(): void {
    this.#drop(this.#bytes.length);
    this.#skipping = true;
  }

  #read(): void {
    while (this.open) {
      const header = readHeader(this.#bytes);
      if (header === undefined) return;
      if (header === "invalid") {
        this.#reject("KLINE_INCOMPLETE", "a Len byte of 0");
        continue;
      }
      const { target, source, dataAt, length } = header;
      if (length === undefined) {
        // Exception mode has no length, and nobody here is addressed by it.
        this.#restart();
        continue;
      }
      if (!this.#started) {
        this.#started = true;
        this.#sink.start({ ...header, length });
      }
      const end = dataAt + length;
      if (this.#bytes.length <= end) return;
      const wanted = checksum(Uint8Array.from(this.#bytes.slice(0, end)));
      const found = this.#bytes[end];
      if (found !== wanted) {
        this.#reject("KLINE_CHECKSUM", `${hex(found)} in place of ${hex(wanted)} after ${end} bytes`);
        continue;
      }
      const data = Uint8Array.from(this.#bytes.slice(dataAt, end));
      this.#drop(end + 1);
      this.#sink.message({ target, source, data, functional: header.mode === "functional" });
    }
  }

  #reject(code: "KLINE_CHECKSUM" | "KLINE_INCOMPLETE", what: string): void {
    this.#restart();
    this.#sink.error(new StationError(code, { details: { what } }));
  }

  /** Goes on at the next place where a message may begin; without one, after the next silence. */
  #restart(): void {
    const [next] = this.#begins;
    if (next === undefined) this.#skipping = true;
    this.#drop(next ?? this.#bytes.length);
  }

  #drop(count: number): void {
    this.#bytes = this.#bytes.slice(count);
    this.#begins = this.#begins.map((place) => place - count).filter((place) => place > 0);
    this.#started = false;
  }
}

function hex(byte: number | undefined): string {
  return (byte ?? 0).toString(16).padStart(2, "0").toUpperCase();
}
