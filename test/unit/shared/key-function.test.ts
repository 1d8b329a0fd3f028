import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { loadKeyFunction } from "../../../src/shared/key-function.js";

const folder = mkdtempSync(join(tmpdir(), "key-function-"));
const profile = join(folder, "profile.yaml");
let modules = 0;

/** A module beside the profile, as the profile names it. */
function written(source: string): string {
  const name = `./algorithm-${modules++}.mjs`;
  writeFileSync(join(folder, name), source);
  return name;
}

const request = { seed: fromHex("0102"), secret: fromHex("a0b0"), level: 0x11 };

describe("a plant's own key algorithm", () => {
  it.each(["", "async "])("makes the key from seed, secret and level (%sfunction)", async (kind) => {
    const source = `export ${kind}function securityKey({ seed, secret, level }) {
      return Uint8Array.of(...seed.map((byte, i) => byte ^ secret[i]), level);
    }`;
    const key = await (await loadKeyFunction(written(source), profile))(request);
    expect(toHex(key)).toBe("a1b211");
  });

  it("gets copies: what it changes changes nothing, and its secret is wiped", async () => {
    const source = `export function securityKey({ seed, secret }) {
      seed.fill(9);
      globalThis.keptSecret = secret;
      return Uint8Array.of(1);
    }`;
    await (await loadKeyFunction(written(source), profile))(request);
    expect(toHex(request.seed)).toBe("0102");
    expect(toHex(request.secret)).toBe("a0b0");
    expect((globalThis as { keptSecret?: Uint8Array }).keptSecret).toEqual(new Uint8Array(2));
  });

  it.each([
    ["is not there", "./missing.mjs", /missing\.mjs: cannot be loaded \(ERR_MODULE_NOT_FOUND\)$/],
    ["is no JavaScript", written("export const ="), /cannot be loaded \(\w*Error\)$/],
    ["exports something else", written("export const securityKey = 1;"), /exports no function securityKey$/],
  ])("is refused in one line where it %s", async (_, module, what) => {
    await expect(loadKeyFunction(module, profile)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { what: expect.stringMatching(what) },
    });
  });

  it.each([
    ["throws", "throw new TypeError(`secret ${secret}`)", /securityKey failed \(TypeError\)$/],
    ["gives no bytes", "return [1, 2]", /gave no Uint8Array with a key$/],
    ["gives an empty key", "return new Uint8Array(0)", /gave no Uint8Array with a key$/],
  ])("that %s is told without its own words", async (_, body, what) => {
    const make = await loadKeyFunction(written(`export function securityKey({ secret }) { ${body}; }`), profile);
    await expect(make(request)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { what: expect.stringMatching(what) },
    });
  });
});
