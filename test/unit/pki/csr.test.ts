import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildCsr,
  decodeAttributes,
  decodeCsrPem,
  encodeAttributes,
  encodePem,
  parseCsr,
  verifyCsr,
} from "../../../src/pki/csr.js";
import { signer } from "../../../src/pki/keys.js";
import { toHex } from "../../../src/shared/bytes.js";
import { requireOpenssl } from "../../require.js";
import { name, pair, SUBJECTS } from "./helpers.js";

const ATTRIBUTES = [
  { oid: "1.3.6.1.1.1.1.18", type: "utf8", value: "17" },
  { oid: "1.3.6.1.1.1.1.19", type: "utf8", value: "FAKE_IP" },
  { oid: "1.3.6.1.1.1.1.22", type: "utf8", value: "38-BA-F8-06-00-9A" },
  { oid: "1.2.840.113549.1.9.7", type: "ia5", value: "Test Challenge Password!" },
] as const;
/** Attributes of the CCU samples (3.10.2 to 3.14.2), without the A0 header. */
const SAMPLE_ATTRIBUTES =
  "300f06072b060101010112310" +
  "40c023137301406072b060101010113310" +
  "90c0746414b455f4950301e06072b060101010116311" +
  "30c1133382d42412d46382d30362d30302d3941302706092a864886f70d010907311a1618" +
  "54657374204368616c6c656e67652050617373776f726421";

async function csr(curve: "P-256" | "P-521", attributes = encodeAttributes(ATTRIBUTES)) {
  const key = pair(curve);
  const hash = curve === "P-256" ? "sha256" : "sha512";
  const subject = name(SUBJECTS["ccu-sha256"]);
  const der = await buildCsr({
    subject,
    publicKey: key.public.spki,
    attributes,
    hash,
    sign: signer(key.key, hash),
  });
  return { der, key, subject, hash } as const;
}

describe("certificate requests", () => {
  it("encodes the attributes of the CCU samples to the byte", () => {
    expect(toHex(encodeAttributes(ATTRIBUTES))).toBe(SAMPLE_ATTRIBUTES);
  });

  it("puts attributes in DER's order of a set, the shorter one first: an IPv6 address behind the MAC", () => {
    const ip = { ...ATTRIBUTES[1], value: "2001:db8::1234:5678" };
    const decoded = decodeAttributes(encodeAttributes([ATTRIBUTES[0], ip, ATTRIBUTES[2], ATTRIBUTES[3]]));
    expect(decoded.map(({ oid: type }) => type)).toEqual([
      "1.3.6.1.1.1.1.18",
      "1.3.6.1.1.1.1.22",
      "1.3.6.1.1.1.1.19",
      "1.2.840.113549.1.9.7",
    ]);
  });

  it.skipIf(!requireOpenssl()).each(["P-256", "P-521"] as const)(
    "are built so that OpenSSL verifies them on %s",
    async (curve) => {
      const { der } = await csr(curve);
      const text = execFileSync("openssl", ["req", "-inform", "der", "-verify", "-noout", "-text"], {
        input: der,
        stdio: ["pipe", "pipe", "ignore"],
      }).toString();
      expect(text).toContain(curve);
      expect(text).toContain("Test Challenge Password!");
      expect(text).toContain("ecdsa-with-SHA");
    },
  );

  it("have an empty [0] where there are no attributes", async () => {
    const { der } = await csr("P-256", new Uint8Array());
    expect(toHex(der)).toContain("a000300a06082a8648ce3d040302");
    expect(parseCsr(der).attributes).toHaveLength(0);
  });

  it("are taken apart with their attributes raw", async () => {
    const { der, key, subject } = await csr("P-256");
    const parsed = parseCsr(der);
    expect(parsed.subject).toEqual(subject);
    expect(parsed.publicKey).toEqual(key.public.spki);
    expect(toHex(parsed.attributes)).toBe(SAMPLE_ATTRIBUTES);
    expect(decodeAttributes(parsed.attributes)).toEqual(ATTRIBUTES.map(({ oid, value }) => ({ oid, value })));
  });

  it("prove possession, and nothing else passes", async () => {
    const { der } = await csr("P-256");
    const parsed = parseCsr(der);
    expect(await verifyCsr(parsed, { curve: "P-256", hash: "sha256" })).toMatchObject({ ok: true });
    expect(await verifyCsr(parsed, { curve: "P-521", hash: "sha512" })).toMatchObject({ ok: false, reason: "curve" });
    expect(await verifyCsr(parsed, { curve: "P-256", hash: "sha512" })).toMatchObject({ ok: false, reason: "hash" });
    const other = parseCsr((await csr("P-256")).der);
    const bent = { ...parsed, signature: other.signature };
    expect(await verifyCsr(bent, { curve: "P-256", hash: "sha256" })).toMatchObject({ ok: false, reason: "signature" });
    const empty = { ...parsed, signature: new Uint8Array() };
    expect(await verifyCsr(empty, { curve: "P-256", hash: "sha256" })).toMatchObject({
      ok: false,
      reason: "signature",
    });
  });

  it.each(["CERTIFICATE_REQUEST", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])(
    "are read from PEM with the label %s, LF or CRLF, and a space behind the dashes",
    async (label) => {
      const { der } = await csr("P-256");
      for (const eol of ["\n", "\r\n"] as const) {
        const pem = encodePem(der, label, eol);
        expect(decodeCsrPem(pem)).toEqual(der);
        expect(decodeCsrPem(pem.replace(`-----${eol}`, `----- ${eol}`))).toEqual(der);
        expect(decodeCsrPem(pem.trimEnd())).toEqual(der);
      }
    },
  );

  it("are not read from another label, damaged base64 or two blocks", async () => {
    const pem = encodePem((await csr("P-256")).der, "CERTIFICATE REQUEST");
    for (const text of [
      pem.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"),
      pem.replace("END CERTIFICATE REQUEST", "END CERTIFICATE_REQUEST"),
      pem.replace("\nM", "\n*"),
      pem.replace("\nM", "\n"),
      pem + pem,
      "",
    ])
      expect(() => decodeCsrPem(text)).toThrow(expect.objectContaining({ code: "PKI_UNREADABLE" }));
  });

  it("answer damaged bytes with PKI_UNREADABLE or a failed check, never otherwise", async () => {
    const { der } = await csr("P-256");
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), async (at, byte, length) => {
        const bent = Uint8Array.from(der);
        bent[at] = byte;
        for (const input of [bent, der.subarray(0, length)]) {
          if (Buffer.from(input).equals(der)) continue;
          try {
            const parsed = parseCsr(input);
            decodeAttributes(parsed.attributes);
            expect(await verifyCsr(parsed, { curve: "P-256", hash: "sha256" })).toMatchObject({ ok: false });
          } catch (error) {
            expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
