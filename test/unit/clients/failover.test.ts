import { expect, test } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { bench, deadUrl, never, sleepless } from "./helpers.js";

const SYNC = JSON.stringify({
  ResultStatus: "Success",
  ResultReason: "",
  ResultMessage: "",
  Records: { KeyID: "", KeySyncValue: "00".repeat(16), Challenge: "11".repeat(16) },
});
const DONE = JSON.stringify({ ResultStatus: "Success", ResultReason: "", ResultMessage: "" });
const RESULT = {
  kind: "key",
  type: "EcuMasterKey",
  ecuId: "0".repeat(54),
  keyId: "1",
  status: "Success",
  message: "",
  correlationId: "set-1",
} as const;

const { serve, kmsAt } = bench();

test.each([
  ["cuts its answer off", () => "cut" as const],
  ["answers 500", () => ({ status: 500 })],
  ["answers 502", () => ({ status: 502 })],
])("a server that %s may have acted: without a common store no other one is asked", async (_name, reply) => {
  const first = await serve(reply);
  const second = await serve(() => ({ body: DONE }));
  const client = await kmsAt([first.url, second.url], { attempts: 3 });
  await expect(client.report(RESULT, "k", never)).rejects.toMatchObject({ code: /KMS_(UNREACHABLE|FAULT)/ });
  expect(first.seen.map(({ headers }) => headers["idempotency-key"])).toEqual(["k", "k", "k"]);
  expect(second.seen).toHaveLength(0);
});

test("on a common store the next server is asked what the first may have done, under the same Idempotency-Key", async () => {
  const first = await serve(() => "cut");
  const second = await serve(() => ({ body: DONE }));
  const { clock, pauses } = sleepless();
  const client = await kmsAt([first.url, second.url], { clock, sharedStore: true });
  await client.report(RESULT, "k", never);
  expect(pauses).toEqual([]);
  expect([first, second].map(({ seen }) => seen.map(({ headers }) => headers["idempotency-key"]))).toEqual([
    ["k"],
    ["k"],
  ]);
  expect(second.seen[0]?.body).toBe(first.seen[0]?.body);
});

test.each([503, 429])("a server that answers %i has not acted: the next one is asked", async (status) => {
  const first = await serve(() => ({ status }));
  const second = await serve(() => ({ body: DONE }));
  await (await kmsAt([first.url, second.url])).report(RESULT, "k", never);
  expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
});

test("a server that stalled is asked again itself, and the other one stays out of it", async () => {
  const clock = new VirtualClock();
  let arrived: () => void = () => undefined;
  const request = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const first = await serve((n) => (n === 0 ? "stall" : { body: DONE }), { onRequest: () => arrived() });
  const second = await serve(() => ({ body: DONE }));
  const client = await kmsAt([first.url, second.url], { clock, tryLimit: 7_000, random: () => 0 });
  const report = client.report(RESULT, "k", never);
  await request;
  await clock.advance(7_000);
  await report;
  expect([first.seen.length, second.seen.length]).toEqual([2, 0]);
});

test("the first server is returned to when it answers again, and no request is spent on finding out", async () => {
  const clock = new VirtualClock();
  let away = true;
  let found: () => void = () => undefined;
  const back = new Promise<void>((resolve) => {
    found = resolve;
  });
  const first = await serve(() => (away ? { status: 503 } : { body: SYNC }), {
    onRequest: () => {
      if (!away) found();
    },
  });
  const second = await serve(() => ({ body: SYNC }));
  const client = await kmsAt([first.url, second.url], { clock, stickFor: 60_000, random: () => 0 });
  const ask = () => client.requestSync("EcuMasterKey", RESULT.ecuId, "1", never);
  const methods = () => first.seen.map(({ method }) => method).join(" ");
  // Every ten seconds, as a busy station asks: that it is used does not keep it.
  for (let i = 0; i < 6; i++) {
    await ask();
    await clock.advance(10_000);
  }
  expect([methods(), second.seen.length]).toEqual(["POST", 6]);
  away = false;
  await ask();
  await back;
  // The answer is on its way.
  while (first.seen.at(-1)?.method === "HEAD") await ask();
  expect(methods()).toMatch(/^POST HEAD POST$/);
});

test("a list that is away in all its parts is one error that names each", async () => {
  const urls = [await deadUrl(), await deadUrl()];
  const client = await kmsAt(urls, { attempts: 2 });
  const error = await client.ping(never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "KMS_UNREACHABLE" });
  for (const url of urls) expect(String(error)).toContain(new URL(url).host);
});

test.each([
  ["3", 3_000],
  ["60", 5_000],
  ["0", 50],
  ["soon", 50],
  [new Date(Date.UTC(2026, 0, 1, 0, 0, 2)).toUTCString(), 2_000],
])("Retry-After: %s is kept to, up to the longest pause", async (header, pause) => {
  const { clock, pauses } = sleepless();
  const now = () => Date.UTC(2026, 0, 1);
  const server = await serve((n) => (n === 0 ? { status: 503, headers: { "retry-after": header } } : { body: DONE }));
  const client = await kmsAt([server.url], { clock: { ...clock, now }, backoff: 100, random: () => 0.5 });
  await client.report(RESULT, "k", never);
  expect(pauses).toEqual([pause]);
});
