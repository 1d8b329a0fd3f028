/** What the two text formats have in common. */
import { fromAscii } from "../../shared/bytes.js";
import { MAX_ID, type TraceDecoder, TraceFault, type TraceRecord } from "./frame.js";

/** No line of a trace is longer: an FD frame has 64 bytes of three characters. */
const MAX_LINE = 4_096;

/** Calls `line` for each line; it answers the record, or undefined where the line holds none, and throws TraceFault. */
export class LineDecoder implements TraceDecoder {
  readonly #line: (text: string) => TraceRecord | undefined;
  #rest = "";
  #number = 0;

  constructor(line: (text: string) => TraceRecord | undefined) {
    this.#line = line;
  }

  push(bytes: Uint8Array): TraceRecord[] {
    const lines = (this.#rest + fromAscii(bytes)).split("\n");
    // A power cut between the file's length and its content leaves zeros, any number of them.
    this.#rest = (lines.pop() ?? "").replace(/^\0+/, "\0");
    if (this.#rest.length > MAX_LINE) throw new TraceFault(`line ${this.#number + lines.length + 1} has no end`);
    const records: TraceRecord[] = [];
    for (const text of lines) {
      this.#number++;
      try {
        const record = this.#line(text.trim());
        if (record !== undefined) records.push(record);
      } catch (error) {
        if (error instanceof TraceFault) throw new TraceFault(`line ${this.#number}: ${error.message}`, records);
        throw error;
      }
    }
    return records;
  }

  end(): { records: TraceRecord[]; cut: boolean; others: number } {
    // Without its end of line nobody knows whether the last byte is there; a line may begin with spaces.
    const cut = this.#rest !== "";
    this.#rest = "";
    return { records: [], cut, others: 0 };
  }
}

/** Identifier of `hex`; throws TraceFault above the largest. */
export function identifier(hex: string, extended: boolean): number {
  const id = Number.parseInt(hex, 16);
  const most = extended ? MAX_ID.extended : MAX_ID.standard;
  if (!(id <= most)) throw new TraceFault(`${hex} is no identifier (expected at most ${most.toString(16)})`);
  return id;
}

/** `seconds` and its fraction of up to nine digits as µs; exact. */
export function microseconds(seconds: string, fraction: string): number {
  const value = Number(seconds) * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
  if (!Number.isSafeInteger(value)) throw new TraceFault(`${seconds}.${fraction} is no time`);
  return value;
}

/** µs as seconds with six digits. */
export function secondsText(us: number): string {
  const whole = Math.floor(us / 1_000_000);
  return `${whole}.${String(us - whole * 1_000_000).padStart(6, "0")}`;
}
