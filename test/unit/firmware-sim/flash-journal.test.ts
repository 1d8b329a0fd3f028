import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AREA_HEADER, decodeJournal, encodeRecord } from "../../../firmware-sim/flash/journal.js";
import { concat } from "../../../src/shared/bytes.js";

/** Few different bytes, so that images have much in common. */
const image = fc.uint8Array({ maxLength: 40, max: 2 });
const images = fc.array(image, { minLength: 1, maxLength: 6 });

/** The area of these images, saved one after the other, and where each record ends. */
function areaOf(saved: readonly Uint8Array[], first = 1) {
  let area: Uint8Array = AREA_HEADER;
  let former: Uint8Array = new Uint8Array();
  const ends = saved.map((next, i) => {
    area = concat(area, encodeRecord(first + i, former, next));
    former = next;
    return area.length;
  });
  return { area, ends };
}

describe("the journal in an area of the flash", () => {
  it("gives back the last of any images", () => {
    fc.assert(
      fc.property(images, fc.nat(1_000), (saved, first) => {
        const { area } = areaOf(saved, first);
        const last = saved.length - 1;
        expect(decodeJournal(area)).toEqual({ image: saved[last], sequence: first + last, end: area.length });
      }),
    );
  });

  it("holds what differs and no more", () => {
    const former = new Uint8Array(5_000).fill(7);
    const next = former.map((byte, i) => (i === 100 || i === 103 ? 1 : byte));
    expect(encodeRecord(2, former, next)).toHaveLength(20 + 4);
    expect(encodeRecord(2, former, former)).toHaveLength(20);
    expect(encodeRecord(2, former, former.slice(1))).toHaveLength(20);
  });

  it("is as it was before a record that is torn at any byte, and nothing is written behind that", () => {
    fc.assert(
      fc.property(images, image, (saved, next) => {
        const { area } = areaOf(saved);
        const record = encodeRecord(saved.length + 1, saved.at(-1) ?? new Uint8Array(), next);
        for (let size = 1; size < record.length; size++) {
          const torn = decodeJournal(concat(area, record.subarray(0, size)));
          expect(torn).toEqual({ image: saved.at(-1), sequence: saved.length, end: undefined });
        }
      }),
    );
  });

  it("is as it was before a last record of which some bytes never came", () => {
    fc.assert(
      fc.property(images, image, fc.uint8Array({ minLength: 60, maxLength: 60, max: 1 }), (saved, next, came) => {
        const { area } = areaOf(saved);
        const record = encodeRecord(saved.length + 1, saved.at(-1) ?? new Uint8Array(), next);
        const holes = record.map((byte, i) => (came[i % came.length] === 1 ? byte : 0));
        fc.pre(Buffer.compare(holes, record) !== 0);
        const torn = decodeJournal(concat(area, holes));
        expect(torn).toEqual({ image: saved.at(-1), sequence: saved.length, end: undefined });
      }),
    );
  });

  it("is refused with a wrong byte anywhere before the last record", () => {
    fc.assert(
      fc.property(images, image, fc.nat(), fc.integer({ min: 1, max: 255 }), (saved, last, place, change) => {
        const { area, ends } = areaOf([...saved, last]);
        const at = place % (ends.at(-2) ?? 0);
        const damaged = area.map((byte, i) => (i === at ? byte ^ change : byte));
        expect(() => decodeJournal(damaged)).toThrow(RangeError);
      }),
    );
  });

  it("is refused without its first record whole", () => {
    const { area } = areaOf([new Uint8Array(30)]);
    for (let size = 0; size < area.length; size++) expect(() => decodeJournal(area.slice(0, size))).toThrow(RangeError);
  });

  it("takes no record of another place in the order", () => {
    const former = Uint8Array.of(1);
    const { area } = areaOf([former], 5);
    for (const sequence of [4, 5, 7]) {
      const other = concat(area, encodeRecord(sequence, former, Uint8Array.of(2)));
      if (sequence === 7) expect(() => decodeJournal(other)).toThrow(RangeError);
      else expect(decodeJournal(other)).toEqual({ image: former, sequence: 5, end: undefined });
    }
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        for (const area of [bytes, concat(AREA_HEADER, bytes)]) expect(() => decodeJournal(area)).toThrow(RangeError);
        expect(decodeJournal(concat(areaOf([new Uint8Array(3)]).area, bytes)).image).toEqual(new Uint8Array(3));
      }),
    );
  });
});
