import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { migrate, openDatabase } from "../../../../src/db/database.js";
import { store } from "../../../../src/servers/kms/store/store.js";
import { jsonLogger } from "../../../../src/shared/logger.js";
import { type Bench, masterPost, openKms, result, uid } from "./helpers.js";

const SUCCESS = { ResultStatus: "Success", ResultReason: "", ResultMessage: "" };

let kms: Bench | undefined;
afterEach(async () => {
  await kms?.close();
  if (kms !== undefined) rmSync(kms.dir, { recursive: true, force: true });
  kms = undefined;
});

async function reports(bench: Bench): Promise<Record<string, unknown>[]> {
  const database = openDatabase(join(bench.dir, "kms.sqlite"));
  try {
    return await database.all("SELECT kind, phase, uid, slot, set_id, status, message FROM reports ORDER BY slot");
  } finally {
    database.close();
  }
}

test("a result that no POST belongs to is taken, kept and logged", async () => {
  const lines: string[] = [];
  kms = await openKms({
    onDisk: true,
    logger: jsonLogger(
      (line) => void lines.push(line),
      () => 0,
    ),
  });
  const secOc = { ...result("SecOckKey", 7, "Success", "4"), ResultMessage: "done" };
  expect(await kms.send("PUT", "key", secOc)).toMatchObject({ status: 200, body: SUCCESS });
  const sync = result("SupplierSymmKey", 7, "OperationFailed");
  expect(await kms.send("PUT", "sync", sync)).toMatchObject({ status: 200, body: SUCCESS });
  const address = { phase: "Prod", uid: uid(7), set_id: null };
  expect(await reports(kms)).toEqual([
    { ...address, kind: "key", slot: 4, status: "Success", message: "done" },
    { ...address, kind: "sync", slot: 13, status: "OperationFailed", message: "" },
  ]);
  expect(lines.filter((line) => line.includes('"warn"') && line.includes("result without a request"))).toHaveLength(2);
});

test("it moves nothing, not even when it is repeated after a POST", async () => {
  kms = await openKms();
  const other = await openKms();
  /** First block of M2: the counter, encrypted by the authorising key. */
  const block = async (bench: Bench) => (await bench.send("POST", "key", masterPost())).body.Records?.M2?.slice(0, 32);
  try {
    const key = { "idempotency-key": "early" };
    expect((await kms.send("PUT", "key", result("EcuMasterKey"), key)).body).toEqual(SUCCESS);
    const first = await block(kms);
    expect((await kms.send("PUT", "key", result("EcuMasterKey"), key)).body).toEqual(SUCCESS);
    const second = await block(kms);
    expect([first, second]).toEqual([await block(other), await block(other)]);
  } finally {
    await other.close();
  }
});

test("the same idempotency key with another report is refused", async () => {
  kms = await openKms();
  const key = { "idempotency-key": "one" };
  await kms.send("PUT", "key", result("EcuMasterKey", 3), key);
  const answer = await kms.send("PUT", "key", result("EcuMasterKey", 3, "OperationFailed"), key);
  expect(answer.body.ResultMessage).toBe("The Idempotency-Key was used for another request.");
});

test("a correlation id that is nobody's is refused still", async () => {
  kms = await openKms();
  const answer = await kms.send("PUT", "key", result("EcuMasterKey", 3), { "x-correlation-id": "nobody" });
  expect(answer.body.ResultMessage).toBe("The X-Correlation-Id does not belong to a request for this key.");
});

test("a store of the version before keeps its reports", async () => {
  kms = await openKms({ onDisk: true });
  const file = join(kms.dir, "old.sqlite");
  const old = openDatabase(file);
  try {
    await migrate(old, store.migrations.slice(0, 1));
    await old.run(
      `INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, auth, auth_slot, request, issued_at)
       VALUES ('s', 'Dev', ?, 4, 1, 1, 15, 0, 0, 'confirmed', '', 1, 'r', 0)`,
      uid(1),
    );
    await old.run(
      `INSERT INTO reports (id, kind, set_id, status, message, idempotency, request, reported_at)
       VALUES ('r', 'key', 's', 'Success', 'm', 'i', 'f', 5)`,
    );
    await migrate(old, store.migrations);
    expect(await old.all("SELECT * FROM reports")).toEqual([
      {
        id: "r",
        kind: "key",
        phase: "Dev",
        uid: uid(1),
        slot: 4,
        set_id: "s",
        status: "Success",
        message: "m",
        idempotency: "i",
        request: "f",
        reported_at: 5,
      },
    ]);
  } finally {
    old.close();
  }
});
