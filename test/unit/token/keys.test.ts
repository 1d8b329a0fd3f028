import { generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { derSignature } from "../../../src/pki/keys.js";
import { readPin } from "../../../src/token/module.js";
import { CURVES, spkiOf } from "../../../src/token/objects.js";
import type { TokenCurve } from "../../../src/token/protocol.js";

const folder = mkdtempSync(join(tmpdir(), "token-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(["P-256", "P-521"] as const)("a public key on %s as a token gives it", (curve: TokenCurve) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const spki = publicKey.export({ format: "der", type: "spki" });
  const { params, size } = CURVES[curve];
  const point = spki.subarray(-(1 + 2 * size));
  const header = size === 32 ? [0x04, 0x41] : [0x04, 0x81, 0x85];

  it("is the SubjectPublicKeyInfo that OpenSSL writes, with its point wrapped or bare", () => {
    const wrapped = Buffer.concat([Buffer.from(header), point]);
    expect(Buffer.from(spkiOf(Buffer.from(params, "hex"), wrapped) ?? [])).toEqual(spki);
    expect(Buffer.from(spkiOf(Buffer.from(params, "hex"), point) ?? [])).toEqual(spki);
  });

  it("is none with another curve's parameters, cut, or compressed", () => {
    const other = CURVES[curve === "P-256" ? "P-521" : "P-256"].params;
    expect(spkiOf(Buffer.from(other, "hex"), point)).toBeUndefined();
    expect(spkiOf(Buffer.from("06052b8104000a", "hex"), point)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 140 }), (bytes) => {
        const read = spkiOf(Buffer.from(params, "hex"), bytes);
        expect(read === undefined || bytes.length >= 1 + 2 * size).toBe(true);
      }),
    );
  });

  it("verifies what r‖s becomes in DER", () => {
    const hash = curve === "P-256" ? "sha256" : "sha512";
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const raw = sign(hash, data, { key: privateKey, dsaEncoding: "ieee-p1363" });
        expect(verify(hash, data, publicKey, derSignature(raw))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a PIN file", () => {
  const read = async (text: string) => {
    const file = join(folder, "pin");
    writeFileSync(file, text);
    const pin = await readPin(file);
    return pin.use((bytes) => Buffer.from(bytes).toString());
  };

  it("holds the PIN, line ends and blanks around it left out", async () => {
    expect(await read("1234")).toBe("1234");
    expect(await read(" 12 34\r\n\n")).toBe("12 34");
    expect(await read("pïn\n")).toBe("pïn");
  });

  it("with no PIN in it is told", async () => {
    await expect(read(" \n")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("holds no PIN"),
    });
  });
});
