import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ENCODERS, TRACE_FORMATS, type TraceFormat } from "../../../../src/records/trace/formats.js";
import type { TraceRecord } from "../../../../src/records/trace/frame.js";
import { concat } from "../../../../src/shared/bytes.js";
import { decode, encode, frameRecords, head } from "./records.js";

const frame: TraceRecord = {
  kind: "frame",
  at: head.startedAt + 1_500,
  direction: "tx",
  frame: { id: 0x7e0, extended: false, data: Uint8Array.of(2, 0x3e, 0) },
};

describe.each(TRACE_FORMATS)("a trace as %s", (format) => {
  it("gives every frame back that it was given, with time and direction, read in pieces of any size", () => {
    fc.assert(
      fc.property(frameRecords, fc.integer({ min: 1, max: 5_000 }), (records, size) => {
        const file = encode(format, records);
        // A log has no head: without frames it is an empty file, which has no format.
        if (file.length === 0) return;
        expect(decode(file, size)).toEqual({ records, cut: false });
      }),
      { numRuns: 200 },
    );
  });

  it("is read up to where it was cut off, and says so", () => {
    fc.assert(
      fc.property(frameRecords, fc.double({ min: 0, max: 1, noNaN: true }), (records, part) => {
        if (records.length === 0) return;
        // Where each record ends, were it the last.
        const ends = records.map((_, i) => bodyOf(format, records.slice(0, i + 1)).length);
        const file = bodyOf(format, records);
        const [first = 0] = ends;
        const length = first + Math.floor((file.length - first) * part);
        const there = ends.filter((end) => end <= length);
        const read = decode(file.subarray(0, length));
        expect(read).toEqual({ records: records.slice(0, there.length), cut: length !== there.at(-1) });
      }),
      { numRuns: 200 },
    );
  });

  it("is read up to the zeros that a power cut left", () => {
    const { records } = decode(encode(format, [frame, frame]));
    expect(records).toHaveLength(2);
    const zeros = concat(bodyOf(format, records), new Uint8Array(10_000));
    expect(decode(zeros, 1_000)).toEqual({ records, cut: true });
  });
});

/** A trace whose writer was killed: without what follows the last record. */
function bodyOf(format: TraceFormat, records: readonly TraceRecord[]): Uint8Array {
  const file = encode(format, records);
  return file.subarray(0, file.length - ENCODERS[format].end(head).length);
}

describe.each(["asc", "pcapng"] as const)("notes in %s", (format) => {
  it("come back as one line each", () => {
    const notes: TraceRecord[] = [
      { kind: "note", at: head.startedAt + 5, text: "step identify" },
      { kind: "note", at: head.startedAt + 1_500_000, text: "the adapter reports overrun" },
    ];
    expect(decode(encode(format, notes)).records).toEqual(notes);
  });
});
