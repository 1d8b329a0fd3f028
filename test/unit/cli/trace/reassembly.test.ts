import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reassembler, type Seen } from "../../../../src/cli/trace/reassembly.js";
import {
  consecutiveSize,
  encodeConsecutive,
  encodeFirst,
  encodeSingle,
  maxSingle,
  type TxDl,
} from "../../../../src/ecu/transport/isotp/codec.js";
import type { FrameRecord, TraceDirection } from "../../../../src/records/trace/frame.js";
import { concat, fromHex, toHex } from "../../../../src/shared/bytes.js";
import { frameRecords } from "../../records/trace/records.js";

/** `7E0 T 03 22…` lines as frames, a ms apart. */
function frames(...lines: string[]): FrameRecord[] {
  return lines.map((line, i) => {
    const [id = "", way, hex = ""] = line.split(" ");
    const direction: TraceDirection | undefined = way === "T" ? "tx" : way === "R" ? "rx" : undefined;
    return {
      kind: "frame",
      at: 1_000 * i,
      direction,
      frame: { id: Number.parseInt(id, 16), extended: id.length === 8, data: fromHex(hex) },
    };
  });
}

function seen(records: readonly FrameRecord[], reassembler = new Reassembler()): Seen[] {
  return [...records.flatMap((record) => reassembler.push(record)), ...reassembler.end()];
}

const shown = (entry: Seen) => {
  const id = entry.id.toString(16);
  if (entry.kind === "message") return `${id} ${toHex(entry.bytes)}`;
  if (entry.kind === "fault") return `${id} ! ${entry.what}`;
  return entry.kind === "gap" ? `${id} gap ${entry.gap} < ${entry.STmin}` : `${id} ${entry.fs}`;
};
const read = (...lines: string[]) => seen(frames(...lines)).map(shown);

describe("messages in a trace", () => {
  it("are put together on each identifier by itself", () => {
    expect(
      read(
        "7E0 T 100a2ef190303132",
        "7E4 T 100822f1900102aa",
        "7E8 R 30000000",
        "7E4 T 210304",
        "7E0 T 2133343536",
        "7E8 R 036ef190",
      ),
    ).toEqual(["7e4 22f1900102aa0304", "7e0 2ef19030313233343536", "7e8 6ef190"]);
  });

  it("have the time of their last frame, and know their first", () => {
    const [message] = seen(frames("7E0 T 10082ef190303132", "7E8 R 300000", "7E0 T 213334"));
    expect(message).toMatchObject({ kind: "message", at: 2_000, beganAt: 0, frames: 2 });
  });

  it.each([8, 16, 64] as const)("of any size come back as they were cut, TX_DL %i", (txDl) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 6_000 }), (bytes) => {
        const messages = seen(cut(bytes, txDl));
        expect(messages).toHaveLength(1);
        expect(messages[0]?.kind === "message" && toHex(messages[0].bytes)).toBe(toHex(bytes));
      }),
      { numRuns: 100 },
    );
  });

  it("with an address in the first byte are read where identifier or profile say so", () => {
    expect(read("18CE12F1 T 55023e00", "18CEF112 R 55027e00")).toEqual(["18ce12f1 3e00", "18cef112 7e00"]);
    expect(seen(frames("6F1 T 12023e00"), new Reassembler(() => 1)).map(shown)).toEqual(["6f1 3e00"]);
  });
});

describe("faults in a trace", () => {
  it.each([
    [
      "a wrong sequence number, once",
      ["7E8 R 1014620102030405", "7E0 T 300000", "7E8 R 2201", "7E8 R 2302"],
      ["7e8 ! sequence: SN 2 (expected 1), 6 of 20 bytes were there"],
    ],
    [
      "a message that another one ends",
      ["7E8 R 1014620102030405", "7E8 R 027e00"],
      ["7e8 ! consecutive frames are missing: 6 of 20 bytes, then SF came", "7e8 7e00"],
    ],
    [
      "a message that the trace ends",
      ["7E8 R 1014620102030405"],
      ["7e8 ! consecutive frames are missing: 6 of 20 bytes, then the trace ends"],
    ],
    [
      "consecutive frames without a first one",
      ["7E8 R 2101", "7E8 R 2202"],
      ["7e8 ! a consecutive frame (SN 1) without a first frame"],
    ],
    [
      "what is no N_PDU",
      ["7E8 R 00", "7E8 R 4f01", "7E8 R "],
      ["7e8 ! is no N_PDU: 00", "7e8 ! is no N_PDU: 4f01", "7e8 ! is no N_PDU: "],
    ],
    ["a reserved flow status", ["7E8 R 3f0000"], ["7e8 ! a flow control with a reserved flow status"]],
    [
      "WAIT, and OVFLW, after which nothing is missing",
      ["7E0 T 1014620102030405", "7E8 R 310000", "7E8 R 320000"],
      ["7e8 WAIT", "7e8 OVFLW"],
    ],
  ])("show %s", (_, lines, expected) => {
    expect(read(...lines)).toEqual(expected);
  });

  it("show consecutive frames that came sooner than the receiver's STmin, whose flow control it was", () => {
    const lines = ["7E0 T 1014620102030405", "7E8 R 300002", "7E0 T 2101020304050607", "7E0 T 2201020304050607"];
    expect(read(...lines)).toEqual(["7e0 gap 1 < 2", "7e0 6201020304050102030405060701020304050607"]);
    expect(read(...lines.map((line) => line.replace("300002", "300001")))).toHaveLength(1);
    expect(read(...lines.map((line) => line.replace(" T ", " - ").replace(" R ", " - ")))).toHaveLength(2);
  });

  it("are found in any frames whatever without an end to the program", () => {
    fc.assert(fc.property(frameRecords, (records) => seen(records).every((entry) => shown(entry).length > 0)));
  });
});

function cut(bytes: Uint8Array, txDl: TxDl): FrameRecord[] {
  const none = new Uint8Array(0);
  const at = (data: Uint8Array): FrameRecord => ({
    kind: "frame",
    at: 0,
    direction: "tx",
    frame: { id: 0x7e0, extended: false, data, fd: txDl > 8 },
  });
  if (bytes.length <= maxSingle(0, txDl)) return [at(encodeSingle(none, bytes, null))];
  const { frame, taken } = encodeFirst(none, bytes, txDl);
  const size = consecutiveSize(none, txDl);
  const rest = concat(bytes.subarray(taken));
  const count = Math.ceil(rest.length / size);
  const parts = Array.from({ length: count }, (_, i) => rest.subarray(i * size, (i + 1) * size));
  return [at(frame), ...parts.map((part, i) => at(encodeConsecutive(none, i + 1, part, null)))];
}
