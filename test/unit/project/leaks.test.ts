import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeakFinder } from "../../leaks.js";

const SECRET = Uint8Array.from([0xfb, 0xef, 0xbe, 0x01, 0x92, 0xff, 0xfe, 0x7d, 0x10, 0x33, 0xc4, 0x5a]);
const finder = new LeakFinder([{ name: "key", bytes: SECRET }]);
const bytes = fc.uint8Array({ maxLength: 40 });
const window = fc.nat(SECRET.length - 8).map((at) => SECRET.subarray(at, at + 8));
const FORMS: readonly (readonly [string, (part: Buffer) => string])[] = [
  ["raw", (part) => part.toString("latin1")],
  ["hex", (part) => part.toString("hex")],
  ["hex", (part) => part.toString("hex").toUpperCase()],
];

describe("the finder of leaks", () => {
  it.each(FORMS)("finds any 8 bytes of a secret: %s", (form, write) => {
    fc.assert(
      fc.property(bytes, window, bytes, (before, part, behind) => {
        const text = `${Buffer.from(before).toString("latin1")}${write(Buffer.from(part))}${Buffer.from(behind).toString("latin1")}`;
        expect(finder.find(Buffer.from(text, "latin1")).map((leak) => leak.form)).toContain(form);
      }),
    );
  });

  it.each(["base64", "base64url"] as const)("finds them in %s, whatever stands before and behind", (encoding) => {
    fc.assert(
      fc.property(bytes, window, bytes, (before, part, behind) => {
        const text = Buffer.concat([before, part, behind]).toString(encoding);
        expect(finder.find(Buffer.from(`x ${text} y`)).map((leak) => leak.form)).toContain("base64");
      }),
    );
  });

  it("says where, and finds nothing in what has 7 bytes of it", () => {
    expect(finder.find(Buffer.concat([Buffer.alloc(100), SECRET]))).toEqual([{ secret: "key", form: "raw", at: 100 }]);
    const most = Buffer.from(SECRET.subarray(0, 7));
    for (const [, write] of FORMS) expect(finder.find(Buffer.from(write(most), "latin1"))).toEqual([]);
    expect(finder.find(Buffer.from(most.toString("base64")))).toEqual([]);
  });

  it("takes no secret that would be found everywhere", () => {
    expect(() => new LeakFinder([{ name: "pin", bytes: Buffer.from("1234") }])).toThrow("pin is shorter than 8 bytes");
    expect(() => new LeakFinder([{ name: "zeros", bytes: Buffer.alloc(16) }])).toThrow("zeros has too plain a part");
  });
});
