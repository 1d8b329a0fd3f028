import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { expect, it } from "vitest";
import { csrPem, SAMPLE_CODES } from "../../src/cli/bench/csr.js";
import { parseDn } from "../../src/pki/names.js";
import { type Servers, startServers, tempFolder } from "./harness.js";

const DN = "cn=revocation.test.com,ou=P001,ou=C001,ou=ECC,o=HKMC,c=KR";

function post(
  servers: Servers,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, string> }> {
  const [ca, cert, key] = [servers.ca, servers.clientCert, servers.clientKey].map((file) => readFileSync(file));
  return new Promise((resolve, reject) => {
    const url = new URL(path, servers.vpki);
    const sent = request(url, { method: "POST", ca, cert, key, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

const csr = (key: KeyObject) => csrPem(key, parseDn(DN), "sha256");

const get = async (url: string) => {
  const answer = await fetch(url);
  return {
    status: answer.status,
    type: answer.headers.get("content-type"),
    body: Buffer.from(await answer.arrayBuffer()),
  };
};

/** Addresses in a certificate: strings of fewer than 128 bytes, each behind its length. */
function urlsOf(der: Buffer): string[] {
  const urls: string[] = [];
  for (let at = der.indexOf("http://"); at > 0; at = der.indexOf("http://", at + 1))
    urls.push(der.subarray(at, at + (der[at - 1] ?? 0)).toString());
  return urls;
}

it("every address in a certificate of ecustation servers answers, also after a restart", async () => {
  const data = tempFolder("revocation");
  let servers = await startServers(["--data", data]);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const body = {
    csr: await csr(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }))),
    ...SAMPLE_CODES,
  };
  const issued = await post(servers, "/api/v1/est/issue", body);
  expect(issued.status).toBe(200);
  const certificate = new X509Certificate(issued.body.cert ?? "");
  const urls = urlsOf(certificate.raw);
  const at = (part: string) => urls.find((url) => url.includes(part)) ?? "";
  const serial = Buffer.from(certificate.serialNumber, "hex");
  expect(urls.map((url) => new URL(url).pathname).sort()).toEqual(
    ["/ECC/CA01001/crl/Crl1p1Dp4.crl", "/ECC/OCSP/CA01001", "/ECC/cert/CA01001.der", "/cps", "/repository"].sort(),
  );

  for (const round of ["first", "after a restart"]) {
    const [crl, ca, ocsp] = [await get(at("/crl/")), await get(at("/cert/")), await get(`${at("/OCSP/")}/AAAA`)];
    expect([round, crl.status, crl.type]).toEqual([round, 200, "application/pkix-crl"]);
    expect([ca.status, certificate.verify(new X509Certificate(ca.body).publicKey)]).toEqual([200, true]);
    expect([ocsp.status, ocsp.type]).toEqual([200, "application/ocsp-response"]);
    for (const text of ["/cps", "/repository"]) expect((await get(at(text))).status).toBe(200);
    expect(crl.body.includes(serial)).toBe(false);
    if (round === "first") {
      await servers.stop();
      servers = await startServers(["--data", data]);
    }
  }
  expect((await post(servers, "/api/v1/est/revoke", { dn: DN })).status).toBe(200);
  expect((await get(at("/crl/"))).body.includes(serial)).toBe(true);
  await servers.stop();
});
