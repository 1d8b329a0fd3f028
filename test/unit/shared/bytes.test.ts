import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equalBytes, equalConstantTime, fromHex, readUintBE, toHex, uintBE } from "../../../src/shared/bytes.js";

describe("bytes", () => {
  it("survive the way to hex and back in either case", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it("refuse hex that is no whole bytes", () => {
    for (const text of ["0", "0g", "00 11", "0x00"]) expect(() => fromHex(text)).toThrow(RangeError);
  });

  it("hold unsigned integers big-endian", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (value) => {
        expect(readUintBE(uintBE(value, 6), 0, 6)).toBe(value);
      }),
    );
  });

  it("compare alike in constant time and plainly", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (a, b) => {
        expect(equalConstantTime(a, b)).toBe(equalBytes(a, b));
        expect(equalConstantTime(a, a.slice())).toBe(true);
      }),
    );
  });
});
