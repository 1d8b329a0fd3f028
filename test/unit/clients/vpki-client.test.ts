import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { createVpkiClient, type VpkiClientOptions } from "../../../src/clients/vpki.js";
import type { CertificateRequest } from "../../../src/station/ports.js";
import { bench, credentials, deadUrl, never, sleepless, tls } from "./helpers.js";

const REQUEST: CertificateRequest = {
  type: "prov-15118-20",
  csrPem: "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
  unitCode: "C001",
  tierCode: "P001",
  vehicleCode: "SX2",
  localCode: "KR",
  brandCode: "HMC",
};

const { keep, serve } = bench();

async function vpkiAt(url: string, chain?: VpkiClientOptions["chain"]) {
  return keep(
    createVpkiClient({
      baseUrls: [url],
      ...(await credentials()),
      clock: sleepless().clock,
      chain: chain ?? (async () => ({ issuers: [], anchors: [] })),
      chainName: "ecu-chain.pem",
    }),
  );
}

const message = (resultMessage: string) => JSON.stringify({ resultMessage });

test("issue and reissue send the source's fields to the type's path and give the certificate in DER", async () => {
  const pem = (await tls()).clientCertPem;
  const server = await serve(() => ({ body: JSON.stringify({ cert: pem.replaceAll("\n", "\r\n").trim() }) }));
  const client = await vpkiAt(server.url);
  for (const operation of ["issue", "reissue"] as const) {
    const answer = await client[operation](REQUEST, `id-${operation}`, never);
    if (answer.kind !== "issued") throw new Error("not issued");
    const base64 = Buffer.from(answer.certificate).toString("base64");
    expect(pem.replaceAll("\n", "")).toContain(base64);
  }
  const { type: _, csrPem: csr, ...codes } = REQUEST;
  expect(server.seen.map(({ url, headers, body }) => [url, headers["idempotency-key"], JSON.parse(body)])).toEqual([
    ["/api/v2/prov/issue", "id-issue", { csr, ...codes }],
    ["/api/v2/prov/reissue", "id-reissue", { csr, ...codes }],
  ]);
});

test.each([
  ["issue", 403, message("Same key already used"), { kind: "key-used" }],
  ["reissue", 403, message("Same key already used"), { kind: "key-used" }],
  ["reissue", 404, message("No certificates on this DN. Please issue first."), { kind: "unknown-dn" }],
] as const)("%s answered %i is no error", async (operation, status, body, expected) => {
  const client = await vpkiAt((await serve(() => ({ status, body }))).url);
  expect(await client[operation](REQUEST, "k", never)).toEqual(expected);
});

test.each([
  ["issue", 400, message("TierCode is empty"), "VPKI_REJECTED", "400 TierCode is empty"],
  ["issue", 406, message("DN Format Error: cn=x"), "VPKI_REJECTED", "406 DN Format Error: cn=x"],
  ["issue", 404, message("Not here"), "VPKI_REJECTED", "404 Not here"],
  ["issue", 403, "<html>Forbidden</html>", "VPKI_FAULT", "access was refused (403)"],
  ["issue", 401, message("not for you"), "VPKI_REJECTED", "401 not for you"],
  ["issue", 401, '{"message":"x"}', "VPKI_REJECTED", "401 this station is not on its allow list"],
  ["reissue", 404, '{"message":"Not Found"}', "VPKI_FAULT", "wrong answer (404)"],
  ["issue", 500, message("Internal Server Error"), "VPKI_FAULT", "it answered 500"],
  ["issue", 200, "{}", "VPKI_FAULT", "wrong answer (200)"],
  ["issue", 200, '{"cert":"hello"}', "VPKI_FAULT", "cert is not one certificate in PEM"],
  [
    "issue",
    200,
    '{"cert":"-----BEGIN CERTIFICATE-----\\r\\nAAAA\\r\\n-----END CERTIFICATE-----"}',
    "VPKI_FAULT",
    "cert cannot be read",
  ],
] as const)("%s answered %i %s is %s", async (operation, status, body, code, text) => {
  const client = await vpkiAt((await serve(() => ({ status, body }))).url);
  await expect(client[operation](REQUEST, "k", never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(text),
  });
});

test.each([
  [200, "{}", "revoked"],
  [403, message("already revoked"), "already-revoked"],
  [404, message("no cert exists on dn cn=x"), "unknown-dn"],
])("revoke answered %i %s is %s", async (status, body, expected) => {
  const server = await serve(() => ({ status, body }));
  const client = await vpkiAt(server.url);
  expect(await client.revoke("ccu-sha256", "cn=x,c=KR", never)).toBe(expected);
  expect(server.seen[0]).toMatchObject({ method: "POST", url: "/api/v1/est/revoke", body: '{"dn":"cn=x,c=KR"}' });
});

test("a vPKI that is down is VPKI_UNREACHABLE", async () => {
  const client = await vpkiAt(await deadUrl());
  await expect(client.ping(never)).rejects.toMatchObject({ code: "VPKI_UNREACHABLE" });
  await expect(client.revoke("ccu-sha256", "cn=x", never)).rejects.toMatchObject({ code: "VPKI_UNREACHABLE" });
});

test("the chain comes out of a PEM bundle by who issued whom", async () => {
  const { caPem, clientCertPem } = await tls();
  const client = await vpkiAt("https://127.0.0.1:1", caPem);
  const chain = await client.chain(new Uint8Array(new X509Certificate(clientCertPem).raw), never);
  expect(chain.issuers).toEqual([]);
  expect(chain.anchors.map((der) => Buffer.from(der).toString("base64"))).toEqual([
    caPem.replace(/-----[^-]+-----|\s/g, ""),
  ]);
  await expect(vpkiAt("https://127.0.0.1:1", "")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(vpkiAt("https://127.0.0.1:1", `${caPem}${clientCertPem}`)).rejects.toMatchObject({
    details: { what: "ecu-chain.pem: certificate 2 is no CA certificate" },
  });
});
