import { unsafe } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { expandKeyInto, SCHEDULE_WORDS } from "../../../src/she/update/schedule.js";

it("the key schedule is the library's, word for word", () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(bytes, fc.nat({ max: 8 }), (key, offset) => {
      const room = new Uint8Array(24);
      room.set(key, offset);
      const out = new Uint32Array(SCHEDULE_WORDS);
      expandKeyInto(new DataView(room.buffer), offset, out);
      expect(out).toEqual(unsafe.expandKeyLE(key));
    }),
    { numRuns: 500 },
  );
});
