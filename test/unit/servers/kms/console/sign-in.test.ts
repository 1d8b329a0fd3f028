import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "../../../../../src/db/database.js";
import { inlineStores } from "../../../../../src/db/store.js";
import { USERS_FILE } from "../../../../../src/servers/kms/console/open.js";
import { setPassword } from "../../../../../src/servers/kms/console/users.js";
import { kmsStore } from "../../../../../src/servers/kms/store/store.js";
import { type ConsoleBench, openConsoleBench, PASSWORD } from "./helpers.js";

const opened: ConsoleBench[] = [];
const open: typeof openConsoleBench = async (options) => {
  const bench = await openConsoleBench(options);
  opened.push(bench);
  return bench;
};
afterEach(async () => {
  for (const bench of opened.splice(0).reverse()) await bench.close();
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function audit(
  bench: ConsoleBench,
): Promise<{ action: string; actor: string; subject: string; outcome: string; details: string }[]> {
  const db = openDatabase(join(bench.dir, "kms.sqlite"));
  try {
    return await db.all("SELECT action, actor, subject, outcome, details FROM audit ORDER BY seq");
  } finally {
    db.close();
  }
}

test("without a user there is no console", async () => {
  const bench = await open({ users: [] });
  expect((await bench.browser().get("/console/sign-in")).status).toBe(404);
  expect((await bench.browser().get("/console")).status).toBe(404);
});

test("a users file that the configuration names must have a user", async () => {
  const users = "/no/such/users.yaml";
  const limits = { idle: 900_000, lifetime: 28_800_000, tries: 5, pause: 30_000, longestPause: 3_600_000 };
  await expect(open({ config: { console: { users, ...limits } } })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("has no user"),
  });
});

test("every page but the sign-in asks for a session, and the sign-in leads back to it", async () => {
  const bench = await open();
  const browser = bench.browser();
  for (const path of [
    "",
    "/suppliers",
    "/suppliers/new",
    "/ecu-types/entry?id=0x0003",
    "/secrets",
    "/ecus",
    "/ecu?uid=00",
  ]) {
    const answer = await browser.get(`/console${path}`);
    expect(answer.status, path).toBe(303);
    expect(answer.location).toMatch(/^\/console\/sign-in\?/);
  }
  const to = (await browser.get("/console/ecu-types/entry?id=0x0003")).location;
  expect((await browser.get(to)).text).toContain('name="next" value="/console/ecu-types/entry?id=0x0003"');
  const signed = await browser.post("/console/sign-in", {
    user: "kim",
    password: PASSWORD,
    next: "/console/ecu-types/entry?id=0x0003",
  });
  expect(signed.location).toBe("/console/ecu-types/entry?id=0x0003");
  expect((await browser.get(signed.location)).status).toBe(200);
});

test("the sign-in never leads anywhere but into the console", async () => {
  const bench = await open();
  const elsewhere = [
    "https://evil.example/",
    "//evil.example",
    "/console//evil.example",
    "/console/..//evil",
    "/app/x",
  ];
  for (const next of [...elsewhere, "/console/x\\y", "javascript:alert(1)"]) {
    const answer = await bench.browser().post("/console/sign-in", { user: "kim", password: PASSWORD, next });
    expect(answer.location, next).toBe("/console/suppliers");
  }
});

test("the session's cookie is for this host over TLS alone, and no script or other site gets it", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const [cookie = ""] = browser.setCookies;
  expect(cookie).toMatch(/^__Host-kms-console=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
});

test("a wrong password, a user that there is not and an empty form get the same answer", async () => {
  const bench = await open();
  const browser = bench.browser();
  const answers = [
    await browser.signIn("kim", "wrong password"),
    await browser.signIn("nobody", PASSWORD),
    await browser.post("/console/sign-in", {}),
  ];
  for (const { status, text } of answers) {
    expect(status).toBe(401);
    expect(text).toContain("User or password is wrong.");
  }
  expect(browser.cookies.size).toBe(0);
});

test("wrong passwords lock a user for a time that doubles, also for the right password and after a restart", async () => {
  const bench = await open();
  const browser = bench.browser();
  for (let i = 0; i < 5; i++) expect((await browser.signIn("kim", "wrong")).status).toBe(401);
  const locked = await browser.signIn("kim", PASSWORD);
  expect(locked.status).toBe(429);
  expect(locked.text).toContain("Try again in 30 s.");
  const restarted = await bench.replica();
  opened.push(restarted);
  expect((await restarted.browser().signIn("kim", PASSWORD)).status).toBe(429);
  await bench.clock.advance(30_000);
  expect((await browser.signIn("kim", "wrong")).status).toBe(401);
  expect((await browser.signIn("kim", PASSWORD)).text).toContain("Try again in 60 s.");
  expect((await bench.browser().signIn("lee", PASSWORD)).status).toBe(303);
  await bench.clock.advance(MINUTE);
  expect((await browser.signIn("kim", PASSWORD)).status).toBe(303);
  expect((await bench.browser().signIn("kim", "wrong")).status).toBe(401);
});

test("the lock of a user never grows beyond its longest pause", async () => {
  const limits = { idle: HOUR, lifetime: 8 * HOUR, tries: 1, pause: 1_000, longestPause: 3_000 };
  const bench = await open({ config: { console: limits } });
  const browser = bench.browser();
  for (const seconds of [1, 2, 3, 3]) {
    expect((await browser.signIn("kim", "wrong")).status).toBe(401);
    expect((await browser.signIn("kim", PASSWORD)).text).toContain(`Try again in ${seconds} s.`);
    await bench.clock.advance(seconds * 1_000);
  }
});

test("a name that nobody has is locked as a user is, so that the lock tells nothing", async () => {
  const bench = await open();
  const browser = bench.browser();
  for (let i = 0; i < 5; i++) expect((await browser.signIn("nobody", "wrong")).status).toBe(401);
  expect((await browser.signIn("nobody", "wrong")).text).toContain("Try again in 30 s.");
});

test("passwords that are tried at once count one by one", async () => {
  const bench = await open();
  const answers: number[] = [];
  for (let round = 0; round < 3; round++) {
    const tries = Array.from({ length: 4 }, () => bench.browser().signIn("kim", "wrong"));
    answers.push(...(await Promise.all(tries)).map(({ status }) => status));
  }
  expect(answers.filter((status) => status === 401)).toHaveLength(5);
  expect(answers.filter((status) => status === 429)).toHaveLength(7);
});

test("more passwords at once than the machine should hash are answered with a pause", async () => {
  const bench = await open();
  const names = Array.from({ length: 12 }, (_, i) => `user${i}`);
  const answers = await Promise.all(names.map((name) => bench.browser().signIn(name, "wrong")));
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toContain(401);
  expect(statuses).toContain(503);
  expect(statuses.every((status) => status === 401 || status === 503)).toBe(true);
});

test("a session ends when nobody uses it for a quarter of an hour, not before", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  for (let i = 0; i < 4; i++) {
    await bench.clock.advance(14 * MINUTE);
    expect((await browser.get("/console/suppliers")).status).toBe(200);
  }
  await bench.clock.advance(15 * MINUTE + 1);
  expect((await browser.get("/console/suppliers")).status).toBe(303);
});

test("a session ends after eight hours, however busy", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  for (let i = 0; i < 48; i++) {
    await bench.clock.advance(10 * MINUTE);
    expect((await browser.get("/console/suppliers")).status).toBe(200);
  }
  await bench.clock.advance(1);
  expect((await browser.get("/console/suppliers")).status).toBe(303);
});

test("a session outlives a restart, and holds on every replica", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const other = await bench.replica();
  opened.push(other);
  const there = other.browser();
  for (const [name, value] of browser.cookies) there.cookies.set(name, value);
  expect((await there.get("/console/suppliers")).status).toBe(200);
});

test("signing out ends the session in the store, whatever becomes of the cookie", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const kept = new Map(browser.cookies);
  const page = await browser.get("/console/suppliers");
  const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
  expect((await browser.post("/console/sign-out", { token })).location).toBe("/console/sign-in");
  expect(browser.cookies.size).toBe(0);
  for (const [name, value] of kept) browser.cookies.set(name, value);
  expect((await browser.get("/console/suppliers")).status).toBe(303);
});

test("a new password ends the sessions of the former one at once, a removed user's too", async () => {
  const bench = await open();
  const kim = await bench.signedIn("kim");
  const lee = await bench.signedIn("lee");
  await setPassword(join(bench.dir, USERS_FILE), "kim", "another password of kim");
  expect((await kim.get("/console/suppliers")).status).toBe(303);
  expect((await lee.get("/console/suppliers")).status).toBe(200);
  writeFileSync(join(bench.dir, USERS_FILE), "users: []");
  expect((await lee.get("/console/suppliers")).status).toBe(303);
});

test("who signs in, out, or fails to is in the audit log, never a password or a name that nobody has", async () => {
  const bench = await open();
  const browser = bench.browser();
  await browser.signIn("kim", "wrong");
  await browser.signIn(PASSWORD, "kim");
  await browser.signIn("kim", PASSWORD);
  const rows = (await audit(bench)).filter(({ action }) => action === "sign in");
  expect(rows.map(({ subject, outcome, details }) => [subject, outcome, details])).toEqual([
    ["kim", "refused", '{"failure":"password"}'],
    ["", "refused", '{"failure":"password"}'],
    ["kim", "done", "{}"],
  ]);
  expect(rows[2]?.actor).toBe("console kim 127.0.0.1");
  expect(JSON.stringify(await audit(bench))).not.toContain(PASSWORD);
});

test("a stolen store has no token that opens a session", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const token = browser.cookies.get("__Host-kms-console") ?? "";
  const stores = inlineStores();
  const store = await stores.open(kmsStore, join(bench.dir, "kms.sqlite"));
  expect(
    await store.call("consoleSession", { id: token, at: bench.clock.now(), idle: HOUR, lifetime: HOUR }),
  ).toBeUndefined();
  await stores.close();
});
