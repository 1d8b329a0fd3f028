import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/shared/secret.js";

describe("a secret", () => {
  it("prints as redacted in every way to text", () => {
    const secret = Secret.fromHex("00112233445566778899aabbccddeeff");
    const prints = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ secret }, { depth: 9, showHidden: true }),
    ];
    for (const print of prints) {
      expect(print).toContain("[redacted]");
      expect(print).not.toContain("1122");
    }
  });

  it("zeroes its bytes when wiped and cannot be used afterwards", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const secret = new Secret(bytes);
    secret.wipe();
    expect([...bytes]).toEqual([0, 0, 0]);
    expect(() => secret.use((lent) => lent.length)).toThrow(/wiped/);
  });

  it("zeroes its bytes behind the work that it is spent on, also where that fails", () => {
    const bytes = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5, 6])] as const;
    expect(new Secret(bytes[0]).spend((lent) => lent[2])).toBe(3);
    const failing = () => {
      throw new Error("no");
    };
    expect(() => new Secret(bytes[1]).spend(failing)).toThrow("no");
    expect(bytes.map((left) => [...left])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});
