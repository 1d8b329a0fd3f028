/** What the tests of traces have in common: arbitrary frames, and a trace as bytes and back. */
import fc from "fast-check";
import { detectFormat, ENCODERS, type TraceFormat } from "../../../../src/records/trace/formats.js";
import type { FrameRecord, TraceHead, TraceRecord } from "../../../../src/records/trace/frame.js";
import { concat } from "../../../../src/shared/bytes.js";

export const head: TraceHead = {
  startedAt: Date.UTC(2026, 10, 22, 4, 22, 10, 123) * 1_000,
  program: "ecustation 0.1.0",
  link: "slcan:/dev/ttyACM0",
};

const identifiers = fc.oneof(
  fc.record({ id: fc.nat(0x7ff), extended: fc.constant(false) }),
  fc.record({ id: fc.nat(0x1fff_ffff), extended: fc.constant(true) }),
);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const content = fc.oneof(
  fc.record({ data: fc.uint8Array({ maxLength: 8 }) }),
  fc.record({ data: fc.nat(8).map((length) => new Uint8Array(length)), remote: fc.constant(true) }),
  fc.record(
    {
      data: fc.constantFrom(0, 1, 7, 8, 12, 16, 20, 24, 32, 48, 64).chain(bytes),
      fd: fc.constant(true),
      brs: fc.constant(true),
    },
    { requiredKeys: ["data", "fd"] },
  ),
);
export const frames = fc.tuple(identifiers, content).map(([id, rest]) => ({ ...id, ...rest }));

/** Frames in the order of their times. */
export const frameRecords: fc.Arbitrary<FrameRecord[]> = fc
  .array(
    fc.record({ after: fc.nat(5_000_000), direction: fc.constantFrom("rx" as const, "tx" as const), frame: frames }),
    { maxLength: 30 },
  )
  .map((entries) => {
    let at = head.startedAt;
    return entries.map(({ after, direction, frame }) => {
      at += after;
      return { kind: "frame" as const, at, direction, frame };
    });
  });

export function encode(format: TraceFormat, records: readonly TraceRecord[]): Uint8Array {
  const { head: begin, record, end } = ENCODERS[format];
  return concat(begin(head), ...records.map((entry) => record(entry, head)), end(head));
}

/** Reads in pieces of `size` bytes. */
export function decode(file: Uint8Array, size = file.length): { records: TraceRecord[]; cut: boolean } {
  const { decoder } = detectFormat(file);
  const records: TraceRecord[] = [];
  for (let at = 0; at < file.length; at += Math.max(1, size))
    records.push(...decoder.push(file.subarray(at, at + Math.max(1, size))));
  const { records: last, cut } = decoder.end();
  return { records: [...records, ...last], cut };
}
