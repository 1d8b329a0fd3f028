import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonLogger } from "../../../../src/shared/logger.js";
import {
  CHALLENGE,
  ecuId,
  masterPost,
  openKms,
  REGISTRY,
  result,
  SECRET,
  secOcPost,
  supplierPost,
  uid,
} from "./helpers.js";

const FIELDS = [
  "ProvisioningType",
  "EcuID",
  "KeyID",
  "Phase",
  "SupplierSecretKey",
  "Counter",
  "Challenge",
  "ResultMessage",
  "ResultStatus",
];
const GOOD = [
  "EcuMasterKey",
  "SecOCKey",
  "SupplierSymmKey",
  ecuId(1),
  "1",
  "4",
  "D",
  "Prod",
  SECRET,
  CHALLENGE,
  "Success",
];

test("whatever the body is, the answer is one of the contract and never a server fault", async () => {
  const kms = await openKms();
  const value = fc.oneof(fc.constantFrom(...GOOD), fc.string(), fc.jsonValue());
  const body = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .dictionary(fc.constantFrom(...FIELDS, "__proto__", "constructor"), value)
        .map((x) => JSON.stringify(x)),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("POST" as const, "PUT" as const),
      fc.constantFrom("key" as const, "sync" as const),
      body,
      async (method, resource, text) => {
        const answer = await kms.send(method, resource, text);
        expect([200, 400]).toContain(answer.status);
        expect(typeof answer.body.ResultReason).toBe("string");
        expect(answer.body.ResultStatus === "Success").toBe(answer.body.ResultReason === "");
        expect(answer.body.ResultStatus === "Success").toBe(answer.body.ResultMessage === "");
        expect(answer.body.ResultReason).not.toBe("INTERNAL");
      },
    ),
    { numRuns: 300 },
  );
  await kms.close();
});

test("any content type is read as JSON, in any letter case", async () => {
  const kms = await openKms();
  for (const type of [
    "application/json;charSet=utf-8",
    "text/plain",
    "APPLICATION/JSON",
    "application/x-www-form-urlencoded",
  ]) {
    expect((await kms.send("POST", "key", masterPost(1), { "content-type": type })).body.ResultStatus).toBe("Success");
  }
  await kms.close();
});

test("a body beyond the limit is refused", async () => {
  const kms = await openKms({ config: { bodyLimit: 1024 } });
  const answer = await kms.send("POST", "key", { ...masterPost(1), more: "x".repeat(2000) });
  expect(answer.status).toBe(413);
  expect(answer.body.ResultMessage).toBe("The body is too large.");
  await kms.close();
});

test("neither the store nor the log nor an answer holds a key or a secret", async () => {
  const lines: string[] = [];
  const newKey = "39e6354ee40d0ab487025fb5db08a768";
  const factory = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
  const cluster = "db32ed5e285d975f6148cd346d382fa7";
  const kms = await openKms({
    onDisk: true,
    logger: jsonLogger(
      (line) => lines.push(line),
      () => 0,
    ),
    registry: `
suppliers: [{ id: 1 }]
ecuTypes: [{ id: 3, factoryMasterKey: "${factory}" }]
supplierSecrets: [{ name: cluster, value: "${SECRET}", keys: { 4: "${cluster}" } }]
ecus: [{ uid: "${uid(1)}", keys: { 1: "${newKey}" } }]`,
  });
  const answers = [
    await kms.send("POST", "key", masterPost(1)),
    await kms.send("POST", "key", secOcPost(1)),
    await kms.send("POST", "key", { ...secOcPost(1), Counter: SECRET }),
    await kms.send("POST", "key", { ...secOcPost(1), SupplierSecretKey: `${SECRET}00` }),
    await kms.send("POST", "sync", { ...supplierPost(1), KeyID: "" }),
    await kms.send("PUT", "key", result("EcuMasterKey", 1)),
  ];
  const stored = readdirSync(kms.dir)
    .filter((name) => name !== "kms.key")
    .map((name) => readFileSync(join(kms.dir, name)));
  const text = Buffer.concat([...stored, Buffer.from(lines.join("")), Buffer.from(JSON.stringify(answers))]);
  for (const secret of [newKey, factory, cluster, SECRET]) {
    const bytes = Buffer.from(secret, "hex");
    for (const form of [
      bytes,
      Buffer.from(secret),
      Buffer.from(secret.toUpperCase()),
      Buffer.from(bytes.toString("base64")),
    ])
      expect(text.includes(form)).toBe(false);
  }
  // The search finds what is there.
  expect(text.includes(Buffer.from(uid(1)))).toBe(true);
  expect(lines.length).toBeGreaterThan(3);
  await kms.close();
  rmSync(kms.dir, { recursive: true });
});

test("the key file is 0600, and neither another one nor one that others can read opens the store", async () => {
  const kms = await openKms({ onDisk: true });
  await kms.send("POST", "key", masterPost(1));
  await kms.close();
  const file = join(kms.dir, "kms.key");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const key = readFileSync(file);
  expect(key.length).toBe(32);
  const open = () => openKms({ onDisk: true, dir: kms.dir });
  chmodSync(file, 0o644);
  await expect(open()).rejects.toMatchObject({ code: "STORE_FAILED", message: expect.stringContaining("644") });
  chmodSync(file, 0o600);
  writeFileSync(file, key.subarray(1));
  await expect(open()).rejects.toMatchObject({ message: expect.stringContaining("31 bytes") });
  writeFileSync(file, Buffer.alloc(32, 7));
  await expect(open()).rejects.toMatchObject({ message: expect.stringContaining("another master key") });
  rmSync(file);
  await expect(open()).rejects.toMatchObject({ message: expect.stringContaining("restore it") });
  writeFileSync(file, key, { mode: 0o600 });
  const again = await open();
  expect((await again.send("PUT", "key", result("EcuMasterKey", 1))).body.ResultStatus).toBe("Success");
  await again.close();
});

test("a key moved to another row of the store does not open: 500, and nothing told about it", async () => {
  const registry = REGISTRY;
  const kms = await openKms({ onDisk: true, registry });
  await kms.send("POST", "key", supplierPost(1));
  await kms.send("POST", "key", supplierPost(2));
  await kms.close();
  const { openDatabase } = await import("../../../../src/db/database.js");
  const database = openDatabase(join(kms.dir, "kms.sqlite"));
  await database.run("UPDATE sets SET sealed = (SELECT sealed FROM sets WHERE uid = ?) WHERE uid = ?", uid(1), uid(2));
  database.close();
  const again = await openKms({ onDisk: true, dir: kms.dir, registry });
  const answer = await again.send("POST", "sync", supplierPost(2));
  expect(answer.status).toBe(500);
  expect(answer.body).toEqual({
    ResultStatus: "OperationFailed",
    ResultReason: "INTERNAL",
    ResultMessage: "Internal Server Error",
  });
  expect((await again.send("POST", "sync", supplierPost(1))).status).toBe(200);
  await again.close();
});
