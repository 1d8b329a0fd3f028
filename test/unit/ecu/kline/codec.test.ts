import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALL_FORMS,
  checksum,
  encodeMessage,
  formsOf,
  type HeaderForms,
  KEY_BYTES_ALL,
  maxLength,
  readHeader,
} from "../../../../src/ecu/transport/kline/codec.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";

const forms = (addresses: boolean, lengthInFmt: boolean, lengthByte: boolean): HeaderForms => ({
  addresses,
  lengthInFmt,
  lengthByte,
});

describe("a message of ISO 14230-2", () => {
  it("begins the communication as the standard's example", () => {
    expect(toHex(encodeMessage("functional", 0x33, 0xf1, Uint8Array.of(0x81), ALL_FORMS))).toBe("c133f18166");
  });

  it.each([
    ["Fmt", forms(false, true, false), "023e0040"],
    ["Fmt Len", forms(false, false, true), "00023e0040"],
    ["Fmt Tgt Src", forms(true, true, false), "8210f13e00c1"],
    ["Fmt Tgt Src Len", forms(true, false, true), "8010f1023e00c1"],
  ])("has the header form %s", (_, form, hex) => {
    expect(toHex(encodeMessage("physical", 0x10, 0xf1, Uint8Array.of(0x3e, 0), form))).toBe(hex);
  });

  it("has a Len byte from 64 bytes on, where the ECU takes both", () => {
    const headerOf = (length: number) =>
      toHex(encodeMessage("physical", 0x10, 0xf1, new Uint8Array(length), ALL_FORMS).subarray(0, 4));
    expect([headerOf(63), headerOf(64), headerOf(255)]).toEqual(["bf10f100", "8010f140", "8010f1ff"]);
  });

  it("has addresses where it is functional, whatever the ECU takes", () => {
    const message = encodeMessage("functional", 0x33, 0xf1, Uint8Array.of(0x3e), forms(false, true, true));
    expect(toHex(message.subarray(0, 3))).toBe("c133f1");
  });

  it.each([
    [0, ALL_FORMS],
    [256, ALL_FORMS],
    [64, forms(true, true, false)],
  ])("of %i bytes is refused where no form holds it", (length, form) => {
    expect(() => encodeMessage("physical", 0x10, 0xf1, new Uint8Array(length), form)).toThrow(RangeError);
  });

  it("is read as it was written, in every form and of every length", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.constantFrom([true, false] as const, [false, true] as const, [true, true] as const),
        fc.uint8Array({ minLength: 1, maxLength: 255 }),
        fc.nat(255),
        fc.nat(255),
        (addresses, [inFmt, byte], data, target, source) => {
          const form = forms(addresses, inFmt, byte);
          fc.pre(data.length <= maxLength(form));
          const bytes = encodeMessage("physical", target, source, data, form);
          const header = readHeader([...bytes]);
          if (header === undefined || header === "invalid") throw new Error("no header");
          expect(bytes.subarray(header.dataAt, -1)).toEqual(data);
          expect(header.length).toBe(data.length);
          expect([header.target, header.source]).toEqual(addresses ? [target, source] : [undefined, undefined]);
          expect(bytes.at(-1)).toBe(checksum(bytes.subarray(0, -1)));
        },
      ),
    );
  });

  it.each([
    ["486b10", "exception", undefined],
    ["8110f1", "physical", 1],
    ["c133f1", "functional", 1],
    ["8010f105", "physical", 5],
    ["3f", "none", 63],
  ])("%s is read as %s", (hex, mode, length) => {
    expect(readHeader([...fromHex(hex)])).toMatchObject({ mode, length });
  });

  it.each(["", "80", "8010", "8010f1", "00"])("%s is no whole header yet", (hex) => {
    expect(readHeader([...fromHex(hex)])).toBeUndefined();
  });

  it("has no Len byte of 0", () => {
    expect(readHeader([0x80, 0x10, 0xf1, 0])).toBe("invalid");
  });
});

describe("key bytes", () => {
  it.each([
    [0xe9, forms(true, true, false)],
    [0x6b, forms(true, true, true)],
    [0xef, forms(true, true, true)],
    [0x65, forms(false, true, false)],
    [0xe6, forms(false, false, true)],
    [0xd0, forms(true, true, true)],
  ])("%i say which header forms the ECU takes", (kb1, expected) => {
    expect(formsOf(kb1, 0x8f)).toEqual(expected);
  });

  it("of ISO 9141-2 are none of ours", () => {
    expect([formsOf(0x08, 0x08), formsOf(0x94, 0x94)]).toEqual([undefined, undefined]);
  });

  it("of the simulated ECU say that it takes all forms with addresses", () => {
    const [kb1 = 0, kb2 = 0] = KEY_BYTES_ALL;
    expect(formsOf(kb1, kb2)).toEqual(ALL_FORMS);
  });
});
