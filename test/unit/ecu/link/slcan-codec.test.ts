import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanFrame } from "../../../../src/ecu/link/link.js";
import { ADAPTERS, bitrateCommand, dataBitrateCommand } from "../../../../src/ecu/link/slcan/adapters.js";
import { encodeFrame, LineSplitter, parseAdapterLine, parseFrame } from "../../../../src/ecu/link/slcan/codec.js";
import { ascii, fromAscii, fromHex } from "../../../../src/shared/bytes.js";

const frames: readonly [string, CanFrame][] = [
  ["t1230", { id: 0x123, extended: false, data: fromHex("") }],
  ["t7E82AB01", { id: 0x7e8, extended: false, data: fromHex("ab01") }],
  ["T18DAF11082122334455667788", { id: 0x18daf110, extended: true, data: fromHex("2122334455667788") }],
  ["r1000", { id: 0x100, extended: false, data: fromHex(""), remote: true }],
  ["R000001230", { id: 0x123, extended: true, data: fromHex(""), remote: true }],
  [
    "d1239000102030405060708090A0B",
    { id: 0x123, extended: false, data: fromHex("000102030405060708090a0b"), fd: true, brs: false },
  ],
  [`b7FFF${"00".repeat(64)}`, { id: 0x7ff, extended: false, data: new Uint8Array(64), fd: true, brs: true }],
  ["D1FFFFFFF101", { id: 0x1fffffff, extended: true, data: fromHex("01"), fd: true, brs: false }],
  [
    "B00000000A00000000000000000000000000000000",
    { id: 0, extended: true, data: new Uint8Array(16), fd: true, brs: true },
  ],
];

function lines(...chunks: Uint8Array[]): string[] {
  const got: string[] = [];
  const splitter = new LineSplitter({ line: (line) => got.push(fromAscii(line)), bell: () => got.push("BEL") });
  for (const chunk of chunks) splitter.push(chunk);
  return got;
}

const anyFrame: fc.Arbitrary<CanFrame> = fc.boolean().chain((extended) =>
  fc.oneof(
    fc.record({
      id: fc.integer({ min: 0, max: extended ? 0x1fffffff : 0x7ff }),
      extended: fc.constant(extended),
      data: fc.uint8Array({ maxLength: 8 }),
    }),
    fc.record({
      id: fc.integer({ min: 0, max: extended ? 0x1fffffff : 0x7ff }),
      extended: fc.constant(extended),
      data: fc
        .constantFrom(0, 1, 8, 12, 16, 20, 24, 32, 48, 64)
        .chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
      fd: fc.constant(true),
      brs: fc.boolean(),
    }),
  ),
);

describe("slcan frames", () => {
  it.each(frames)("%s", (line, frame) => {
    expect(fromAscii(encodeFrame(frame))).toBe(`${line}\r`);
    expect(parseFrame(ascii(line))).toEqual(frame);
    expect(parseFrame(ascii(line[0] + line.slice(1).toLowerCase()))).toEqual(frame);
  });

  it("carry a time stamp of 4 digits, or 8 of some adapters", () => {
    const frame = { id: 1, extended: false, data: fromHex("ff") };
    expect(fromAscii(encodeFrame(frame, 59_999))).toBe("t0011FFEA5F\r");
    expect(parseFrame(ascii("t0011FFEA5F"))).toEqual(frame);
    expect(parseFrame(ascii("t0011FF0000EA5F"))).toEqual(frame);
  });

  it("of any content come back as they were", () => {
    fc.assert(
      fc.property(anyFrame, fc.option(fc.integer({ min: 0, max: 59_999 }), { nil: undefined }), (frame, stamp) => {
        expect(parseFrame(encodeFrame(frame, stamp).subarray(0, -1))).toEqual(frame);
      }),
    );
  });

  it.each([
    "t",
    "t12",
    "t123",
    "t1239",
    "t12321",
    "t1232112",
    "t123211223",
    "tXYZ0",
    "t8000",
    "T2000000000",
    "t1231G1",
    "x1230",
    "d12390001",
    "t12311100Z0",
    "r12300",
  ])("malformed: %s", (line) => {
    expect(parseFrame(ascii(line))).toBeUndefined();
  });

  it("that do not exist are not written", () => {
    const frame = { id: 1, extended: false, data: new Uint8Array(9) };
    expect(() => encodeFrame(frame)).toThrow(RangeError);
    expect(() => encodeFrame({ ...frame, fd: true })).toThrow(RangeError);
    expect(() => encodeFrame({ ...frame, data: new Uint8Array(1), id: 0x800 })).toThrow(RangeError);
    expect(() => encodeFrame({ ...frame, data: new Uint8Array(1), id: 1.5, extended: true })).toThrow(RangeError);
  });
});

describe("lines", () => {
  it("are the same however the bytes are cut", () => {
    const text = "\rz\rZ\r\x07t1230\rt7E82AB01\rV1013\rF08\r\x07\x07\r";
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: text.length }), (cuts) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = cuts[i] ?? 1;
          chunks.push(ascii(text.slice(at, at + size)));
          at += size;
        }
        expect(lines(...chunks)).toEqual(lines(ascii(text)));
      }),
    );
    expect(lines(ascii(text))).toEqual(["", "z", "Z", "BEL", "t1230", "t7E82AB01", "V1013", "F08", "BEL", "BEL", ""]);
  });

  it("may end in CR LF, wherever the bytes are cut", () => {
    const text = "\r\nz\r\n\x07\nt7E82AB01\r\n\n\r";
    for (let at = 0; at <= text.length; at++) {
      expect(lines(ascii(text.slice(0, at)), ascii(text.slice(at)))).toEqual(["", "z", "BEL", "t7E82AB01", ""]);
    }
  });

  it("count again after the CR behind any garbage", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 5 }), (garbage) => {
        const got = lines(...garbage, ascii("\rt7E82AB01\r"));
        expect(got.at(-1)).toBe("t7E82AB01");
      }),
    );
  });

  it("that are too long are dropped, whole or in pieces", () => {
    expect(lines(ascii(`${"t".repeat(1_000)}\rz\r`))).toEqual(["z"]);
    expect(lines(ascii("t".repeat(100)), ascii("t".repeat(100)), ascii("\rz\r"))).toEqual(["z"]);
  });

  it("of any bytes have a meaning or are garbage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), (line) => {
        expect(["frame", "ack", "status", "text", "garbage"]).toContain(parseAdapterLine(line).kind);
      }),
    );
    expect(parseAdapterLine(ascii("F80"))).toEqual({ kind: "status", flags: 0x80 });
    expect(parseAdapterLine(ascii("V1013"))).toEqual({ kind: "text", text: "V1013" });
    expect(parseAdapterLine(ascii("t12"))).toEqual({ kind: "garbage" });
  });
});

describe("bit rates", () => {
  it.each([
    ["auto", 500_000, "S6"],
    ["auto", 10_000, "S0"],
    ["auto", 1_000_000, "S8"],
    ["auto", 800_000, undefined],
    ["lawicel", 800_000, "S7"],
    ["lawicel", 750_000, undefined],
    ["canable2", 750_000, "S7"],
    ["canable2", 800_000, undefined],
    ["lawicel", 333_333, undefined],
  ])("adapter %s at %d bit/s: %s", (name, bitrate, command) => {
    const kind = ADAPTERS.get(name);
    expect(kind && bitrateCommand(kind, bitrate)).toBe(command);
  });

  it.each([
    ["auto", 2_000_000, "Y2"],
    ["auto", 4_000_000, undefined],
    ["weact", 4_000_000, "Y4"],
    ["nakakiyo", 1_000_000, "Y1"],
    ["canable2", 5_000_000, "Y5"],
    ["canable2", 1_000_000, undefined],
    ["lawicel", 2_000_000, undefined],
  ])("adapter %s at a data rate of %d bit/s: %s", (name, bitrate, command) => {
    const kind = ADAPTERS.get(name);
    expect(kind && dataBitrateCommand(kind, bitrate)).toBe(command);
  });
});
