import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_FORMS, encodeMessage } from "../../../../src/ecu/transport/kline/codec.js";
import { KlineParser } from "../../../../src/ecu/transport/kline/parser.js";
import { concat, fromHex, toHex } from "../../../../src/shared/bytes.js";

const P1max = 20;

function parser() {
  const seen: string[] = [];
  const parse = new KlineParser(P1max, {
    start: ({ length }) => seen.push(`start ${length}`),
    message: ({ data }) => seen.push(toHex(data)),
    error: ({ code }) => seen.push(code),
  });
  return { parse, seen };
}

const message = (hex: string) => encodeMessage("physical", 0xf1, 0x10, fromHex(hex), ALL_FORMS);

describe("bytes of a K-Line", () => {
  it("are messages, byte by byte or several in one go", () => {
    const { parse, seen } = parser();
    for (const [i, byte] of message("7e00").entries()) parse.push(Uint8Array.of(byte), i);
    parse.push(concat(message("5001"), message("5103")), 100);
    expect(seen).toEqual(["start 2", "7e00", "start 2", "5001", "start 2", "5103"]);
  });

  it("with a wrong checksum are an error, and the next message after a silence is one again", () => {
    const { parse, seen } = parser();
    const damaged = message("7e00").with(4, 0x01);
    parse.push(concat(damaged, message("7e00")), 0);
    parse.push(message("5001"), P1max + 1);
    expect(seen).toEqual(["start 2", "KLINE_CHECKSUM", "start 2", "5001"]);
  });

  it("of which one was lost are an error at the next message, which is not lost with them", () => {
    const { parse, seen } = parser();
    parse.push(message("6210203040").subarray(0, -2), 0);
    parse.push(message("5001"), P1max + 5);
    expect(seen).toEqual(["start 5", "KLINE_CHECKSUM", "start 2", "5001"]);
  });

  it("of which one was lost are an error when silence has come", () => {
    const { parse, seen } = parser();
    parse.push(message("6210203040").subarray(0, -1), 0);
    parse.silence();
    parse.push(message("5001"), 300);
    expect(seen).toEqual(["start 5", "KLINE_INCOMPLETE", "start 2", "5001"]);
  });

  it("that came late are still one message", () => {
    const { parse, seen } = parser();
    const bytes = message("6210203040");
    parse.push(bytes.subarray(0, 4), 0);
    parse.push(bytes.subarray(4), 90);
    expect(seen).toEqual(["start 5", "6210203040"]);
  });

  it("of OBD's headers are let pass", () => {
    const { parse, seen } = parser();
    parse.push(fromHex("486b104100be3eb81148"), 0);
    parse.push(message("5001"), P1max + 1);
    expect(seen).toEqual(["start 2", "5001"]);
  });

  it("may be any: after a silence the next message is read whole", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(60)), { maxLength: 8 }),
        fc.uint8Array({ minLength: 1, maxLength: 255 }),
        (garbage, data) => {
          const { parse, seen } = parser();
          let at = 0;
          for (const [bytes, pause] of garbage) {
            at += pause;
            parse.push(bytes, at);
          }
          parse.silence();
          expect(parse.open).toBe(false);
          seen.length = 0;
          parse.push(encodeMessage("physical", 0xf1, 0x10, data, ALL_FORMS), at + 500);
          expect(seen).toEqual([`start ${data.length}`, toHex(data)]);
        },
      ),
    );
  });

  it("may be any: every start is followed by its message or an error", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(60)), { maxLength: 20 }), (garbage) => {
        const { parse, seen } = parser();
        let at = 0;
        for (const [bytes, pause] of garbage) {
          at += pause;
          parse.push(bytes, at);
        }
        parse.silence();
        const open = seen.filter((line, i) => line.startsWith("start") && (seen[i + 1] ?? "start").startsWith("start"));
        expect(open).toEqual([]);
      }),
    );
  });
});
