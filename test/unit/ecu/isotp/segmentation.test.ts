import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openVirtual } from "../../../../src/ecu/link/virtual/bus.js";
import type { Addressing } from "../../../../src/ecu/transport/isotp/addressing.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { equalBytes } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

const sizes = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 4_080, max: 4_110 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 70_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(7, 8, 62, 63, 64, 4_095, 4_096, 65_535, 65_536, 70_000) },
);

/** Both ends of every addressing format. */
const ENDS: readonly (readonly [Addressing, Addressing])[] = [
  [
    { format: "normal", txId: 0x7e0, rxId: 0x7e8 },
    { format: "normal", txId: 0x7e8, rxId: 0x7e0 },
  ],
  [
    { format: "normal-fixed", own: 0xf1, peer: 0x10 },
    { format: "normal-fixed", own: 0x10, peer: 0xf1 },
  ],
  [
    { format: "extended", txId: 0x6f1, rxId: 0x610, own: 0xf1, peer: 0x10 },
    { format: "extended", txId: 0x610, rxId: 0x6f1, own: 0x10, peer: 0xf1 },
  ],
  [
    { format: "mixed", txId: 0x7e0, rxId: 0x7e8, addressExtension: 0x20 },
    { format: "mixed", txId: 0x7e8, rxId: 0x7e0, addressExtension: 0x20 },
  ],
  [
    { format: "mixed-29", own: 0xf1, peer: 0x10, addressExtension: 0x20 },
    { format: "mixed-29", own: 0x10, peer: 0xf1, addressExtension: 0x20 },
  ],
];

describe("any message passes unchanged", () => {
  it("whatever its size, addressing, frame length, padding and block size", async () => {
    let bus = 0;
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.constantFrom(...ENDS),
        fc.constantFrom(8, 12, 16, 20, 24, 32, 48, 64),
        fc.constantFrom(
          { padding: null, lengths: "optimised" },
          { padding: 0x00, lengths: "padded" },
          { padding: 0xcc },
        ),
        fc.constantFrom(0, 1, 7, 255),
        fc.constantFrom("full", "half"),
        fc.integer(),
        async (size, [near, far], txDl, frames, BS, duplex, seed) => {
          const clock = new VirtualClock();
          const name = `segmentation-${bus++}`;
          const links = [openVirtual(name, clock), openVirtual(name, clock)] as const;
          const options = { txDl, ...frames, BS, duplex } as const;
          const tester = createIsoTp(links[0], { addressing: near, ...options }, clock);
          const ecu = createIsoTp(links[1], { addressing: far, ...options }, clock);
          const data = Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 0xff);
          const errors: Error[] = [];
          ecu.onError((error) => errors.push(error));
          const got: Uint8Array[] = [];
          ecu.onMessage((message) => got.push(message.data));
          await clock.drive(tester.send(data));
          await clock.advance(0);
          expect(errors).toEqual([]);
          expect(got).toHaveLength(1);
          expect(equalBytes(got[0] ?? new Uint8Array(0), data)).toBe(true);
          await Promise.all(links.map((link) => link.close()));
        },
      ),
      { numRuns: 100 },
    );
  });
});
