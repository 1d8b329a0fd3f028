import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { migrate, openDatabase } from "../../../../src/db/database.js";
import { store } from "../../../../src/servers/kms/store/store.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { soundRows } from "../../audit/helpers.js";
import {
  type Answer,
  type Bench,
  CHALLENGE,
  ecuId,
  masterPost,
  openKms,
  result,
  SECRET,
  secOcPost,
  supplierPost,
  uid,
} from "./helpers.js";

let kms: Bench;
afterEach(() => kms.close());

/** The decisions behind the chain's first row; the chain itself must hold. */
async function decisions() {
  const database = openDatabase(join(kms.dir, "kms.sqlite"));
  try {
    const rows = await soundRows(database);
    expect(rows[0]).toMatchObject({ seq: 1, action: "begin", subject: "kms" });
    return rows.slice(1).map((row) => ({
      action: row.action,
      subject: row.subject,
      outcome: row.outcome,
      actor: row.actor,
      details: JSON.parse(String(row.details)) as Record<string, unknown>,
    }));
  } finally {
    database.close();
  }
}

const id = (answer: Answer) => answer.headers["x-correlation-id"];

test("every answer is one row: sets, repetitions, sync values and results", async () => {
  kms = await openKms({ onDisk: true });
  const key = { "idempotency-key": "k1" };
  const posted = await kms.send("POST", "key", masterPost(), key);
  await kms.send("POST", "key", masterPost(), key);
  await kms.send("PUT", "key", result("EcuMasterKey"), { "idempotency-key": "k2" });
  await kms.send("PUT", "key", result("EcuMasterKey"), { "idempotency-key": "k2" });
  const sync = await kms.send("POST", "sync", masterPost());
  await kms.send("PUT", "sync", result("EcuMasterKey", 1, "OperationFailed"));
  const { M4, M5 } = posted.body.Records ?? {};
  const receipt = createHash("sha256")
    .update(fromHex(`${M4}${M5}`))
    .digest("hex");
  const about = { type: "EcuMasterKey", keyId: 1, phase: "Prod", slot: 1 };
  const set = id(posted);
  expect(await decisions()).toEqual(
    [
      ["POST key", "issued", { set, counter: 1, flags: expect.any(Number) }],
      ["POST key", "repeated", { set, counter: 1, flags: expect.any(Number) }],
      ["PUT key", "taken", { status: "Success", set, receipt }],
      ["PUT key", "repeated", { status: "Success", set, receipt }],
      ["POST sync", "given", { check: id(sync) }],
      ["PUT sync", "taken", { status: "OperationFailed", set }],
    ].map(([action, outcome, more]) => ({
      action,
      outcome,
      subject: ecuId(1),
      actor: "127.0.0.1",
      details: { ...about, ...(more as object), requestId: expect.any(String) },
    })),
  );
});

test.each([
  ["a body that is no JSON", "POST", "key", "{", {}, "notJson", ""],
  ["a body that is no object", "POST", "key", [], {}, "notObject", ""],
  ["a field that is missing", "POST", "key", { ...masterPost(), KeyID: undefined }, {}, "required", ecuId(1)],
  ["a KeyID of another type", "POST", "key", { ...masterPost(), KeyID: "4" }, {}, "keyIdType", ecuId(1)],
  [
    "a secret that is nobody's",
    "POST",
    "key",
    { ...secOcPost(), SupplierSecretKey: "guess" },
    {},
    "supplierSecret",
    ecuId(1),
  ],
  ["a sync value of no key", "POST", "sync", masterPost(), {}, "noKey", ecuId(1)],
  [
    "a result of another's set",
    "PUT",
    "key",
    result("EcuMasterKey"),
    { "x-correlation-id": "x" },
    "correlation",
    ecuId(1),
  ],
  ["an EcuID that is none", "POST", "key", { ...masterPost(), EcuID: "12" }, {}, "ecuId", ""],
  ["a body that is too large", "POST", "key", " ".repeat(70_000), {}, "tooLarge", ""],
] as const)("%s is one row, refused", async (_, method, resource, body, headers, failure, subject) => {
  kms = await openKms({ onDisk: true });
  await kms.send(method, resource, body, headers);
  const [row, ...more] = await decisions();
  expect(more).toEqual([]);
  expect(row).toMatchObject({ action: `${method} ${resource}`, outcome: "refused", subject, details: { failure } });
});

test("an idempotency key of another request and a slot without counters are one row each", async () => {
  kms = await openKms({ onDisk: true });
  await kms.send("POST", "key", secOcPost(1, "4", "0xFFFFFFF"), { "idempotency-key": "k" });
  await kms.send("POST", "key", masterPost(), { "idempotency-key": "k" });
  await kms.send("POST", "key", secOcPost(1, "4"));
  expect((await decisions()).map(({ outcome, details }) => [outcome, details.failure])).toEqual([
    ["issued", undefined],
    ["refused", "idempotency"],
    ["refused", "counterUsedUp"],
  ]);
});

test("a path that there is none is one row", async () => {
  kms = await openKms({ onDisk: true });
  await kms.app.inject({ method: "DELETE", url: "/app/automotive/supplierKeyProvisioning" });
  expect(await decisions()).toMatchObject([{ outcome: "refused", details: { failure: "method" } }]);
});

test("no key, no M1–M5, no challenge and no supplier secret is in the log, wherever a client put it", async () => {
  kms = await openKms({ onDisk: true });
  const secrets: string[] = [SECRET, CHALLENGE];
  for (const body of [masterPost(), secOcPost(), supplierPost()]) {
    const { body: answer } = await kms.send("POST", "key", body);
    for (const [name, value] of Object.entries(answer.Records ?? {})) if (name !== "KeyID") secrets.push(value);
  }
  for (const field of ["KeyID", "Counter", "Phase", "EcuID", "ProvisioningType", "Challenge"])
    await kms.send("POST", "key", { ...secOcPost(), [field]: SECRET });
  await kms.send("PUT", "key", { ...result("EcuMasterKey"), ResultMessage: `key ${SECRET}` });
  const text = JSON.stringify(await decisions()).toLowerCase();
  expect(text).toContain(uid(1));
  // M1 holds the UID's end, which the EcuID has too; what makes it M1 is its whole.
  expect(secrets.filter((secret) => text.includes(secret.toLowerCase()))).toEqual([]);
});

test("a decision that was not written is not given: without its log the KMS answers 500 and issues nothing", async () => {
  kms = await openKms({ onDisk: true });
  const database = openDatabase(join(kms.dir, "kms.sqlite"));
  await database.exec("DELETE FROM audit_head");
  const answer = await kms.send("POST", "key", masterPost());
  expect(answer.status).toBe(500);
  expect(await database.all("SELECT id FROM sets")).toEqual([]);
  database.close();
});

test("a store of the version before begins its chain with what it held", async () => {
  kms = await openKms({ onDisk: true });
  const old = openDatabase(join(kms.dir, "old.sqlite"));
  await migrate(old, store.migrations.slice(0, 2));
  await old.run(
    `INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, auth, auth_slot, request, issued_at)
     VALUES ('s', 'Dev', ?, 4, 1, 1, 15, 0, 0, 'confirmed', '', 1, 'r', 0)`,
    uid(1),
  );
  await migrate(old, store.migrations);
  const rows = await soundRows(old);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ action: "begin", subject: "kms" });
  expect(JSON.parse(String(rows[0]?.details))).toMatchObject({ before: { sets: 1, reports: 0 }, brought: 0 });
  old.close();
});
