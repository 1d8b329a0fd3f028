import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { tokensOf } from "../../../src/cli/tokens.js";
import { isStationError } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { TOKEN_LIMITS } from "../../../src/token/token.js";

const read = (lines: string) => {
  const text = `schema: 1\nmode: plant\nservers:\n  embedded:\n${lines.replace(/^/gm, "    ")}\n`;
  const { servers } = parseConfig(text, "/plant/station.yaml", "/data", {});
  if (servers.kind !== "embedded") throw new Error("not the embedded servers");
  return servers;
};
const fault = (lines: string): string => {
  try {
    read(lines);
  } catch (error) {
    if (isStationError(error, "CONFIG_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
};

const TOKEN = "{ module: lib/hsm.so, token: plant, pinFile: pin }";

describe("the place of CA keys", () => {
  it("counts paths from the file's folder, and leaves a library's bare name to the system", () => {
    const { caKeys } = read(
      "caKeys:\n  pkcs11: { module: hsm.so, serial: a1, pinFile: secrets/pin, limits: { sessions: 8 } }",
    );
    expect(caKeys).toEqual({
      pkcs11: { module: "hsm.so", serial: "a1", pinFile: "/plant/secrets/pin", limits: { sessions: 8 } },
    });
    expect(read(`caKeys: { pkcs11: ${TOKEN} }`).caKeys).toMatchObject({ pkcs11: { module: "/plant/lib/hsm.so" } });
    expect(read("caKeys: { file: { passphraseFile: pass } }").caKeys).toEqual({
      file: { passphraseFile: "/plant/pass" },
    });
    expect(read("host: 127.0.0.1").caKeys).toBeUndefined();
  });

  it("lists each token once, with its uses", () => {
    const other = "{ module: lib/hsm.so, token: cellar, pinFile: pin }";
    const config = read(
      `caKeys: { pkcs11: ${TOKEN} }\nauthorities:\n  ROOT-P256: { pkcs11: ${other} }\n  ROOT-P521: { pkcs11: ${other} }\n  CA01001: { pkcs11: ${TOKEN} }\nkms: { masterKey: { pkcs11: ${other} } }`,
    );
    expect(
      tokensOf({ servers: config, tokens: new Map() }).map(({ token, text, uses }) => [token.token, text, [...uses]]),
    ).toEqual([
      ["plant", "CA keys, CA01001", ["signing"]],
      ["cellar", "ROOT-P256, ROOT-P521, the KMS's master key", ["signing", "wrapping"]],
    ]);
  });

  it("counts the paths of the KMS's token alike", () => {
    const { kms } = read(`kms: { masterKey: { pkcs11: ${TOKEN}, keyLabel: Plant KMS } }`);
    expect(kms).toEqual({
      masterKey: {
        pkcs11: { module: "/plant/lib/hsm.so", token: "plant", pinFile: "/plant/pin" },
        keyLabel: "Plant KMS",
      },
    });
    expect(read("host: 127.0.0.1").kms).toEqual({});
  });
});

describe("a mistake is told with its line", () => {
  it.each([
    ["caKeys: { pkcs11: { module: m.so, token: plant } }", "5:23: servers.embedded.caKeys.pkcs11.pinFile: is missing"],
    [
      "caKeys: { pkcs11: { module: m.so, pinFile: pin } }",
      "5:23: servers.embedded.caKeys.pkcs11: does not say which token",
    ],
    [
      "caKeys:\n  pkcs11: { module: m.so, token: p, pinFile: pin, limits: { sessions: 0 } }",
      "6:75: servers.embedded.caKeys.pkcs11.limits.sessions: wrong value 0 (expected a whole number 1–64)",
    ],
    [
      "kms: { masterKey: { pkcs11: { module: m.so, pinFile: pin } } }",
      "5:33: servers.embedded.kms.masterKey.pkcs11: does not say which token",
    ],
    ["kms: { masterKey: {} }", "5:23: servers.embedded.kms.masterKey.pkcs11: is missing"],
    ["caKeys: { pkcs12: {} }", "5:15: servers.embedded.caKeys.pkcs12: unknown key"],
    ["authorities:\n  CA0100: {}", "6:7: servers.embedded.authorities.CA0100: unknown key"],
    [
      "authorities:\n  CA01001:\n    certificateFile: a.pem",
      "7:26: servers.embedded.authorities.CA01001.certificateFile: stands without the CA's key",
    ],
    [
      "authorities:\n  CA01001:\n    keyFile: a.pem",
      "7:18: servers.embedded.authorities.CA01001.keyFile: stands without the CA's certificate",
    ],
    [
      `authorities:\n  CA01001:\n    certificateFile: a.pem\n    keyFile: a.key\n    pkcs11: ${TOKEN}`,
      "8:18: servers.embedded.authorities.CA01001.keyFile: stands beside pkcs11",
    ],
    [
      "authorities:\n  ROOT-P256:\n    certificateFile: a.pem\n    keyLabel: Root",
      "8:19: servers.embedded.authorities.ROOT-P256.keyLabel: names a key, but no token",
    ],
    [
      "authorities:\n  ROOT-P256:\n    certificateFile: a.pem\n    passphraseFile: p",
      "8:25: servers.embedded.authorities.ROOT-P256.passphraseFile: stands without a key",
    ],
    ["authorities:\n  CA01001:\n    keyId: xyz", "7:16: servers.embedded.authorities.CA01001.keyId: wrong value"],
  ])("%s", (lines, expected) => {
    expect(fault(lines)).toContain(`/plant/station.yaml:${expected}`);
  });

  it("and a root's certificate alone is none", () => {
    expect(fault("authorities: { ROOT-P256: { certificateFile: root.pem } }")).toBe("no error");
  });
});

it("docs/pkcs11.md has the limits of a token as the program has them", () => {
  const text = readFileSync(join(packageRoot(), "docs", "pkcs11.md"), "utf8");
  for (const [name, value] of Object.entries(TOKEN_LIMITS))
    expect(text).toMatch(new RegExp(`^\\| \`${name}\`.*\\| ${value} \\|`, "m"));
});
