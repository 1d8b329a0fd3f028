import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../../src/shared/bytes.js";
import { bench } from "./bench.js";

const frame = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  // Frames that begin as N_PDUs do reach further into the states.
  fc
    .tuple(
      fc.constantFrom(0x02, 0x07, 0x10, 0x11, 0x20, 0x21, 0x22, 0x2f, 0x30, 0x31, 0x32, 0x3a),
      fc.uint8Array({ maxLength: 7 }),
    )
    .map(([pci, rest]) => Uint8Array.of(pci, ...rest)),
);

describe("any frames whatever", () => {
  it("leave the link working, and no timer behind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 40 }), fc.boolean(), async (frames, sending) => {
        const b = bench();
        if (sending) b.send("00".repeat(30));
        await b.hear(...frames.map(toHex));
        await b.clock.advance(20_000);
        expect(b.clock.pending).toBe(0);
        b.events.length = 0;
        await b.hear("0322f190", "1008010203040506", "210708");
        expect(b.events).toEqual(["message 22f190", "start 8", "message 0102030405060708"]);
        const outcome = b.send("0102030405060708");
        await b.hear("300000");
        expect(outcome.code).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
