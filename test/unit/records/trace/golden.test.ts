import { describe, expect, it } from "vitest";
import type { FrameRecord, TraceFrame } from "../../../../src/records/trace/frame.js";
import { ascii, concat, fromAscii, fromHex, toHex } from "../../../../src/shared/bytes.js";
import { decode, encode, head } from "./records.js";

const record = (direction: "rx" | "tx" | undefined, frame: TraceFrame, after = 1_500): FrameRecord => ({
  kind: "frame",
  at: head.startedAt + after,
  direction,
  frame,
});
const request = { id: 0x7e0, extended: false, data: fromHex("0322f190cccccccc") };
const fd = { id: 0x18da10f1, extended: true, data: new Uint8Array(12).fill(0xa5), fd: true, brs: true };
const remote = { id: 0x123, extended: false, data: new Uint8Array(4), remote: true };
const busOff = { id: 0x40, extended: false, data: new Uint8Array(8), error: true };
const FRAMES = [record("tx", request), record("rx", fd), record("rx", remote), record("rx", busOff)];

describe("a candump log", () => {
  it("has the lines of candump -L -x", () => {
    expect(fromAscii(encode("log", FRAMES)).split("\n")).toEqual([
      "(1795321330.124500) can0 7E0#0322F190CCCCCCCC T",
      "(1795321330.124500) can0 18DA10F1##1A5A5A5A5A5A5A5A5A5A5A5A5 R",
      "(1795321330.124500) can0 123#R4 R",
      "(1795321330.124500) can0 20000040#0000000000000000 R",
      "",
    ]);
  });

  it("is read as others write it: no direction, dots between bytes, DLC behind an underscore, other names", () => {
    const { records } = decode(ascii("(0.5) vcan1 7E0#03.22.F1.90\n\n(1.25) 0 00000123#R\n(2.000001) can0 123#01_9\n"));
    expect(records).toEqual([
      {
        kind: "frame",
        at: 500_000,
        direction: undefined,
        frame: { id: 0x7e0, extended: false, data: fromHex("0322f190") },
      },
      {
        kind: "frame",
        at: 1_250_000,
        direction: undefined,
        frame: { id: 0x123, extended: true, data: fromHex(""), remote: true },
      },
      {
        kind: "frame",
        at: 2_000_001,
        direction: undefined,
        frame: { id: 0x123, extended: false, data: fromHex("01") },
      },
    ]);
  });
});

describe("an ASC file", () => {
  it("has the lines that CANoe and python-can know", () => {
    const lines = fromAscii(encode("asc", FRAMES)).split("\n");
    expect(lines[0]).toMatch(/^date \w{3} Nov \d\d \d\d:\d\d:10\.123 [ap]m 2026$/);
    expect(lines.slice(1, 4)).toEqual([
      "base hex  timestamps absolute",
      "internal events logged",
      "// start 2026-11-22T04:22:10.123Z ecustation 0.1.0 slcan:/dev/ttyACM0",
    ]);
    expect(lines.slice(5)).toEqual([
      "   0.000000 Start of measurement",
      "   0.001500 1  7E0             Tx   d 8 03 22 F1 90 CC CC CC CC",
      "   0.001500 CANFD   1 Rx   18DA10F1x 1 0 9 12 A5 A5 A5 A5 A5 A5 A5 A5 A5 A5 A5 A5 0 0 3000 0 0 0 0 0",
      "   0.001500 1  123             Rx   r 4",
      "   0.001500 1  ErrorFrame",
      "End TriggerBlock",
      "",
    ]);
  });

  it("is read as Vector's tools write it: relative times, decimal numbers, names of frames, events of other kinds", () => {
    const text = [
      "date Sam Sep 30 15:06:13.191 2017",
      "base dec  timestamps relative",
      "no internal events logged",
      "Begin Triggerblock Sat Sep 30 15:06:13.191 2017",
      " 0.000000 Start of measurement",
      " 0.015991 CAN 1 Status:chip status error passive - TxErr: 131 RxErr: 0",
      " 0.100000 1  2016            Rx   d 2 16 255  Length = 176000 BitCount = 91 ID = 2016",
      " 0.200000 1  Statistic: D 1 R 0 XD 0 XR 0 E 0 O 0 B 0.04%",
      " 0.300000 CANFD   2 Tx        291  Name_of_it  0 0 2 2 1 2 102203 99 303000 1 2 3 4 5",
      "End TriggerBlock",
      "",
    ];
    const start = new Date(2017, 8, 30, 15, 6, 13, 191).getTime() * 1_000;
    expect(decode(ascii(text.join("\r\n"))).records).toEqual([
      {
        kind: "frame",
        at: start + 115_991,
        direction: "rx",
        frame: { id: 2016, extended: false, data: Uint8Array.of(16, 255) },
      },
      {
        kind: "frame",
        at: start + 615_991,
        direction: "tx",
        frame: { id: 291, extended: false, data: Uint8Array.of(1, 2), fd: true },
      },
    ]);
  });

  it.each(["r", "r 0", "r  Length = 0 BitCount = 64 ID = 291"])(
    "may leave out the DLC of a remote frame: %s",
    (rest) => {
      const { records } = decode(ascii(`date Sat Sep 30 15:06:13.191 2017\n 0.1 1  123  Rx   ${rest}\n`));
      expect(records).toMatchObject([{ frame: { id: 0x123, data: fromHex(""), remote: true } }]);
    },
  );
});

describe("a pcapng file", () => {
  it("has the blocks of the specification", () => {
    const hex = toHex(encode("pcapng", [record("tx", request), record("rx", fd)]));
    const section = "0a0d0d0a34000000" + "4d3c2b1a01000000" + "ffffffffffffffff";
    expect(hex.startsWith(section)).toBe(true);
    const time = Buffer.from(new BigUint64Array([BigInt(head.startedAt + 1_500)]).buffer);
    const words = time.subarray(4).toString("hex") + time.subarray(0, 4).toString("hex");
    const first = `060000003c00000000000000${words}1000000010000000`;
    const can = "000007e0" + "08000000" + "0322f190cccccccc";
    const options = "02000400" + "02000000" + "00000000";
    expect(hex).toContain(`${first + can + options}3c000000`);
    expect(hex).toContain(`98da10f10c050000${"a5".repeat(12)}`);
  });

  it("is read in the other byte order, with nanoseconds and an offset", () => {
    const u32 = (...values: number[]) => {
      const view = new DataView(new ArrayBuffer(4 * values.length));
      for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
      return new Uint8Array(view.buffer);
    };
    const section = u32(0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28);
    const options = concat(fromHex("00090001" + "09000000"), fromHex("000e0008" + "000000000000000a"), u32(0));
    const description = concat(u32(1, 44, 227 * 0x10000, 0), options, u32(44));
    const unknown = u32(0xbad, 12, 12);
    const packet = concat(
      u32(6, 48, 0, 0, 2_000_001_000, 13, 13),
      fromHex("000007e805000000027e00aaaa000000"),
      u32(48),
    );
    expect(decode(concat(section, description, unknown, packet), 5).records).toEqual([
      {
        kind: "frame",
        at: 12_000_001,
        direction: undefined,
        frame: { id: 0x7e8, extended: false, data: fromHex("027e00aaaa") },
      },
    ]);
  });
});
