import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCertificate } from "../../../../src/pki/certificate.js";
import { verifyChain } from "../../../../src/pki/chain.js";
import { decodePem } from "../../../../src/pki/pem.js";
import { CERTIFICATE_TYPES, type CertificateType, certificateTypes } from "../../../../src/pki/types.js";
import { systemClock, VirtualClock } from "../../../../src/shared/clock.js";
import { requireOpenssl, requireTool, works } from "../../../require.js";
import { pair } from "../../pki/helpers.js";
import { csrPem, freshDn, issueBody, type Served, serve } from "./helpers.js";

const hasOpenssl = requireOpenssl();
const hasCerttool = requireTool("certtool", () => works("certtool", ["--version"]), "apt-get install -y gnutls-bin");

const NOW = Date.UTC(2026, 5, 1, 12);
const BASE = "http://pki.plant.example:8080";
const folder = mkdtempSync(join(tmpdir(), "vpki-certificates-"));
let served: Served;
let chain: Uint8Array[];
beforeAll(async () => {
  served = await serve({ clock: new VirtualClock(NOW), config: { baseUrl: BASE } });
  chain = decodePem(readFileSync(served.vpki.chainFile, "utf8"), "CERTIFICATE");
});
afterAll(async () => {
  await served.end();
  rmSync(folder, { recursive: true, force: true });
});

async function issue(type: CertificateType, from = served): Promise<string> {
  const body = issueBody(type, await csrPem(type));
  const answer = await from.post(`${CERTIFICATE_TYPES[type].basePath}/issue`, body);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body.cert ?? "";
}

const der = (pem: string) => decodePem(pem, "CERTIFICATE")[0] ?? new Uint8Array();
const text = (pem: string) => execFileSync("openssl", ["x509", "-noout", "-text"], { input: pem }).toString();

const ISSUER = {
  "prov-15118-2": "C = KR, O = HKMC, OU = ECC, CN = CA01001",
  "prov-15118-20": "C = KR, O = HKMC, OU = ECC DEV, CN = CA05003 DEV",
  "vehicle-15118-20": "C = KR, O = HKMC, OU = ECC DEV, CN = CA05003 DEV",
  "ccu-sha256": "C = KR, O = HKMC, OU = ECC, CN = CA01001",
  "ccu-sha512": "C = KR, O = HKMC, OU = ECC DEV, CN = CA05002 DEV",
};
const CRL = {
  "prov-15118-2": "/ECC/CA01001/crl/Crl1p1Dp4.crl",
  "prov-15118-20": "/ECC/CA05003/crl/Crl1p1Dp1.crl",
  "vehicle-15118-20": "/ECC/CA05003/crl/Crl1p1Dp1.crl",
  "ccu-sha256": "/ECC/CA01001/crl/Crl1p1Dp4.crl",
  "ccu-sha512": undefined,
};

describe.each(certificateTypes)("an issued certificate of type %s", (type) => {
  it.skipIf(!hasOpenssl)("passes openssl verify -x509_strict with the server's chain file alone", async () => {
    const file = join(folder, `${type}.pem`);
    writeFileSync(file, await issue(type));
    const run = ["verify", "-x509_strict", "-attime", String(NOW / 1000), "-CAfile", served.vpki.chainFile, file];
    expect(execFileSync("openssl", run).toString().trim()).toBe(`${file}: OK`);
  });

  it("holds for the station's own check", async () => {
    const isRoot = (ca: Uint8Array) => {
      const { issuer, subject } = parseCertificate(ca);
      return Buffer.from(issuer).equals(subject);
    };
    const [anchors, issuers] = [chain.filter(isRoot), chain.filter((ca) => !isRoot(ca))];
    expect([anchors.length, issuers.length]).toEqual([2, 3]);
    expect(await verifyChain({ leaf: der(await issue(type)), issuers, anchors, at: NOW })).toMatchObject({ ok: true });
  });

  it.skipIf(!hasOpenssl)("names issuer, algorithm and configured addresses as the profile has them", async () => {
    const shown = text(await issue(type));
    expect(shown).toContain(`Issuer: ${ISSUER[type]}\n`);
    expect(shown).toContain(`Signature Algorithm: ecdsa-with-SHA${CERTIFICATE_TYPES[type].hash.slice(3)}`);
    const crl = CRL[type];
    expect(/URI:(\S+crl)$/m.exec(shown)?.[1]).toBe(crl === undefined ? undefined : `${BASE}${crl}`);
    const { authorityInfo } = CERTIFICATE_TYPES[type];
    expect(shown.includes(`OCSP - URI:${BASE}/ECC/OCSP/CA01001`)).toBe(authorityInfo?.ocsp === true);
    expect(shown.includes(`CA Issuers - URI:${BASE}/ECC/cert/CA01001.der`)).toBe(authorityInfo?.caIssuers === true);
  });

  it("comes as PEM with CRLF and no line end behind it", async () => {
    expect(await issue(type)).toMatch(
      /^-----BEGIN CERTIFICATE-----\r\n(?:[A-Za-z0-9+/=]{1,64}\r\n)+-----END CERTIFICATE-----$/,
    );
  });

  it("has a positive serial of 20 octets, another each time", async () => {
    const serials = [await issue(type), await issue(type)].map((pem) => parseCertificate(der(pem)).serial);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{39}$/);
    expect(serials[0]).not.toBe(serials[1]);
  });
});

describe("certtool, which judges by the machine's clock,", () => {
  let real: Served;
  beforeAll(async () => {
    real = await serve({ clock: systemClock });
  });
  afterAll(() => real.end());

  it.skipIf(!hasCerttool).each(certificateTypes)("verifies a certificate of type %s", async (type) => {
    const file = join(folder, `${type}-certtool.pem`);
    writeFileSync(file, await issue(type, real));
    const args = ["--verify", "--load-ca-certificate", real.vpki.chainFile, "--infile", file];
    const run = spawnSync("certtool", args);
    expect(run.stdout.toString() + run.stderr.toString()).toContain("Verified.");
    expect(run.status).toBe(0);
  });
});

describe("the vPKI's settings", () => {
  it.skipIf(!hasOpenssl)("make certificates as seen for the types that ask for it, and for no other", async () => {
    const config = { asSeen: { "vehicle-15118-20": true, "prov-15118-2": true } };
    const seen = await serve({ config });
    expect(text(await issue("vehicle-15118-20", seen))).toContain("Subject Key Identifier: critical");
    expect(text(await issue("ccu-sha512", seen))).not.toContain("Subject Key Identifier: critical");
    expect(text(await issue("prov-15118-2", seen))).toContain("Policy: X509v3 Certificate Policies");
    expect(text(await issue("prov-15118-2"))).toContain("Policy: X509v3 Any Policy");
    await seen.end();
  });

  it("date notBefore back, not notAfter", async () => {
    const back = await serve({ clock: new VirtualClock(NOW), config: { backdateMinutes: 90 } });
    const { notBefore, notAfter } = parseCertificate(der(await issue("ccu-sha512", back)));
    expect([notBefore, notAfter]).toEqual([NOW - 90 * 60_000, Date.UTC(2029, 5, 1, 14, 59, 59)]);
    await back.end();
  });

  it.skipIf(!hasOpenssl)("name the CAs anew, when they are made", async () => {
    const subjects = { CA01001: "cn=Plant CA,o=Example,c=KR" };
    const named = await serve({ config: { subjects } });
    expect(text(await issue("prov-15118-2", named))).toContain("Issuer: C = KR, O = Example, CN = Plant CA\n");
    await named.end();
  });
});

describe("the CA hierarchy", () => {
  it("serves each CA's certificate in DER at its address", async () => {
    const { statusCode, headers, body } = await request(`${served.url}/ECC/cert/CA01001.der`, {
      dispatcher: served.agent,
    });
    expect([statusCode, headers["content-type"]]).toEqual([200, "application/pkix-cert"]);
    const got = new Uint8Array(await body.arrayBuffer());
    expect(chain.some((ca) => Buffer.from(ca).equals(got))).toBe(true);
    const none = await request(`${served.url}/ECC/cert/CA09999.der`, { dispatcher: served.agent });
    expect(none.statusCode).toBe(404);
    await none.body.dump();
  });

  it("keeps its private keys encrypted and for the owner alone", () => {
    for (const name of ["ROOT-P256", "ROOT-P521", "CA01001", "CA05002", "CA05003"]) {
      const file = join(served.dir, "ca", `${name}.key.pem`);
      expect(readFileSync(file, "utf8")).toContain("BEGIN ENCRYPTED PRIVATE KEY");
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(served.dir, "ca", "passphrase")).mode & 0o777).toBe(0o600);
  });

  it("is the same after a restart, and used keys stay used", async () => {
    const first = await serve();
    const bundle = readFileSync(first.vpki.chainFile, "utf8");
    const [dn, keys] = [freshDn("prov-15118-2"), pair("P-256")];
    const body = issueBody("prov-15118-2", await csrPem("prov-15118-2", { dn, pair: keys }));
    expect(await first.post("/api/v1/prov/issue", body)).toMatchObject({ status: 200 });
    await first.stop();
    const second = await serve({ dir: first.dir });
    expect(readFileSync(second.vpki.chainFile, "utf8")).toBe(bundle);
    expect(await second.post("/api/v1/prov/issue", body)).toMatchObject({ status: 403 });
    const again = issueBody("prov-15118-2", await csrPem("prov-15118-2", { dn }));
    expect(await second.post("/api/v1/prov/reissue", again)).toMatchObject({ status: 200 });
    await second.end();
  });

  it("refuses to start on damaged files, naming the file", async () => {
    const made = await serve();
    await made.stop();
    const key = join(made.dir, "ca", "CA01001.key.pem");
    const original = readFileSync(key);
    const expectRefusal = (file: string) =>
      expect(serve({ dir: made.dir })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(file),
      });
    rmSync(key);
    await expectRefusal(key);
    writeFileSync(key, readFileSync(join(made.dir, "ca", "CA05002.key.pem")));
    await expectRefusal("CA01001.pem");
    writeFileSync(key, original);
    writeFileSync(join(made.dir, "ca", "passphrase"), "not the passphrase");
    await expectRefusal("ROOT-P256.key.pem");
    rmSync(made.dir, { recursive: true, force: true });
  });
});
