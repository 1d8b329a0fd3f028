import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCertificate, validity } from "../../../src/pki/certificate.js";
import { encodePem } from "../../../src/pki/pem.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../../src/pki/types.js";
import { requireOpenssl } from "../../require.js";
import { AT, ca, leaf, pair, URLS } from "./helpers.js";

const hasOpenssl = requireOpenssl();
const folder = mkdtempSync(join(tmpdir(), "pki-certificate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROOT = "cn=Root,o=HKMC,c=KR";
const ISSUER = "cn=CA01001,ou=ECC,o=HKMC,c=KR";
const keys = { "P-256": pair("P-256"), "P-521": pair("P-521") };
const roots = { "P-256": pair("P-256"), "P-521": pair("P-521") };
const leaves = { "P-256": pair("P-256"), "P-521": pair("P-521") };

beforeAll(async () => {
  for (const curve of ["P-256", "P-521"] as const) {
    const root = await ca(ROOT, roots[curve]);
    const issuing = await ca(ISSUER, keys[curve], { dn: ROOT, pair: roots[curve] }, { pathLen: 0 });
    writeFileSync(join(folder, `${curve}-root.pem`), encodePem(root, "CERTIFICATE"));
    writeFileSync(join(folder, `${curve}-ca.pem`), encodePem(issuing, "CERTIFICATE"));
  }
});

function openssl(...args: string[]): string {
  return execFileSync("openssl", args).toString();
}

/** `openssl x509 -text` as `name[: critical]` → value lines. */
function shown(der: Uint8Array): Map<string, string> {
  const file = join(folder, "shown.der");
  writeFileSync(file, der);
  const text = openssl("x509", "-inform", "der", "-in", file, "-noout", "-text");
  const found = new Map<string, string>();
  let current = "";
  for (const line of text
    .split("\n")
    .slice(text.split("\n").findIndex((line) => line.includes("X509v3 extensions")) + 1)) {
    const head = /^ {12}(\S.*?):( critical)? ?$/.exec(line);
    if (head !== null) {
      current = `${head[1]}${head[2] ?? ""}`;
      found.set(current, "");
    } else if (/^ {16}/.test(line)) found.set(current, `${found.get(current) ?? ""} ${line.trim()}`.trim());
  }
  return found;
}

const AKI = "X509v3 Authority Key Identifier";
const SKI = "X509v3 Subject Key Identifier";
const USAGE = ["X509v3 Key Usage critical", "Digital Signature, Key Agreement"] as const;
const BASIC = ["X509v3 Basic Constraints critical", "CA:FALSE"] as const;
const EKU = "X509v3 Extended Key Usage";
const BOTH = "TLS Web Server Authentication, TLS Web Client Authentication";
const CRL = `Full Name: URI:${URLS.crl}`;
const CDP = "X509v3 CRL Distribution Points";
const AIA = "Authority Information Access";
const POLICIES = "X509v3 Certificate Policies";
const CCU_POLICY = `Policy: 1.3.6.1.4.1.1678.2.0.99.1 User Notice: Explicit Text: ${URLS.notice} CPS: ${URLS.cps}`;
const any = expect.stringMatching(/^[0-9A-F:]{59}$/);

/** Extensions in order, by default and as seen, from the table "Certificate profiles" of the vPKI contract. */
const WANTED = {
  "prov-15118-2": {
    usual: [
      [AKI, any],
      [SKI, any],
      USAGE,
      [POLICIES, "Policy: X509v3 Any Policy"],
      BASIC,
      [CDP, CRL],
      [AIA, `OCSP - URI:${URLS.ocsp}`],
    ],
    asSeen: [
      [AKI, any],
      [SKI, any],
      USAGE,
      [POLICIES, "Policy: X509v3 Certificate Policies"],
      BASIC,
      [CDP, CRL],
      [AIA, `OCSP - URI:${URLS.ocsp}`],
    ],
  },
  "prov-15118-20": {
    usual: [[AKI, any], [SKI, any], USAGE, BASIC, [CDP, CRL]],
    asSeen: [[`${AKI} critical`, any], [`${SKI} critical`, any], USAGE, BASIC, [CDP, CRL]],
  },
  "vehicle-15118-20": {
    usual: [[AKI, any], [SKI, any], USAGE, BASIC, [`${EKU} critical`, BOTH], [`${CDP} critical`, CRL]],
    asSeen: [
      [`${AKI} critical`, any],
      [`${SKI} critical`, any],
      USAGE,
      BASIC,
      [`${EKU} critical`, BOTH],
      [`${CDP} critical`, CRL],
    ],
  },
  "ccu-sha256": {
    usual: [
      [AKI, any],
      [SKI, any],
      USAGE,
      [POLICIES, CCU_POLICY],
      BASIC,
      [EKU, BOTH],
      [CDP, CRL],
      [AIA, `OCSP - URI:${URLS.ocsp} CA Issuers - URI:${URLS.caIssuers}`],
    ],
    asSeen: [
      [AKI, any],
      [SKI, any],
      USAGE,
      [POLICIES, CCU_POLICY],
      BASIC,
      [EKU, BOTH],
      [CDP, CRL],
      [AIA, `OCSP - URI:${URLS.ocsp} CA Issuers - URI:${URLS.caIssuers}`],
    ],
  },
  "ccu-sha512": {
    usual: [[AKI, any], [SKI, any], USAGE, BASIC, [`${EKU} critical`, "TLS Web Client Authentication"]],
    asSeen: [
      [`${AKI} critical`, any],
      [`${SKI} critical`, any],
      USAGE,
      BASIC,
      [`${EKU} critical`, "TLS Web Client Authentication"],
    ],
  },
};

describe("certificates of the five types", () => {
  it.skipIf(!hasOpenssl).each(certificateTypes)("%s: pass openssl verify -x509_strict", async (type) => {
    const { curve } = CERTIFICATE_TYPES[type];
    const der = await leaf(type, leaves[curve], { dn: ISSUER, pair: keys[curve] });
    const file = join(folder, `${type}.pem`);
    writeFileSync(file, encodePem(der, "CERTIFICATE", "\r\n"));
    const chain = ["-CAfile", join(folder, `${curve}-root.pem`), "-untrusted", join(folder, `${curve}-ca.pem`)];
    const at = ["-attime", String(AT / 1000)];
    expect(openssl("verify", "-x509_strict", "-policy_check", ...at, ...chain, file).trim()).toBe(`${file}: OK`);
  });

  it.skipIf(!hasOpenssl).each(["prov-15118-20", "vehicle-15118-20", "ccu-sha512"] as const)(
    "%s: as seen, OpenSSL refuses the critical identifiers",
    async (type) => {
      const { curve } = CERTIFICATE_TYPES[type];
      const file = join(folder, `${type}-seen.pem`);
      const der = await leaf(type, leaves[curve], { dn: ISSUER, pair: keys[curve] }, { asSeen: true });
      writeFileSync(file, encodePem(der, "CERTIFICATE"));
      const chain = ["-CAfile", join(folder, `${curve}-root.pem`), "-untrusted", join(folder, `${curve}-ca.pem`)];
      const run = spawnSync("openssl", ["verify", "-attime", String(AT / 1000), ...chain, file]);
      expect(run.stderr.toString()).toContain("unhandled critical extension");
    },
  );

  it.skipIf(!hasOpenssl).each(certificateTypes)(
    "%s: carry the profile's extensions in the samples' order, by default and as seen",
    async (type) => {
      const { curve } = CERTIFICATE_TYPES[type];
      for (const mode of ["usual", "asSeen"] as const) {
        const der = await leaf(type, leaves[curve], { dn: ISSUER, pair: keys[curve] }, { asSeen: mode === "asSeen" });
        expect([...shown(der)]).toEqual(WANTED[type][mode]);
      }
    },
  );

  it("write keyUsage as 03 02 03 88 and empty basic constraints", async () => {
    const der = await leaf("prov-15118-2", leaves["P-256"], { dn: ISSUER, pair: keys["P-256"] });
    const { extensions } = parseCertificate(der);
    expect(Buffer.from(extensions.get("2.5.29.15")?.value ?? []).toString("hex")).toBe("03020388");
    expect(Buffer.from(extensions.get("2.5.29.19")?.value ?? []).toString("hex")).toBe("3000");
  });

  it("write the user notice as UTF8String, as seen as VisibleString", async () => {
    const noticeTag = async (asSeen: boolean) => {
      const der = Buffer.from(
        await leaf("ccu-sha256", leaves["P-256"], { dn: ISSUER, pair: keys["P-256"] }, { asSeen }),
      );
      const at = der.indexOf(URLS.notice);
      return [der[at - 2], der[at - 1]];
    };
    expect(await noticeTag(false)).toEqual([0x0c, URLS.notice.length]);
    expect(await noticeTag(true)).toEqual([0x1a, URLS.notice.length]);
  });

  it.skipIf(!hasOpenssl)("write UTCTime up to 2049 and GeneralizedTime later", async () => {
    const der = await leaf("prov-15118-2", leaves["P-256"], { dn: ISSUER, pair: keys["P-256"] });
    const file = join(folder, "time.der");
    writeFileSync(file, der);
    const text = openssl("asn1parse", "-inform", "der", "-in", file);
    expect(text).toMatch(/UTCTIME +:260601120000Z/);
    expect(text).toMatch(/GENERALIZEDTIME +:20560601145959Z/);
  });
});

describe("validity", () => {
  const utc = (text: string) => Date.parse(text);

  it.each([
    // Samples 3.1.3, 3.10.3, 3.13.3 of the source.
    ["prov-15118-2", "2023-02-07T01:10:11Z", "2053-02-07T14:59:59Z"],
    ["ccu-sha256", "2023-02-07T00:26:54Z", "2043-02-07T14:59:59Z"],
    ["ccu-sha512", "2023-02-07T02:02:12Z", "2026-02-07T14:59:59Z"],
    ["ccu-sha512", "2028-02-29T03:00:00Z", "2031-02-28T14:59:59Z"],
    ["ccu-sha256", "2028-02-29T03:00:00Z", "2048-02-29T14:59:59Z"],
    // 31 December 16:00 UTC is 1 January in Korea.
    ["prov-15118-20", "2026-12-31T16:00:00Z", "2057-01-01T14:59:59Z"],
  ] as const)("of %s issued %s ends %s", (type, issued, end) => {
    expect(validity(type, utc(issued))).toEqual({ notBefore: utc(issued), notAfter: utc(end) });
  });

  it("can begin earlier, and still ends by the time of issue", () => {
    const issued = utc("2026-03-01T00:00:00.700Z");
    expect(validity("ccu-sha512", issued, 86_400_000)).toEqual({
      notBefore: utc("2026-02-28T00:00:00Z"),
      notAfter: utc("2029-03-01T14:59:59Z"),
    });
  });
});

describe("reading certificates", () => {
  it("gives back what was written", async () => {
    const der = await ca(ISSUER, keys["P-256"], { dn: ROOT, pair: roots["P-256"] }, { pathLen: 0 });
    expect(parseCertificate(der)).toMatchObject({ isCa: true, pathLen: 0, keyUsage: 0x06, hash: "sha256" });
    const end = parseCertificate(await leaf("ccu-sha512", leaves["P-521"], { dn: ISSUER, pair: keys["P-521"] }));
    expect(end).toMatchObject({
      isCa: false,
      pathLen: undefined,
      keyUsage: 0x88,
      hash: "sha512",
      extKeyUsage: ["1.3.6.1.5.5.7.3.2"],
    });
  });

  it("answers damaged bytes with PKI_UNREADABLE or a certificate, never otherwise", async () => {
    const der = await leaf("ccu-sha256", leaves["P-256"], { dn: ISSUER, pair: keys["P-256"] });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length - 1), (at, byte, length) => {
        const bent = Uint8Array.from(der);
        bent[at] = byte;
        for (const input of [bent, der.subarray(0, length)]) {
          try {
            expect(parseCertificate(input).raw).toBe(input);
          } catch (error) {
            expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
