/** CRL and OCSP of a vPKI whose CA keys are in SoftHSM2, judged by OpenSSL. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, it } from "vitest";
import { encodePem } from "../../src/pki/pem.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../src/pki/types.js";
import { type Servers, start, tempFolder } from "../system/harness.js";
import { csrPem, freshDn, issueBody } from "../unit/servers/vpki/helpers.js";
import { CA_OF, CRL_OF } from "../unit/servers/vpki/status-helpers.js";
import { MODULE, requireSoftHsm, SoftHsm } from "./softhsm.js";

const present = requireSoftHsm();

function openssl(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}

describe.runIf(present)("revocation with CA keys in a token", () => {
  it("is what OpenSSL sees by CRL and OCSP, for all five types", async () => {
    const hsm = new SoftHsm("plant");
    const folder = tempFolder("token-revocation");
    const [config, data] = [join(folder, "station.yaml"), join(folder, "data")];
    const keys = `caKeys: { pkcs11: { module: "${MODULE}", token: plant, pinFile: ${hsm.pinFile} } }`;
    writeFileSync(config, `schema: 1\nmode: simulator\nservers: { embedded: { ${keys} } }\n`);
    const running = start("ecustation", ["--config", config, "--data", data, "servers"], {
      env: hsm.env,
      limit: 120_000,
    });
    const first = JSON.parse(await running.line(() => true)) as Servers;
    const [ca, cert, key] = [first.ca, first.clientCert, first.clientKey].map((file) => readFileSync(file));
    const dispatcher = new Agent({ connect: { ca: ca ?? "", cert: cert ?? "", key: key ?? "" } });
    const post = async (path: string, body: unknown) => {
      const options = { method: "POST", body: JSON.stringify(body), dispatcher } as const;
      const answer = await request(`${first.vpki}${path}`, options);
      expect([path, answer.statusCode]).toEqual([path, 200]);
      return (await answer.body.json()) as { cert?: string };
    };
    const base = `http://127.0.0.1:${readFileSync(join(data, "servers/status-port"), "utf8").trim()}`;
    const fetched = async (path: string, label: string) => {
      const file = join(folder, path.replaceAll("/", "-"));
      const der = new Uint8Array(await (await fetch(base + path)).arrayBuffer());
      writeFileSync(file, encodePem(der, label));
      return file;
    };
    const chain = join(data, "servers/vpki/chain.pem");

    for (const type of certificateTypes) {
      const dn = freshDn(type);
      const unit = join(folder, `${type}.pem`);
      const { basePath } = CERTIFICATE_TYPES[type];
      const issued = await post(`${basePath}/issue`, issueBody(type, await csrPem(type, { dn })));
      writeFileSync(unit, issued.cert ?? "");
      const issuer = await fetched(`/ECC/cert/${CA_OF[type]}.der`, "CERTIFICATE");
      const states = async () => {
        const crl = await fetched(CRL_OF[type], "X509 CRL");
        const url = `${base}/ECC/OCSP/${CA_OF[type]}`;
        return [
          await openssl("ocsp", "-issuer", issuer, "-cert", unit, "-CAfile", chain, "-url", url),
          await openssl("verify", "-crl_check", "-CRLfile", crl, "-CAfile", chain, unit),
        ];
      };
      const [goodOcsp, goodCrl] = await states();
      expect(goodOcsp).toContain("Response verify OK");
      expect(goodOcsp).toContain(`${unit}: good`);
      expect(goodCrl).toContain(`${unit}: OK`);
      await post(`${basePath}/revoke`, { dn });
      const [ocsp, crl] = await states();
      expect(ocsp).toContain(`${unit}: revoked`);
      expect(crl).toContain("certificate revoked");
    }
    await dispatcher.close();
    await running.stop();
  });
});
