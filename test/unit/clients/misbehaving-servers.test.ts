import { expect, test } from "vitest";
import { systemClock, VirtualClock } from "../../../src/shared/clock.js";
import { Secret } from "../../../src/shared/secret.js";
import { bench, deadUrl, foreignTls, never, plainPeer, sleepless, tls } from "./helpers.js";

const SET = {
  KeyID: "1",
  M1: "00".repeat(16),
  M2: "11".repeat(32),
  M3: "22".repeat(16),
  M4: "33".repeat(32),
  M5: "44".repeat(16),
};
const good = (records: object = SET) =>
  JSON.stringify({ ResultStatus: "Success", ResultReason: "", ResultMessage: "", Records: records });
const refusal = (reason: string, message: string) =>
  JSON.stringify({ ResultStatus: "OperationFailed", ResultReason: reason, ResultMessage: message });
const REQUEST = { type: "EcuMasterKey", ecuId: "0".repeat(54), keyId: "1" } as const;

const { keep, serve, kmsAt } = bench();

test("a server that refuses the connection is KMS_UNREACHABLE after all attempts", async () => {
  const { clock, pauses } = sleepless();
  const client = await kmsAt([await deadUrl()], { clock, attempts: 3 });
  await expect(client.requestKey(REQUEST, "k", never)).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
    message: expect.stringContaining("ECONNREFUSED"),
  });
  expect(pauses).toHaveLength(2);
});

test("pauses double up to their limit, and are jittered", async () => {
  const { clock, pauses } = sleepless();
  const client = await kmsAt([await deadUrl()], {
    clock,
    attempts: 6,
    backoff: 100,
    backoffMax: 500,
    random: () => 0.5,
  });
  await expect(client.ping(never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
  expect(pauses).toEqual([]);
  await expect(client.requestKey(REQUEST, "k", never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
  expect(pauses).toEqual([50, 100, 200, 250, 250]);
});

test("a server that stalls is left after the time limit of a try", async () => {
  const clock = new VirtualClock();
  let arrived: () => void = () => undefined;
  const request = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = await serve(() => "stall", { onRequest: () => arrived() });
  const client = await kmsAt([server.url], { clock, attempts: 1, tryLimit: 7_000 });
  const answer = client.requestKey(REQUEST, "k", never);
  const failed = expect(answer).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
    message: expect.stringContaining("no answer within 7000 ms"),
  });
  await request;
  await clock.advance(6_999);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  await failed;
});

test("an abort ends a call at once with the caller's reason", async () => {
  const stop = new AbortController();
  const server = await serve(() => "stall", { onRequest: () => stop.abort(new Error("enough")) });
  const client = await kmsAt([server.url], { clock: systemClock });
  await expect(client.requestKey(REQUEST, "k", stop.signal)).rejects.toThrow("enough");
  await expect(client.requestKey(REQUEST, "k", stop.signal)).rejects.toThrow("enough");
  expect(server.seen).toHaveLength(1);
});

test("an answer that is cut off is asked for again with the same Idempotency-Key", async () => {
  const server = await serve((n) => (n < 2 ? "cut" : { body: good() }));
  const client = await kmsAt([server.url]);
  expect((await client.requestKey(REQUEST, "key-7", never)).m2).toHaveLength(32);
  expect(server.seen.map(({ headers }) => headers["idempotency-key"])).toEqual(["key-7", "key-7", "key-7"]);
  expect(new Set(server.seen.map(({ body }) => body)).size).toBe(1);
});

test("503 is tried again, and is KMS_FAULT in the end", async () => {
  const recovering = await serve((n) => (n === 0 ? { status: 503 } : { body: good() }));
  await (await kmsAt([recovering.url])).requestKey(REQUEST, "k", never);
  expect(recovering.seen).toHaveLength(2);
  const down = await serve(() => ({ status: 503, body: "<html>" }));
  await expect((await kmsAt([down.url], { attempts: 3 })).requestKey(REQUEST, "k", never)).rejects.toMatchObject({
    code: "KMS_FAULT",
    message: expect.stringContaining("it answered 503"),
  });
  expect(down.seen).toHaveLength(3);
});

test("a redirect is not followed and not tried again", async () => {
  const elsewhere = await serve(() => ({ body: good() }));
  const server = await serve(() => ({ status: 307, headers: { location: `${elsewhere.url}/` } }));
  await expect((await kmsAt([server.url])).requestKey(REQUEST, "k", never)).rejects.toMatchObject({
    code: "KMS_FAULT",
    message: expect.stringContaining("redirects are not followed"),
  });
  expect(server.seen).toHaveLength(1);
  expect(elsewhere.seen).toHaveLength(0);
});

test.each([200, 204, 302, 403, 404, 405, 501])(
  "a front page that answers HEAD with %i is a sign of life",
  async (status) => {
    const server = await serve(() => ({ status, headers: status === 302 ? { location: "/login" } : {} }));
    await (await kmsAt([server.url])).ping(never);
    expect(server.seen).toMatchObject([{ method: "HEAD", url: "/" }]);
  },
);

test.each([
  [401, "KMS_REJECTED"],
  [429, "KMS_UNREACHABLE"],
  [500, "KMS_UNREACHABLE"],
  [502, "KMS_UNREACHABLE"],
  [503, "KMS_UNREACHABLE"],
])("one that answers HEAD with %i is none", async (status, code) => {
  const server = await serve(() => ({ status }));
  await expect((await kmsAt([server.url])).ping(never)).rejects.toMatchObject({ code });
});

test("a certificate of another CA is KMS_UNREACHABLE at once, and nothing is sent", async () => {
  const { certPem, keyPem } = await foreignTls();
  const server = await serve(() => ({ body: good() }), { cert: certPem, key: keyPem });
  const { clock, pauses } = sleepless();
  const client = await kmsAt([server.url], { clock });
  for (const call of [client.ping(never), client.requestKey(REQUEST, "k", never)])
    await expect(call).rejects.toMatchObject({ code: "KMS_UNREACHABLE", message: /certificate|self.signed|issuer/i });
  expect(pauses).toEqual([]);
  expect(server.seen).toHaveLength(0);
});

test("a certificate for another name is KMS_UNREACHABLE at once, and nothing is sent", async () => {
  // The certificate is for localhost, 127.0.0.1 and ::1.
  const server = await serve(() => ({ body: good() }), { host: "127.0.0.2" });
  const { clock, pauses } = sleepless();
  const client = await kmsAt([server.url], { clock });
  await expect(client.requestKey(REQUEST, "k", never)).rejects.toMatchObject({
    code: "KMS_UNREACHABLE",
    message: expect.stringContaining("127.0.0.2"),
  });
  expect(pauses).toEqual([]);
  expect(server.seen).toHaveLength(0);
});

test("a server without TLS is KMS_UNREACHABLE", async () => {
  const server = keep(await plainPeer());
  const client = await kmsAt([server.url], { attempts: 1 });
  await expect(client.ping(never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
});

test("the list is gone through in order, and the server that answered is asked first from then on", async () => {
  const clock = new VirtualClock();
  const second = await serve(() => ({ body: good() }));
  const third = await serve(() => ({ body: good() }));
  const dead = await deadUrl();
  const client = await kmsAt([dead, second.url, third.url], { clock, stickFor: 1_000 });
  for (let i = 0; i < 3; i++) await client.requestKey(REQUEST, `k${i}`, never);
  expect([second.seen.length, third.seen.length]).toEqual([3, 0]);
  await clock.advance(1_000);
  await client.requestKey(REQUEST, "later", never);
  expect([second.seen.length, third.seen.length]).toEqual([4, 0]);
});

test("a server that comes up answering 503 gives way to the next of the list without a pause", async () => {
  const { clock, pauses } = sleepless();
  const first = await serve(() => ({ status: 503 }));
  const second = await serve(() => ({ body: good() }));
  const client = await kmsAt([first.url, second.url], { clock });
  await client.requestKey(REQUEST, "k", never);
  expect(pauses).toEqual([]);
});

test.each([
  ["no JSON", "<html>", "the body is not JSON"],
  ["nothing", "", "the body is not JSON"],
  ["a list", "[]", "must be object"],
  ["no records", JSON.stringify({ ResultStatus: "Success", ResultReason: "", ResultMessage: "" }), "Records"],
  ["M1 short", good({ ...SET, M1: "00" }), "Records.M1"],
  ["M2 a digit short, as the document prints it", good({ ...SET, M2: "1".repeat(63) }), "Records.M2"],
  ["M3 no hex", good({ ...SET, M3: "x".repeat(32) }), "Records.M3"],
  ["M4 no text", good({ ...SET, M4: 1 }), "Records.M4"],
  ["M5 missing", good({ ...SET, M5: undefined }), "M5"],
  ["KeySyncValue short", good({ ...SET, KeySyncValue: "00" }), "Records.KeySyncValue"],
  ["another status", good().replace('"Success"', '"Fine"'), "ResultStatus"],
])("a wrong body is KMS_FAULT with a clear text: %s", async (_name, body, part) => {
  const server = await serve(() => ({ body }));
  const client = await kmsAt([server.url]);
  const error = await client.requestKey(REQUEST, "k", never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "KMS_FAULT" });
  expect(String(error)).toContain(part);
  expect(String(error)).not.toContain("11111111");
  expect(server.seen).toHaveLength(1);
});

test("an answer without end is not read to its end", async () => {
  const server = await serve(() => ({ body: `"${"x".repeat(2_000_000)}"` }));
  const client = await kmsAt([server.url]);
  await expect(client.requestKey(REQUEST, "k", never)).rejects.toMatchObject({
    code: "KMS_FAULT",
    message: expect.stringContaining("longer than 1048576 bytes"),
  });
});

test.each([
  [
    200,
    refusal("KEYID_RANGE", "The KeyID must be less than or equal to D(0x0D)."),
    "KMS_REJECTED",
    "KEYID_RANGE The KeyID",
  ],
  [
    200,
    refusal("LEASED", "Another station."),
    "KMS_LEASED",
    "keeps this unit for another station: Another station. No further key",
  ],
  // Not for good: a report that the allow list holds up must not be set aside.
  [401, refusal("INVALID", "not allowed"), "KMS_FAULT", "401 INVALID not allowed"],
  [401, '{"message":"x"}', "KMS_FAULT", "access was refused (401): this station is not on its allow list"],
  [403, "<html>Forbidden</html>", "KMS_FAULT", "access was refused (403)"],
  [200, refusal("INTERNAL", "x"), "KMS_FAULT", "INTERNAL"],
  [400, refusal("INVALID", "The body is not JSON."), "KMS_REJECTED", "400 INVALID The body is not JSON."],
  [404, '{"message":"Not Found"}', "KMS_FAULT", "wrong answer (404)"],
])("a refusal with status %i: %s is %s", async (status, body, code, text) => {
  const server = await serve(() => ({ status, body }));
  const client = await kmsAt([server.url]);
  const calls = [
    () => client.requestKey(REQUEST, "k", never),
    () => client.requestSync("SupplierSymmKey", REQUEST.ecuId, "D", never),
    () =>
      client.report({ ...REQUEST, kind: "key", status: "Success", message: "", correlationId: undefined }, "k", never),
  ];
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
});

test("a server that repeats the supplier's secret does not get it into an error", async () => {
  const secret = Secret.fromHex("53494d554c41544f522d534543524554");
  const server = await serve(() => ({ body: refusal("INVALID", "bad 53494D554C41544F522D534543524554!") }));
  const client = await kmsAt([server.url]);
  const secOC = { supplierSecret: secret, counter: 3, challenge: new Uint8Array(16) };
  await expect(
    client.requestKey({ ...REQUEST, type: "SecOCKey", keyId: "4", secOC }, "k", never),
  ).rejects.toMatchObject({ code: "KMS_REJECTED", details: { what: "INVALID bad [redacted]!" } });
  expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({
    ProvisioningType: "SecOCKey",
    EcuID: REQUEST.ecuId,
    KeyID: "4",
    SupplierSecretKey: "53494d554c41544f522d534543524554",
    Counter: "3",
    Challenge: "0".repeat(32),
  });
});

test.each(["http://127.0.0.1", "127.0.0.1:1", "https://user:pw@host", "https://host/?x=1", ""])(
  "%s is no address of a server",
  async (url) => {
    await expect(kmsAt([url])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  },
);

test("no proxy of the environment is used", async () => {
  const server = await serve(() => ({ body: good() }));
  const former = process.env.HTTPS_PROXY;
  process.env.HTTPS_PROXY = await deadUrl();
  try {
    await (await kmsAt([server.url], { attempts: 1 })).requestKey(REQUEST, "k", never);
  } finally {
    if (former === undefined) delete process.env.HTTPS_PROXY;
    else process.env.HTTPS_PROXY = former;
  }
  expect(server.seen[0]?.headers["content-type"]).toBe("application/json; charset=UTF-8");
});

test("a base address may have a path", async () => {
  const server = await serve(() => ({ body: good() }));
  await (await kmsAt([`${server.url}/kms/`])).requestKey(REQUEST, "k", never);
  expect(server.seen[0]?.url).toBe("/kms/app/automotive/supplierKeyProvisioning");
  expect((await tls()).caPem).toContain("BEGIN CERTIFICATE");
});
