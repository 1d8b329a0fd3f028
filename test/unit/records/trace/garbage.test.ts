import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TRACE_FORMATS } from "../../../../src/records/trace/formats.js";
import { TraceFault } from "../../../../src/records/trace/frame.js";
import { ascii, concat } from "../../../../src/shared/bytes.js";
import { decode, encode, frameRecords } from "./records.js";

/** Reads, or says in one line why not. */
function survives(file: Uint8Array, size: number): void {
  try {
    decode(file, size);
  } catch (error) {
    if (!(error instanceof TraceFault)) throw error;
    expect(error.message).toMatch(/^[^\n]+$/);
  }
}

const sizes = fc.integer({ min: 1, max: 300 });
const BEGINNINGS = [
  new Uint8Array(0),
  ascii("(1.000000) can0 7E0#00\n"),
  ascii("date Sun Nov 22 04:22:10.123 am 2026\nbase hex  timestamps absolute\n"),
  encode("pcapng", []),
];

describe("garbage in a trace", () => {
  it.each(BEGINNINGS.map((begin, i) => [i, begin] as const))("of any bytes is refused in one line (%i)", (_, begin) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), sizes, (bytes, size) => survives(concat(begin, bytes), size)),
      { numRuns: 500 },
    );
  });

  it("of text like a trace's is refused in one line", () => {
    const words = fc.constantFrom(
      ..."CANFD 1 0 7E0 7E0x Rx Tx d r 8 FF 64 0.5 1.0 ErrorFrame // (1.0) can0 7E0#R9 7E0##".split(" "),
    );
    const lines = fc.array(
      fc.array(words, { maxLength: 16 }).map((line) => `${line.join(" ")}\n`),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...BEGINNINGS.slice(1, 3)), lines, (begin, text) =>
        survives(concat(begin, ascii(text.join(""))), 100),
      ),
      { numRuns: 1_000 },
    );
  });

  it.each(TRACE_FORMATS)("that was a whole %s trace before a few bytes changed is read or refused", (format) => {
    const change = fc.tuple(fc.nat(100_000), fc.nat(255));
    fc.assert(
      fc.property(frameRecords, fc.array(change, { minLength: 1, maxLength: 5 }), sizes, (records, changes, size) => {
        const file = encode(format, records).slice();
        for (const [at, value] of changes) if (file.length > 0) file[at % file.length] = value;
        survives(file, size);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["nothing", new Uint8Array(0), "is empty"],
    ["a program", ascii("\x7fELF\x02\x01\x01"), "is no candump log, ASC or pcapng file"],
    ["the older pcap", Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0), "is a pcap file (expected pcapng)"],
    ["a log with a line of something else", ascii("(1.000000) can0 7E0#00\nhello\n"), "line 2: is no frame"],
    ["a log with an identifier of 12 bits", ascii("(1.000000) can0 800#00\n"), "line 1: 800 is no identifier"],
    ["a log with half a byte", ascii("(1.000000) can0 7E0#001\n"), 'line 1: "001" are no data of a frame'],
  ])("%s", (_, file, text) => {
    expect(() => decode(file)).toThrow(text);
  });
});
