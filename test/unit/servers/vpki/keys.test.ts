import { createPublicKey, ECDH } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../../../src/db/database.js";
import { parseCertificate } from "../../../../src/pki/certificate.js";
import { buildCsr, encodePem } from "../../../../src/pki/csr.js";
import { bitString, readAll, readWhole, sequence } from "../../../../src/pki/der.js";
import { signer } from "../../../../src/pki/keys.js";
import { encodeName, nameKey, parseDn } from "../../../../src/pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../../src/pki/types.js";
import { vpkiStore } from "../../../../src/servers/vpki/store/store.js";
import { soundRows } from "../../audit/helpers.js";
import { pair } from "../../pki/helpers.js";
import { type Answer, type CsrOptions, csrPem, freshDn, issueBody, type Served, serve } from "./helpers.js";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.end());

async function send(
  type: CertificateType,
  operation: "issue" | "reissue",
  options: CsrOptions = {},
  idempotency?: string,
): Promise<Answer> {
  const body = issueBody(type, await csrPem(type, options));
  const path = `${CERTIFICATE_TYPES[type].basePath}/${operation}`;
  return served.post(path, body, idempotency === undefined ? {} : { "Idempotency-Key": idempotency });
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort();
const used = { status: 403, body: { resultMessage: "Same key already used" } };

describe("a public key", () => {
  it("can be used once over all types and names", async () => {
    const small = pair("P-256");
    expect(await send("prov-15118-2", "issue", { pair: small })).toMatchObject({ status: 200 });
    expect(await send("ccu-sha256", "issue", { pair: small })).toEqual(used);
    const big = pair("P-521");
    expect(await send("vehicle-15118-20", "issue", { pair: big })).toMatchObject({ status: 200 });
    expect(await send("prov-15118-20", "issue", { pair: big })).toEqual(used);
    expect(await send("ccu-sha512", "issue", { pair: big })).toEqual(used);
  });

  it("goes to one of two requests that come at once", async () => {
    for (let round = 0; round < 5; round++) {
      const keys = pair("P-256");
      const all = [1, 2, 3, 4].map((n) => send(n % 2 === 0 ? "prov-15118-2" : "ccu-sha256", "issue", { pair: keys }));
      expect(statuses(await Promise.all(all))).toEqual([200, 403, 403, 403]);
    }
  });

  it("stays used after its certificate was revoked", async () => {
    const [dn, keys] = [freshDn("prov-15118-2"), pair("P-256")];
    expect(await send("prov-15118-2", "issue", { dn, pair: keys })).toMatchObject({ status: 200 });
    expect(await served.post("/api/v1/prov/revoke", { dn })).toMatchObject({ status: 200 });
    expect(await send("prov-15118-2", "reissue", { dn, pair: keys })).toEqual(used);
  });

  it("is not used up by a request that was refused", async () => {
    const [dn, keys] = [freshDn("prov-15118-2"), pair("P-256")];
    expect(await send("prov-15118-2", "reissue", { dn, pair: keys })).toMatchObject({ status: 404 });
    expect(await send("prov-15118-2", "issue", { dn, pair: keys })).toMatchObject({ status: 200 });
  });

  it("is the same key in its compressed form", async () => {
    const keys = pair("P-256");
    expect(await send("prov-15118-2", "issue", { pair: keys })).toMatchObject({ status: 200 });
    const point = ECDH.convertKey(Buffer.from(keys.public.point), "prime256v1", undefined, undefined, "compressed");
    const [algorithm] = readAll(readWhole(keys.public.spki).content);
    const publicKey = sequence(algorithm?.raw ?? new Uint8Array(), bitString(Buffer.from(point)));
    expect(createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" }).asymmetricKeyType).toBe("ec");
    const subject = encodeName(parseDn(freshDn("prov-15118-2")));
    const sign = signer(keys.key, "sha256");
    const csr = await buildCsr({ subject, publicKey, attributes: new Uint8Array(), hash: "sha256", sign });
    const body = issueBody("prov-15118-2", encodePem(csr, "CERTIFICATE REQUEST"));
    expect(await served.post("/api/v1/prov/issue", body)).toEqual(used);
  });
});

describe("the name spaces of the types", () => {
  it("do not touch: a name of one is unknown to another, and revoking there changes nothing here", async () => {
    const dn = freshDn("ccu-sha256").replace("ou=P001,ou=C001", "ou=P002,ou=C002");
    const change = { unitCode: "C002", tierCode: "P002" };
    const first = issueBody("ccu-sha256", await csrPem("ccu-sha256", { dn }), change);
    expect(await served.post("/api/v1/est/issue", first)).toMatchObject({ status: 200 });
    expect(await send("ccu-sha512", "reissue", { dn })).toMatchObject({ status: 404 });
    expect(await served.post("/api/v2/est/revoke", { dn })).toMatchObject({ status: 404 });
    expect(await send("ccu-sha512", "issue", { dn })).toMatchObject({ status: 200 });
    expect(await served.post("/api/v2/est/revoke", { dn })).toEqual({ status: 200, body: {} });
    const rows = await open();
    const held = async (type: string) => rows.call("listCertificates", { type, nameKey: nameKey(parseDn(dn)) });
    expect((await held("ccu-sha256")).map(({ revokedAt }) => revokedAt)).toEqual([null]);
    expect((await held("ccu-sha512")).map(({ revokedAt }) => revokedAt)).toEqual([expect.any(Number)]);
    expect(await served.post("/api/v1/est/revoke", { dn })).toEqual({ status: 200, body: {} });
  });
});

const open = () => served.stores.open(vpkiStore, join(served.dir, "vpki.sqlite"));

describe("the Idempotency-Key header", () => {
  it("gives the same request the identical answer", async () => {
    const dn = freshDn("prov-15118-2");
    const body = issueBody("prov-15118-2", await csrPem("prov-15118-2", { dn }));
    const first = await served.post("/api/v1/prov/issue", body, { "Idempotency-Key": "same-1" });
    expect(first).toMatchObject({ status: 200 });
    expect(await served.post("/api/v1/prov/issue", body, { "Idempotency-Key": "same-1" })).toEqual(first);
    expect(await served.post("/api/v1/prov/issue", body)).toEqual(used);
  });

  it("gives it also to requests that come at once", async () => {
    const body = issueBody("prov-15118-2", await csrPem("prov-15118-2"));
    const all = [1, 2, 3, 4].map(() => served.post("/api/v1/prov/issue", body, { "Idempotency-Key": "same-2" }));
    const answers = await Promise.all(all);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200 });
  });

  it("answers 406 when another body or path comes under it", async () => {
    const conflict = { status: 406, body: { resultMessage: "Idempotency-Key already used for another request" } };
    const dn = freshDn("prov-15118-2");
    expect(await send("prov-15118-2", "issue", { dn }, "other-1")).toMatchObject({ status: 200 });
    expect(await send("prov-15118-2", "issue", { dn }, "other-1")).toEqual(conflict);
    expect(await served.post("/api/v1/prov/revoke", { dn }, { "Idempotency-Key": "other-1" })).toEqual(conflict);
  });

  it("answers 400 when it is no 1 to 200 visible characters", async () => {
    for (const key of ["a b", "x".repeat(201), ""])
      expect(await send("prov-15118-2", "issue", {}, key)).toMatchObject({ status: 400 });
  });

  it("makes a revocation repeatable", async () => {
    const dn = freshDn("prov-15118-2");
    expect(await send("prov-15118-2", "issue", { dn })).toMatchObject({ status: 200 });
    for (let time = 0; time < 2; time++)
      expect(await served.post("/api/v1/prov/revoke", { dn }, { "Idempotency-Key": "revoke-1" })).toEqual({
        status: 200,
        body: {},
      });
    expect(await served.post("/api/v1/prov/revoke", { dn })).toMatchObject({ status: 403 });
  });
});

describe("the audit rows", () => {
  it("hold codes and CSR attributes, which are not in the certificate", async () => {
    const attributes = [
      { oid: "1.3.6.1.1.1.1.22", type: "utf8", value: "38-BA-F8-06-00-9A" },
      { oid: "1.2.840.113549.1.9.7", type: "ia5", value: "Test Challenge Password!" },
    ] as const;
    const dn = freshDn("ccu-sha512");
    const answer = await send("ccu-sha512", "issue", { dn, attributes });
    expect(answer).toMatchObject({ status: 200 });
    const der = Buffer.from((answer.body.cert ?? "").replace(/-----[^-]+-----|\s/g, ""), "base64");
    expect(der.includes("Test Challenge")).toBe(false);
    expect(await served.post("/api/v2/est/revoke", { dn })).toMatchObject({ status: 200 });
    const database = openDatabase(join(served.dir, "vpki.sqlite"));
    const rows = (await soundRows(database)).filter((row) => row.subject === dn);
    database.close();
    expect(rows.map(({ action, outcome }) => [action, outcome])).toEqual([
      ["issue", "issued"],
      ["revoke", "revoked"],
    ]);
    const [issued, revoked] = rows.map((row) => JSON.parse(String(row.details)) as Record<string, unknown>);
    expect(revoked).toEqual({ type: "ccu-sha512", serials: [issued?.serial], requestId: expect.any(String) });
    expect(rows[0]?.actor).toMatch(/^127\.0\.0\.1 .*CN=station/);
    expect(issued).toEqual({
      type: "ccu-sha512",
      serial: parseCertificate(der).serial,
      issuer: "CA05002",
      unitCode: "C002",
      tierCode: "P002",
      vehicleCode: "SX2",
      localCode: "KR",
      brandCode: "HMC",
      attributes: attributes.map(({ oid, value }) => ({ oid, value })),
      requestId: expect.any(String),
    });
  });
});
