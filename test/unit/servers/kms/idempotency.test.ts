import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bench, masterPost, openKms, result, secOcPost, supplierPost } from "./helpers.js";

let kms: Bench;
let serial = 0;
beforeAll(async () => {
  kms = await openKms();
});
afterAll(() => kms.close());

/** The counter in M2 shows in M4, but only as ciphertext; equal M1–M5 mean equal counters. */
const post = (body: unknown, key?: string) =>
  kms.send("POST", "key", body, key === undefined ? {} : { "idempotency-key": key });

test("the same Idempotency-Key gives the same answer, another one the next counter", async () => {
  for (const make of [masterPost, supplierPost, secOcPost]) {
    serial += 1;
    const body = make(serial);
    const first = await post(body, `k-${serial}`);
    const again = await post(body, `k-${serial}`);
    const next = await post(body, `k-${serial}-next`);
    const without = await post(body);
    expect(again.body).toEqual(first.body);
    expect(again.headers["x-correlation-id"]).toBe(first.headers["x-correlation-id"]);
    expect(new Set([first, next, without].map((answer) => answer.body.Records?.M2)).size).toBe(3);
    expect(new Set([first, next, without].map((answer) => answer.headers["x-correlation-id"])).size).toBe(3);
  }
});

test("the answer stays the same after the load was confirmed and a newer one issued", async () => {
  const body = masterPost(++serial);
  await post(body);
  await kms.send("PUT", "key", result("EcuMasterKey", serial));
  const first = await post(body, "stays");
  await kms.send("PUT", "key", result("EcuMasterKey", serial));
  await post(body);
  expect((await post(body, "stays")).body).toEqual(first.body);
});

test("parallel requests with one Idempotency-Key share one set", async () => {
  const body = supplierPost(++serial);
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(body, "parallel")));
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
});

test("an Idempotency-Key cannot be used for another request", async () => {
  await post(masterPost(++serial), "taken");
  const others = [masterPost(serial + 1), supplierPost(serial), { ...masterPost(serial), Phase: "Dev" }];
  for (const body of others) {
    expect((await post(body, "taken")).body).toEqual({
      ResultStatus: "OperationFailed",
      ResultReason: "INVALID",
      ResultMessage: "The Idempotency-Key was used for another request.",
    });
  }
});

test.each(["x".repeat(201), "a b", "é"])("an Idempotency-Key of other characters is refused: %s", async (key) => {
  expect((await post(masterPost(1), key)).body.ResultMessage).toBe(
    "The Idempotency-Key header must be 1 to 200 visible ASCII characters.",
  );
});

test("a result that is sent again reaches the load it was sent for, not a newer one", async () => {
  serial += 1;
  const put = () =>
    kms.send("PUT", "key", result("SupplierSymmKey", serial), { "idempotency-key": `result-${serial}` });
  const mac = async () => (await kms.send("POST", "sync", { ...supplierPost(serial), KeyID: "" })).body.Records;
  await post(supplierPost(serial));
  expect((await put()).body.ResultStatus).toBe("Success");
  await post(supplierPost(serial));
  expect((await put()).body.ResultStatus).toBe("Success");
  // Still unconfirmed: a failure report makes the first key the current one again.
  await kms.send("PUT", "key", result("SupplierSymmKey", serial, "OperationFailed"));
  expect(await mac()).toBeDefined();
  const other = { ...result("SupplierSymmKey", serial), ResultStatus: "OperationFailed" };
  const reused = await kms.send("PUT", "key", other, { "idempotency-key": `result-${serial}` });
  expect(reused.body.ResultMessage).toBe("The Idempotency-Key was used for another request.");
});
