import { afterAll, beforeAll, expect, test } from "vitest";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { cmac } from "../../../../src/she/codec/index.js";
import { type Bench, CHALLENGE, ecuId, openKms, REGISTRY, result, secOcPost, supplierPost, uid } from "./helpers.js";

const KEY = "2b7e151628aed2a6abf7158809cf4f3c";
const CLUSTER_KEY = "603deb1015ca71be2b73aef0857d7781";
const registry = `${REGISTRY.replace("cluster,", `cluster, keys: { 7: "${CLUSTER_KEY}" },`)}
ecus: [{ uid: "${uid(7)}", keys: { D: "${KEY}" } }]
`;

let kms: Bench;
beforeAll(async () => {
  kms = await openKms({ registry });
});
afterAll(() => kms.close());

const macOf = (key: string, challenge: string) => toHex(cmac(fromHex(key), fromHex(challenge)));
const sync = (body: Record<string, unknown>) => kms.send("POST", "sync", body);

test("a SecOC answer carries the CMAC of the request's Challenge by the new key", async () => {
  const answer = await kms.send("POST", "key", secOcPost(1, "7"));
  expect(answer.body.Records?.KeySyncValue).toBe(macOf(CLUSTER_KEY, CHALLENGE));
});

test("a SecOC sync value is made over the requester's Challenge, that of the key's request where it sends none", async () => {
  const own = "ffeeddccbbaa99887766554433221100";
  await kms.send("POST", "key", secOcPost(2, "7"));
  const body = { ProvisioningType: "SecOckKey", EcuID: ecuId(2), KeyID: "7" };
  expect((await sync(body)).body.Records).toEqual({
    KeyID: "7",
    KeySyncValue: macOf(CLUSTER_KEY, CHALLENGE),
    Challenge: CHALLENGE,
  });
  expect((await sync({ ...body, Challenge: own.toUpperCase() })).body.Records).toEqual({
    KeyID: "7",
    KeySyncValue: macOf(CLUSTER_KEY, own),
    Challenge: own,
  });
});

test("a supplier key's sync value has a fresh Challenge each time, and the KeyID as asked", async () => {
  await kms.send("POST", "key", supplierPost(7));
  const body = { ProvisioningType: "SupplierSymmKey", EcuID: ecuId(7) };
  const seen = new Set<string>();
  for (const [given, KeyID] of [
    [body, ""],
    [{ ...body, KeyID: "" }, ""],
    [{ ...body, KeyID: "d" }, "d"],
    [{ ...body, KeyID: "D", Challenge: "0".repeat(32) }, "D"],
  ] as const) {
    const answer = await sync(given);
    const challenge = answer.body.Records?.Challenge ?? "";
    expect(answer.body.Records).toEqual({ KeyID, KeySyncValue: macOf(KEY, challenge), Challenge: challenge });
    expect(answer.headers["x-correlation-id"]).toMatch(/^[0-9a-f-]{36}$/);
    seen.add(challenge);
  }
  expect(seen.size).toBe(4);
});

test("the pending key counts while a load is unconfirmed, else the current one", async () => {
  // Two SecOC sets of random keys cannot differ (one cluster), so supplier keys are told apart by asking both times for one challenge.
  const at = 3;
  const macs = async () => {
    const { Challenge = "", KeySyncValue = "" } = (await sync({ ...supplierPost(at), KeyID: "D" })).body.Records ?? {};
    return { Challenge, KeySyncValue };
  };
  const keys: string[] = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"];
  const own = await openKms({
    registry: `${REGISTRY}\necus: [{ uid: "${uid(at)}", keys: { D: "${keys[0]}" } }]`,
    onDisk: true,
  });
  const ask = async (bench: Bench) =>
    (await bench.send("POST", "sync", supplierPost(at))).body.Records ?? { Challenge: "", KeySyncValue: "" };
  await own.send("POST", "key", supplierPost(at));
  await own.send("PUT", "key", result("SupplierSymmKey", at));
  await own.close();
  const next = await openKms({
    registry: `${REGISTRY}\necus: [{ uid: "${uid(at)}", keys: { D: "${keys[1]}" } }]`,
    onDisk: true,
    dir: own.dir,
  });
  const expectKey = async (key: string) => {
    const { Challenge = "", KeySyncValue } = await ask(next);
    expect(KeySyncValue).toBe(macOf(key, Challenge));
  };
  await expectKey(keys[0] ?? "");
  await next.send("POST", "key", supplierPost(at));
  await expectKey(keys[1] ?? "");
  await next.send("PUT", "key", result("SupplierSymmKey", at, "OperationFailed"));
  await expectKey(keys[0] ?? "");
  await next.send("POST", "key", supplierPost(at));
  await next.send("PUT", "key", result("SupplierSymmKey", at));
  await expectKey(keys[1] ?? "");
  await next.close();
  expect(await macs()).toEqual({ Challenge: "", KeySyncValue: "" });
});

test("the result of a check is taken by its correlation id, by the load's, or without one", async () => {
  await kms.send("POST", "key", supplierPost(8));
  const answer = await sync({ ProvisioningType: "SupplierSymmKey", EcuID: ecuId(8) });
  const id = String(answer.headers["x-correlation-id"]);
  const put = (resource: "key" | "sync", correlation?: string) =>
    kms.send(
      "PUT",
      resource,
      result("SupplierSymmKey", 8),
      correlation === undefined ? {} : { "x-correlation-id": correlation },
    );
  for (const correlation of [id, id, undefined]) {
    expect((await put("sync", correlation)).body).toEqual({
      ResultStatus: "Success",
      ResultReason: "",
      ResultMessage: "",
    });
  }
  const wrong = "The X-Correlation-Id does not belong to a request for this key.";
  expect((await put("key", id)).body.ResultMessage).toBe(wrong);
  expect((await put("sync", "unknown")).body.ResultMessage).toBe(wrong);
  await kms.send("POST", "key", supplierPost(9));
  const foreign = await kms.send("PUT", "key", result("SupplierSymmKey", 9), {
    "x-correlation-id": String((await kms.send("POST", "key", supplierPost(8))).headers["x-correlation-id"]),
  });
  expect(foreign.body.ResultMessage).toBe(wrong);
});
