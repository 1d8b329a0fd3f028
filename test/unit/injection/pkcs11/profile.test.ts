import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../../src/cli/config.js";
import { tokensOf } from "../../../../src/cli/tokens.js";
import { loadProfile } from "../../../../src/profiles/loader.js";
import { isStationError } from "../../../../src/shared/errors.js";
import { packageRoot } from "../../../../src/shared/paths.js";

const text = readFileSync(join(packageRoot(), "hw-profiles", "ccu-pkcs11.yaml"), "utf8");
const section = /^pkcs11:\n(?: {2}.*\n)+/m;

function mistake(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isStationError(error)) return String(error.details.what);
    throw error;
  }
  return "no error";
}

describe("a profile of target pkcs11", () => {
  it("has the mechanisms and the blank key that it does not name", () => {
    const { profile } = loadProfile(text.replace(section, "pkcs11: { token: hsm }\n"), "own.yaml");
    expect(profile.pkcs11).toEqual({
      token: "hsm",
      mechanisms: { cmac: "CKM_AES_CMAC", cipher: "CKM_AES_CBC" },
      blankKey: "00".repeat(16),
    });
  });

  it.each([
    ["without its token", text.replace(section, ""), "pkcs11: is missing"],
    ["of another target", text.replace("target: pkcs11", "target: she-uds"), "does not belong to target she-uds"],
    [
      "whose token cannot be found by anything",
      text.replace(section, "pkcs11: { token: hsm, address: { module: hsm.so, pinFile: pin } }\n"),
      "does not say which token (expected token, serial or slot)",
    ],
    ["with an unknown mechanism", text.replace("cmac: CKM_AES_CMAC", "cmac: CKM_AES_GCM"), "mechanisms.cmac"],
  ])("is refused %s", (_, wrong, what) => {
    expect(mistake(() => loadProfile(wrong, "own.yaml"))).toContain(what);
  });
});

describe("tokens of the configuration", () => {
  const read = (tokens: string) =>
    parseConfig(`schema: 1\nmode: plant\ntokens: ${tokens}\n`, "/plant/station.yaml", "/data", {});

  it("have absolute paths and are asked for what units need", () => {
    const config = read(
      "{ a: { module: lib/hsm.so, serial: s1, pinFile: pin }, b: { module: hsm.so, slot: 3, pinFile: /pin } }",
    );
    expect(Object.fromEntries(config.tokens)).toEqual({
      a: { module: "/plant/lib/hsm.so", serial: "s1", pinFile: "/plant/pin" },
      b: { module: "hsm.so", slot: 3, pinFile: "/pin" },
    });
    expect(tokensOf(config).map(({ text: uses, uses: set }) => [uses, [...set]])).toEqual([
      ["units (a)", ["signing", "cmac", "cbc"]],
      ["units (b)", ["signing", "cmac", "cbc"]],
    ]);
  });

  it("must say which token they are", () => {
    expect(mistake(() => read("{ a: { module: hsm.so, pinFile: pin } }"))).toContain(
      "tokens.a: does not say which token",
    );
  });
});
