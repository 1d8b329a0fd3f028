import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitString, oid, sequence } from "../../../src/pki/der.js";
import { readPublicKey } from "../../../src/pki/keys.js";
import { pair } from "./helpers.js";

const CURVES = { "P-256": "1.2.840.10045.3.1.7", "P-521": "1.3.132.0.35" } as const;
const spki = (curve: keyof typeof CURVES, point: Uint8Array) =>
  sequence(sequence(oid("1.2.840.10045.2.1"), oid(CURVES[curve])), bitString(point));
const unreadable = expect.objectContaining({ code: "PKI_UNREADABLE" });

describe.each(["P-256", "P-521"] as const)("a public key on %s", (curve) => {
  const { point } = pair(curve).public;
  const size = (point.length - 1) / 2;
  const parity = (point.at(-1) ?? 0) & 1;

  it("is read with an uncompressed or a compressed point, and is the same key", () => {
    const compressed = Uint8Array.of(2 + parity, ...point.subarray(1, 1 + size));
    for (const form of [point, compressed])
      expect(readPublicKey(spki(curve, form))).toMatchObject({ curve, point, spki: spki(curve, point) });
  });

  it.each([
    // Node aborts the process when it is asked about this one.
    ["at infinity", Uint8Array.of(0)],
    ["that is empty", new Uint8Array()],
    ["in hybrid form", Uint8Array.of(6 + parity, ...point.subarray(1))],
    ["cut short", point.subarray(0, -1)],
    ["with an octet too many", Uint8Array.of(...point, 0)],
    ["off the curve", Uint8Array.of(...point.subarray(0, -1), (point.at(-1) ?? 0) ^ 1)],
    ["of zeros", new Uint8Array(point.length).fill(0).fill(4, 0, 1)],
    ["of coordinates beyond the field", new Uint8Array(point.length).fill(0xff).fill(4, 0, 1)],
  ])("is refused with a point %s", (_name, wrong) => {
    expect(() => readPublicKey(spki(curve, wrong))).toThrow(unreadable);
  });

  it("answers any point with a key or with PKI_UNREADABLE", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: point.length + 2 }),
      fc
        .tuple(fc.nat(7), fc.uint8Array({ minLength: size, maxLength: size }))
        .map(([form, x]) => Uint8Array.of(form, ...x)),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        try {
          expect(readPublicKey(spki(curve, given)).point).toHaveLength(point.length);
        } catch (error) {
          expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
        }
      }),
    );
  });
});
