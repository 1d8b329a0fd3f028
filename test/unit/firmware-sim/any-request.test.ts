import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../../src/shared/bytes.js";
import { Bench } from "./bench.js";

let bench: Bench;
afterEach(() => bench.close());

/** Services whose second byte can suppress the answer. */
const SUPPRESSIBLE = [0x10, 0x11, 0x27, 0x31, 0x3e];
const SERVED = [0x10, 0x11, 0x22, 0x27, 0x2e, 0x31, 0x34, 0x36, 0x37, 0x3e];

const anyRequest = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc
    .tuple(fc.constantFrom(...SERVED), fc.uint8Array({ maxLength: 20 }))
    .map(([sid, rest]) => Uint8Array.of(sid, ...rest)),
  fc
    .tuple(
      fc.constantFrom(1, 2, 3, 0x81),
      fc.constantFrom(0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x30),
      fc.uint8Array({ maxLength: 70 }),
    )
    .map(([sub, id, rest]) => Uint8Array.of(0x31, sub, 0x02, id, ...rest)),
);

describe("any physical request", () => {
  it("gets one answer in the form of ISO 14229-1, or none where it suppresses that, and the ECU goes on", async () => {
    bench = await Bench.start();
    await fc.assert(
      fc.asyncProperty(anyRequest, fc.boolean(), async (request, unlocked) => {
        if (unlocked) await bench.unlock();
        const [sid = 0, sub = 0] = request;
        const answers = (await bench.hear(toHex(request), false, 300)).filter(
          (answer) => !/^7f..78$/.test(answer) && answer !== "",
        );
        const suppressed = SUPPRESSIBLE.includes(sid) && (sub & 0x80) !== 0;
        if (!suppressed || answers.length > 0) expect(answers).toHaveLength(1);
        const hex = (value: number) => value.toString(16).padStart(2, "0");
        for (const answer of answers)
          expect(answer.startsWith(hex((sid + 0x40) & 0xff)) || answer.startsWith(`7f${hex(sid)}`)).toBe(true);
        if (!SERVED.includes(sid)) expect(answers).toEqual([`7f${hex(sid)}11`]);
        expect(await bench.ask("22f197")).toBe("62f19745564343");
        expect(bench.fatal).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
