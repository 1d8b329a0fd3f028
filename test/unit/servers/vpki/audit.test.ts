import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate, openDatabase } from "../../../../src/db/database.js";
import { store } from "../../../../src/servers/vpki/store/store.js";
import { soundRows } from "../../audit/helpers.js";
import { pair } from "../../pki/helpers.js";
import { csrPem, freshDn, issueBody, type Served, serve } from "./helpers.js";
import { fetchBytes, ocspQuestion } from "./status-helpers.js";

const TYPE = "prov-15118-2";
let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.end());

async function rows() {
  const database = openDatabase(join(served.dir, "vpki.sqlite"));
  try {
    return await soundRows(database);
  } finally {
    database.close();
  }
}

/** The rows that `work` brought. */
async function rowsBy(work: () => Promise<unknown>) {
  const before = (await rows()).length;
  await work();
  return (await rows()).slice(before).map(({ action, outcome, subject, actor, details }) => {
    const { failure, status, type } = JSON.parse(String(details)) as Record<string, unknown>;
    return { action, outcome, subject, actor, failure, status, type };
  });
}

const issue = async (dn: string, headers = {}, change: Record<string, unknown> = {}, keys = pair("P-256")) => {
  const csr = await csrPem(TYPE, { dn, pair: keys });
  return served.post("/api/v1/prov/issue", issueBody(TYPE, csr, change), headers);
};

describe("a decision of the vPKI is one row of its chain", () => {
  it("also where it revokes several certificates at once", async () => {
    const dn = freshDn(TYPE);
    const made = await rowsBy(async () => {
      await issue(dn);
      await issue(dn);
      await served.post("/api/v1/prov/revoke", { dn });
    });
    expect(made.map(({ action, outcome, subject }) => [action, outcome, subject])).toEqual([
      ["issue", "issued", dn],
      ["issue", "issued", dn],
      ["revoke", "revoked", dn],
    ]);
  });

  it("where the same request comes again", async () => {
    const dn = freshDn(TYPE);
    const body = issueBody(TYPE, await csrPem(TYPE, { dn }));
    const send = () => served.post("/api/v1/prov/issue", body, { "Idempotency-Key": "again" });
    const made = await rowsBy(async () => {
      await Promise.all([send(), send()]);
      await send();
    });
    expect(made.map(({ outcome, subject }) => [outcome, subject])).toEqual([
      ["issued", dn],
      ["repeated", dn],
      ["repeated", dn],
    ]);
  });

  it.each<[string, () => Promise<unknown>, { action: string; failure: string; status?: number }]>([
    ["no JSON", () => served.post("/api/v1/prov/issue", "{"), { action: "issue", failure: "notJson", status: 400 }],
    [
      "a field too few",
      () => served.post("/api/v1/prov/reissue", {}),
      { action: "reissue", failure: "empty", status: 400 },
    ],
    [
      "a name that does not fit",
      () => issue(freshDn(TYPE), {}, { unitCode: "C999" }),
      { action: "issue", failure: "dnFormat", status: 406 },
    ],
    [
      "a request that is none",
      () => served.post("/api/v1/prov/issue", issueBody(TYPE, "x")),
      { action: "issue", failure: "csrFormat", status: 406 },
    ],
    [
      "a name unknown",
      () => served.post("/api/v1/prov/revoke", { dn: "cn=nobody,o=x" }),
      { action: "revoke", failure: "noCertificate" },
    ],
    [
      "a name that is none",
      () => served.post("/api/v1/prov/revoke", { dn: "no name" }),
      { action: "revoke", failure: "noCertificate", status: 404 },
    ],
    [
      "another method",
      () =>
        served.agent
          .request({ origin: served.url, path: "/api/v1/prov/issue", method: "PUT" })
          .then((answer) => answer.body.dump()),
      { action: "PUT", failure: "method", status: 405 },
    ],
  ])("where it refuses %s", async (_, work, expected) => {
    const made = await rowsBy(work);
    expect(made).toMatchObject([{ outcome: "refused", ...expected }]);
    expect(made[0]?.actor).toMatch(/^127\.0\.0\.1 .*CN=station/);
  });

  it("where it refuses a key that was used, also to one of two at once", async () => {
    const keys = pair("P-256");
    const made = await rowsBy(() =>
      Promise.all([issue(freshDn(TYPE), {}, {}, keys), issue(freshDn(TYPE), {}, {}, keys)]),
    );
    expect(made.map(({ outcome, failure }) => [outcome, failure]).sort()).toEqual([
      ["issued", undefined],
      ["refused", "keyUsed"],
    ]);
  });

  it("where it refuses to reissue or revoke what there is none of", async () => {
    const dn = freshDn(TYPE);
    const made = await rowsBy(async () => {
      const csr = await csrPem(TYPE, { dn });
      await served.post("/api/v1/prov/reissue", issueBody(TYPE, csr));
      await served.post("/api/v1/prov/issue", issueBody(TYPE, csr));
      await served.post("/api/v1/prov/revoke", { dn });
      await served.post("/api/v1/prov/revoke", { dn });
    });
    expect(made.map(({ outcome, failure }) => [outcome, failure])).toEqual([
      ["refused", "unknownDn"],
      ["issued", undefined],
      ["revoked", undefined],
      ["refused", "alreadyRevoked"],
    ]);
  });
});

it("the signer of a CA's OCSP answers has its row before its first answer, and one alone", async () => {
  const ca = await fetchBytes(`${served.statusUrl}/ECC/cert/CA01001.der`);
  const ask = () =>
    fetchBytes(`${served.statusUrl}/ECC/OCSP/CA01001`, {
      method: "POST",
      body: new Uint8Array(ocspQuestion(ca, "05")),
    });
  const made = await rowsBy(async () => {
    await Promise.all([ask(), ask()]);
    await ask();
  });
  const subject = "cn=CA01001 OCSP,ou=ECC,o=HKMC,c=KR";
  expect(made).toMatchObject([{ action: "ocsp-signer", outcome: "issued", subject, actor: "vpki" }]);
  const { details } = (await rows()).at(-1) ?? {};
  const { serial } = JSON.parse(String(details)) as { serial: string };
  expect(Buffer.from(await ask()).includes(Buffer.from(serial, "hex"))).toBe(true);
});

it("a certificate whose audit row cannot be written is not issued", async () => {
  const broken = await serve();
  const database = openDatabase(join(broken.dir, "vpki.sqlite"));
  await database.exec("DELETE FROM audit_head");
  const csr = await csrPem(TYPE, { dn: freshDn(TYPE) });
  expect((await broken.post("/api/v1/prov/issue", issueBody(TYPE, csr))).status).toBe(500);
  expect(await database.all("SELECT serial FROM certificates")).toEqual([]);
  database.close();
  await broken.end();
});

it("a store of the version before brings its audit rows into the chain, in their order", async () => {
  const database = openDatabase(join(served.dir, "old.sqlite"));
  await migrate(database, store.migrations.slice(0, 1));
  await database.exec(`
    INSERT INTO certificates VALUES ('0a', 'k', 'ccu-sha256', 'n', 'cn=a', 'CA05002', 1, 2, 'DER', 7);
    INSERT INTO audit VALUES (1, 5, 'issue', 'ccu-sha256', 'cn=a', '0a', '10.0.0.1', '{"unitCode":"C002"}');
    INSERT INTO audit VALUES (2, 7, 'revoke', 'ccu-sha256', 'cn=a', '0a', '10.0.0.2', '{}');`);
  await migrate(database, store.migrations);
  const found = await soundRows(database);
  expect(found).toMatchObject([
    { action: "begin", subject: "vpki" },
    { at: 5, actor: "10.0.0.1", action: "issue", subject: "cn=a", outcome: "issued" },
    { at: 7, actor: "10.0.0.2", action: "revoke", subject: "cn=a", outcome: "revoked" },
  ]);
  const details = found.map((row) => JSON.parse(String(row.details)) as unknown);
  expect(details[0]).toMatchObject({ before: { certificates: 1 }, brought: 2 });
  expect(details[1]).toEqual({ type: "ccu-sha256", serial: "0a", unitCode: "C002" });
  database.close();
});
