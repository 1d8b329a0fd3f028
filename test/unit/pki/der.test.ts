import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { integer, oid, readAll, readDer, readOid, readTime, readWhole, TAG, time, tlv } from "../../../src/pki/der.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";

const unreadable = expect.objectContaining({ code: "PKI_UNREADABLE" });

describe("DER", () => {
  it("gives back every element that was written, whatever its length", () => {
    const length = fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 255, 256, 65_535, 65_536));
    fc.assert(
      fc.property(fc.constantFrom(0x04, 0x30, 0xa0), length, fc.uint8Array({ maxLength: 3 }), (tag, size, rest) => {
        const element = tlv(tag, new Uint8Array(size).fill(7));
        const node = readDer(Buffer.concat([element, rest]));
        expect([node.tag, node.content.length, node.raw.length]).toEqual([tag, size, element.length]);
      }),
    );
  });

  it.each([
    ["an indefinite length", "3080000000"],
    ["a length not in its shortest form", "04810100"],
    ["a length with a leading zero", `04820080${"00".repeat(128)}`],
    ["an element longer than its data", "040501"],
    ["a tag of several bytes", "1f8101"],
    ["a lone tag", "04"],
    ["nothing", ""],
  ])("refuses %s", (_, hex) => {
    expect(() => readDer(fromHex(hex))).toThrow(unreadable);
  });

  it("refuses bytes behind a whole element, and takes several where they may stand", () => {
    expect(() => readWhole(fromHex("04000400"))).toThrow(unreadable);
    expect(readAll(fromHex("04000400"))).toHaveLength(2);
  });

  it("answers any bytes with elements or with PKI_UNREADABLE", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          for (const node of readAll(bytes)) readOid(node);
        } catch (error) {
          expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
        }
      }),
    );
  });

  it.each([
    ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
    ["2.5.29.32.0", "0604551d2000"],
    ["1.3.132.0.35", "06052b81040023"],
    ["2.999.1", "0603883701"],
    ["0.9.2342.19200300.100.1.25", "060a0992268993f22c640119"],
  ])("writes the object identifier %s as %s", (dotted, hex) => {
    expect(toHex(oid(dotted))).toBe(hex);
    expect(readOid(readDer(fromHex(hex)))).toBe(dotted);
  });

  it("gives back every object identifier, and refuses what is none", () => {
    const arcs = fc.array(fc.nat(2 ** 31 - 1), { maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(2), fc.nat(39), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join(".");
        expect(readOid(readDer(oid(dotted)))).toBe(dotted);
      }),
    );
    for (const text of ["", "1", "3.1", "1.40", "1.02", "1.2.", "a.b"]) expect(() => oid(text)).toThrow(unreadable);
    for (const hex of ["0600", "06018a", "0602802a"]) expect(() => readOid(readDer(fromHex(hex)))).toThrow(unreadable);
  });

  it("reads an object identifier that is a UUID (X.667), and none with larger arcs", () => {
    const uuid = "2.25.329800735698586629295641978511506172918";
    expect(readOid(readDer(fromHex("06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776")))).toBe(uuid);
    expect(() => readOid(readDer(fromHex("06146984808080808080808080808080808080808000")))).toThrow(unreadable);
  });

  it.each([
    ["00", "020100"],
    ["7f", "02017f"],
    ["80", "02020080"],
    ["000001", "020101"],
    ["", "020100"],
  ])("writes the number %s as %s", (number, hex) => {
    expect(toHex(integer(fromHex(number)))).toBe(hex);
  });

  it.each([
    ["2049-12-31T23:59:59Z", "170d3439313233313233353935395a"],
    ["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a"],
    ["1950-01-01T00:00:00Z", "170d3530303130313030303030305a"],
    ["1949-12-31T23:59:59Z", "180f31393439313233313233353935395a"],
  ])("writes the time %s as %s", (text, hex) => {
    expect(toHex(time(Date.parse(text)))).toBe(hex);
    expect(readTime(readDer(fromHex(hex)))).toBe(Date.parse(text));
  });

  it.each(["990230000000Z", "991301000000Z", "991231240000Z", "9912312359Z", "991231235959+0900", "99123123595 Z"])(
    "refuses the time %s",
    (text) => {
      expect(() => readTime(readDer(tlv(TAG.UTC_TIME, Buffer.from(text))))).toThrow(unreadable);
    },
  );
});
