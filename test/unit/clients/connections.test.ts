import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { serverKeyOf } from "../../../src/clients/connection.js";
import type { KmsClientOptions } from "../../../src/clients/kms.js";
import { breathe } from "../../../src/shared/clock.js";
import { bench, foreignTls, never, type PeerOptions, sleepless, tls } from "./helpers.js";

const DONE = JSON.stringify({ ResultStatus: "Success", ResultReason: "", ResultMessage: "" });
const RESULT = {
  kind: "key",
  type: "EcuMasterKey",
  ecuId: "0".repeat(54),
  keyId: "1",
  status: "Success",
  message: "",
  correlationId: undefined,
} as const;

const { serve: serveAny, kmsAt: kmsOf } = bench();

/** A KMS with TLS options of its own. */
const serve = (options: PeerOptions = {}) => serveAny(() => ({ body: DONE }), options);
const kmsAt = (url: string, options: Partial<KmsClientOptions> = {}) => kmsOf([url], options);

test("requests one after the other go over one connection", async () => {
  const server = await serve();
  const client = await kmsAt(server.url);
  for (let i = 0; i < 5; i++) {
    await client.report(RESULT, `k${i}`, never);
    // A connection is free again a turn of the event loop behind its answer.
    await breathe();
  }
  expect(server.connections.size).toBe(1);
  expect(server.seen).toHaveLength(5);
});

test("the station shows its certificate to a server that asks for one", async () => {
  const { caPem, clientCertPem } = await tls();
  const server = await serve({ ca: caPem, requestCert: true, rejectUnauthorized: true });
  await (await kmsAt(server.url)).report(RESULT, "k", never);
  expect(server.seen.map(({ client }) => client)).toEqual([new X509Certificate(clientCertPem).subject]);
});

test("a server that speaks nothing newer than TLS 1.1 is left at once", async () => {
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const server = await serve(old);
  const { clock, pauses } = sleepless();
  await expect((await kmsAt(server.url, { clock })).report(RESULT, "k", never)).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
    message: expect.stringMatching(/protocol version|unsupported protocol/i),
  });
  expect(pauses).toEqual([]);
  expect(server.seen).toEqual([]);
});

test("a server of the right CA whose key is not pinned gets nothing", async () => {
  const server = await serve();
  const { certPem } = await foreignTls();
  const foreign = serverKeyOf(new X509Certificate(certPem).raw);
  const client = await kmsAt(server.url, { serverKeys: [foreign] });
  await expect(client.ping(never)).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
    message: expect.stringContaining("is none of serverKeys"),
  });
  await expect(client.report(RESULT, "k", never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
  expect(server.seen).toEqual([]);
});

test("one of several pinned keys is enough, beside the right CA and name", async () => {
  const { certPem, caPem } = await tls();
  const foreign = await foreignTls();
  const keyOf = (pem: string) => serverKeyOf(new X509Certificate(pem).raw);
  const serverKeys = [keyOf(foreign.certPem), keyOf(certPem)];
  await (await kmsAt((await serve()).url, { serverKeys })).report(RESULT, "k", never);
  // A pinned key alone is no certificate.
  const other = await serve({ cert: foreign.certPem, key: foreign.keyPem });
  await expect((await kmsAt(other.url, { serverKeys, ca: caPem })).ping(never)).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
  });
});

test("a pin is what OpenSSL prints of the key", async () => {
  // openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
  const pem = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUFQxrRgm+DKdT7xwLdjgPrPyMT9wwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGc2VydmVyMCAXDTI2MTEyMjA3Mjc1MloYDzIxMjYxMDI5MDcy
NzUyWjARMQ8wDQYDVQQDDAZzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQZGHO5e6ElVqJ6q1Q/7SQe72gAE9R/yG61u08wV+JR91rMdJZa6c65W4JU4jvX
ytLCleOM3tm33WZ8dK96/W9yo1MwUTAdBgNVHQ4EFgQUAB9Hvq/6sdfmGoObCzhp
7iwi0wcwHwYDVR0jBBgwFoAUAB9Hvq/6sdfmGoObCzhp7iwi0wcwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBpcn7l+h8nbFXHIF9hb1gkRdNcW1zm
OKWQ5Mja/LA3ugIgBqNO1Uk1xjijeQQrcfMr7Bpoy35BRgB4HSQyTjrxZrQ=
-----END CERTIFICATE-----`;
  expect(serverKeyOf(new X509Certificate(pem).raw)).toBe("sha256/4iWPcE/DsSzRevHE+njVa6BH4R1HdlhVt21mjucTtos=");
});
