import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { certificateTypes } from "../../../../src/pki/types.js";
import { requireOpenssl, requireTool, works } from "../../../require.js";
import { type Served, serve } from "./helpers.js";
import { CA_OF, CRL_OF, type Issued, issued, issuerFile, revoke, run, shownCrl } from "./status-helpers.js";

const hasOpenssl = requireOpenssl();
const hasGnutls = requireTool(
  "certtool and ocsptool",
  () => ["certtool", "ocsptool"].every((tool) => works(tool, ["--version"])),
  "apt-get install -y gnutls-bin",
);

const folder = mkdtempSync(join(tmpdir(), "vpki-revocation-"));
let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(async () => {
  await served.end();
  rmSync(folder, { recursive: true, force: true });
});

/** `openssl ocsp` as a verifier runs it; the whole answer is verified to the root. */
async function opensslOcsp(
  unit: Issued,
  options: readonly string[] = [],
  also: readonly string[] = [],
): Promise<string> {
  const ca = CA_OF[unit.type];
  const issuer = await issuerFile(served, folder, ca);
  const args = ["ocsp", ...options, "-issuer", issuer, "-cert", unit.file, ...also, "-CAfile", served.vpki.chainFile];
  const { output } = await run("openssl", [...args, "-url", `${served.statusUrl}/ECC/OCSP/${ca}`]);
  expect(output).toContain("Response verify OK");
  expect(output).not.toContain("WARNING");
  return output;
}

/** `openssl verify` of a certificate against chain and CRL. */
async function opensslVerify(unit: Issued, crl: string): Promise<string> {
  const root = await shownCrl(
    `${served.statusUrl}/ECC/${CA_OF[unit.type] === "CA01001" ? "ROOT-P256" : "ROOT-P521"}/crl/Root.crl`,
    folder,
  );
  const pems = await Promise.all(
    [crl, root.file].map(async (file, i) => {
      const pem = join(folder, `verify-${unit.serial}-${i}.pem`);
      await run("openssl", ["crl", "-inform", "DER", "-in", file, "-out", pem]);
      return pem;
    }),
  );
  const lists = pems.flatMap((file) => ["-CRLfile", file]);
  const args = ["verify", "-x509_strict", "-crl_check_all", ...lists, "-CAfile", served.vpki.chainFile, unit.file];
  return (await run("openssl", args)).output;
}

describe.skipIf(!hasOpenssl).each(certificateTypes)("a certificate of type %s", (type) => {
  it("is good for OpenSSL by OCSP and CRL, and revoked by both as soon as the revocation is answered", async () => {
    const unit = await issued(served, folder, type);
    const url = `${served.statusUrl}${CRL_OF[type]}`;
    const before = await shownCrl(url, folder);
    expect(await opensslOcsp(unit)).toContain(`${unit.file}: good`);
    expect(await opensslVerify(unit, before.file)).toContain(`${unit.file}: OK`);

    await revoke(served, unit);
    const ocsp = await opensslOcsp(unit);
    expect(ocsp).toContain(`${unit.file}: revoked`);
    expect(ocsp).not.toContain("Reason:");
    const after = await shownCrl(url, folder);
    expect(after.number).toBeGreaterThan(before.number);
    expect(after.text).toContain(`Serial Number: ${unit.serial}`);
    expect(await opensslVerify(unit, after.file)).toContain("certificate revoked");
  });

  it.skipIf(!hasGnutls)("is the same for GnuTLS", async () => {
    const unit = await issued(served, folder, type);
    const issuer = await issuerFile(served, folder, CA_OF[type]);
    const ask = () =>
      run("ocsptool", [
        `--ask=${served.statusUrl}/ECC/OCSP/${CA_OF[type]}`,
        ...["--load-issuer", issuer, "--load-cert", unit.file, "--load-trust", served.vpki.chainFile, "--nonce"],
      ]);
    const good = await ask();
    expect(good.output).toContain("Certificate Status: good");
    expect(good.output).toContain("Verifying OCSP Response: Success");
    await revoke(served, unit);
    const revoked = await ask();
    expect(revoked.output).toContain("Certificate Status: revoked");
    const { file } = await shownCrl(`${served.statusUrl}${CRL_OF[type]}`, folder);
    const shown = await run("certtool", ["--crl-info", "--inder", "--infile", file]);
    expect(shown.output).toContain(unit.serial.toLowerCase());
    const pem = `${file}.pem`;
    await run("openssl", ["crl", "-inform", "DER", "-in", file, "-out", pem]);
    const checked = await run("certtool", ["--verify-crl", "--load-ca-certificate", issuer, "--infile", pem]);
    expect(checked.output).toContain("Verified");
    expect(checked.code).toBe(0);
  });
});

describe.skipIf(!hasOpenssl)("a CRL", () => {
  it("of certificates that name a distribution point has that address in a critical extension, and is whole otherwise", async () => {
    const part = await shownCrl(`${served.statusUrl}/ECC/CA01001/crl/Crl1p1Dp4.crl`, folder);
    expect(part.text).toMatch(/X509v3 Issuing Distribution Point: critical\s+Full Name:\s+URI:(\S+)/);
    expect(part.text).toContain(`URI:${served.statusUrl}/ECC/CA01001/crl/Crl1p1Dp4.crl`);
    for (const path of ["CA05002/crl/Crl1p1Dp1.crl", "ROOT-P256/crl/Root.crl"]) {
      const whole = await shownCrl(`${served.statusUrl}/ECC/${path}`, folder);
      expect(whole.text).not.toContain("Issuing Distribution Point");
      expect(whole.text).toContain("Version 2 (0x1)");
      expect(whole.text).toContain("X509v3 Authority Key Identifier");
    }
  });

  it("goes on with the next number after a restart, at the same address also when the port has changed", async () => {
    const first = await serve();
    const unit = await issued(first, folder, "ccu-sha256");
    await revoke(first, unit);
    const before = await shownCrl(`${first.statusUrl}${CRL_OF["ccu-sha256"]}`, folder);
    await first.stop();
    const second = await serve({ dir: first.dir });
    const after = await shownCrl(`${second.statusUrl}${CRL_OF["ccu-sha256"]}`, folder);
    expect(after.number).toBeGreaterThan(before.number);
    expect(after.text).toContain(`Serial Number: ${unit.serial}`);
    for (const url of [first.statusUrl, second.statusUrl])
      expect(after.text).toContain(`URI:${url}${CRL_OF["ccu-sha256"]}`);
    await second.end();
  });

  it("is the same bytes until something changes, for restarts too", async () => {
    const config = { baseUrl: "http://pki.example" };
    const first = await serve({ config });
    const url = (of: Served) => `${of.statusUrl}/ECC/CA05003/crl/Crl1p1Dp1.crl`;
    const one = await fetch(url(first));
    const [etag, bytes] = [one.headers.get("etag") ?? "", Buffer.from(await one.arrayBuffer())];
    expect(one.headers.get("content-type")).toBe("application/pkix-crl");
    expect((await fetch(url(first), { headers: { "if-none-match": etag } })).status).toBe(304);
    await first.stop();
    const second = await serve({ dir: first.dir, config });
    const again = await fetch(url(second));
    expect(Buffer.from(await again.arrayBuffer()).equals(bytes)).toBe(true);
    const unit = await issued(second, folder, "prov-15118-20");
    await revoke(second, unit);
    expect((await fetch(url(second), { headers: { "if-none-match": etag } })).status).toBe(200);
    await second.end();
  });
});

describe.skipIf(!hasOpenssl)("OCSP with OpenSSL", () => {
  it("answers by SHA-1 and SHA-256, with and without a nonce, and about several certificates at once", async () => {
    const [one, two] = [await issued(served, folder, "ccu-sha256"), await issued(served, folder, "prov-15118-2")];
    await revoke(served, two);
    for (const hash of ["-sha1", "-sha256"])
      for (const nonce of ["-nonce", "-no_nonce"]) {
        const output = await opensslOcsp(one, [hash, nonce], [hash, "-cert", two.file]);
        expect(output).toContain(`${two.file}: revoked`);
        expect(output).toContain(`${one.file}: good`);
      }
  });

  it("answers unknown for a serial that was never given, and unauthorized for another CA's certificate", async () => {
    const issuer = await issuerFile(served, folder, "CA01001");
    const url = ["-url", `${served.statusUrl}/ECC/OCSP/CA01001`, "-CAfile", served.vpki.chainFile];
    const unknown = await run("openssl", ["ocsp", "-issuer", issuer, "-serial", "0x4711", ...url]);
    expect(unknown.output).toContain("0x4711: unknown");
    const other = await issuerFile(served, folder, "CA05003");
    const foreign = await run("openssl", ["ocsp", "-issuer", other, "-serial", "0x4711", ...url]);
    expect(foreign.output).toContain("unauthorized");
  });

  it("signs by a delegated signer of its own, with OCSPSigning and nocheck", async () => {
    const unit = await issued(served, folder, "vehicle-15118-20");
    const output = await opensslOcsp(unit, ["-resp_text"]);
    for (const part of ["OCSP Signing", "OCSP No Check", "CN=CA05003 OCSP", "Responder Id: ", "ecdsa-with-SHA512"])
      expect(output).toContain(part);
    expect(output).toMatch(/Produced At: \w+ +\d+ \d\d:\d\d:\d\d 20\d\d GMT/);
  });
});
