import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../src/audit/chain.js";
import { openReader } from "../../../src/db/database.js";
import { type Bench, type BenchOptions, type Browser, openBench } from "./bench.js";

async function plant(options: BenchOptions = {}): Promise<{ bench: Bench; browser: Browser }> {
  const bench = await openBench({ mode: "plant", profile: "body", ...options });
  await bench.records.users.add({ name: "김", role: "operator", pin: "4711", badge: "B-1" }, "test");
  await bench.records.users.add({ name: "lee", role: "admin", pin: "0815" }, "test");
  return { bench, browser: bench.browser() };
}

describe("signing in", () => {
  it("is by name and PIN, or by badge; the cookie is for the server's own pages and no script", async () => {
    const { browser } = await plant();
    expect(await browser.session()).toMatchObject({ users: true });
    const answer = await browser.signIn({ name: "김", pin: "4711" });
    expect(answer.json.user).toEqual({ name: "김", role: "operator" });
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/^ecustation-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const other = await browser.signIn({ badge: "B-1" });
    expect(other.json.user.name).toBe("김");
    expect((await browser.signIn({ badge: "B-2" })).json.code).toBe("PAGE_PIN_WRONG");
    expect((await browser.signIn({ name: "nobody", pin: "4711" })).json.code).toBe("PAGE_PIN_WRONG");
  }, 30_000);

  it("ends with signing out, and by itself after idle time and lifetime", async () => {
    const { bench, browser } = await plant();
    await browser.signIn({ name: "lee", pin: "0815" });
    expect((await browser.get("/api/users")).status).toBe(200);
    await browser.post("/api/session/end");
    expect((await browser.get("/api/users")).status).toBe(401);
    await browser.signIn({ name: "lee", pin: "0815" });
    await bench.clock.advance(60_001);
    expect((await browser.get("/api/users")).status).toBe(401);
    await browser.signIn({ name: "lee", pin: "0815" });
    for (let i = 0; i < 12; i++) {
      await bench.clock.advance(50_000);
      expect((await browser.get("/api/users")).status).toBe(200);
    }
    await bench.clock.advance(1);
    expect((await browser.get("/api/users")).status).toBe(401);
  }, 30_000);

  it("costs a growing pause from the third wrong PIN on, whatever name; the right one does not shorten it", async () => {
    const { bench, browser } = await plant();
    const tryIt = async (pin: string, name = "lee") => {
      const { status, json } = await browser.signIn({ name, pin });
      return status === 429 ? json.wait : status;
    };
    for (const name of ["lee", "nobody"]) {
      expect([await tryIt("1", name), await tryIt("2", name), await tryIt("3", name)]).toEqual([401, 401, 401]);
      expect(await tryIt("0815", name)).toBe(10_000);
    }
    await bench.clock.advance(10_000);
    expect(await tryIt("4")).toBe(401);
    expect(await tryIt("0815")).toBe(20_000);
    await bench.clock.advance(20_000);
    expect(await tryIt("0815")).toBe(200);
    expect(await tryIt("1")).toBe(401);
    expect(await tryIt("0815")).toBe(200);
  }, 60_000);

  it("stands in the audit log, refused or not, and names nobody who is not a user", async () => {
    const folder = mkdtempSync(join(tmpdir(), "page-"));
    const file = join(folder, "records.sqlite");
    const { bench, browser } = await plant({ file });
    await browser.signIn({ name: "4711", pin: "9" });
    await browser.signIn({ name: "lee", pin: "9999" });
    await browser.signIn({ name: "lee", pin: "0815" });
    await bench.records.users.lock("lee", true, "test");
    await browser.signIn({ name: "lee", pin: "0815" });
    const reader = openReader(file);
    const rows: unknown[] = [];
    for await (const { actor, action, subject, outcome, details } of rowsOf(reader))
      rows.push([actor, action, subject, outcome, (JSON.parse(String(details)) as { failure?: string }).failure]);
    reader.close();
    rmSync(folder, { recursive: true, force: true });
    expect(rows.slice(-7)).toEqual([
      ["test", "add user", "김", "done", undefined],
      ["test", "add user", "lee", "done", undefined],
      ["page 127.0.0.1", "sign in", "", "refused", "wrong"],
      ["page 127.0.0.1", "sign in", "lee", "refused", "wrong"],
      ["page 127.0.0.1", "sign in", "lee", "done", undefined],
      ["test", "lock user", "lee", "done", undefined],
      ["page 127.0.0.1", "sign in", "lee", "refused", "locked"],
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/4711|0815|9999/);
  }, 30_000);
});

describe("a user who is locked or gets another PIN", () => {
  it("is out at once, and may not come back while locked", async () => {
    const { bench, browser } = await plant();
    await browser.signIn({ name: "김", pin: "4711" });
    const admin = bench.browser();
    await admin.signIn({ name: "lee", pin: "0815" });
    expect((await browser.get("/api/runs")).status).toBe(200);
    expect((await admin.post(`/api/users/${encodeURIComponent("김")}/lock`, { locked: true })).status).toBe(204);
    expect((await browser.get("/api/runs")).status).toBe(401);
    expect((await browser.signIn({ name: "김", pin: "4711" })).json.code).toBe("PAGE_PIN_WRONG");
    expect((await browser.signIn({ badge: "B-1" })).json.code).toBe("PAGE_PIN_WRONG");
    await admin.post(`/api/users/${encodeURIComponent("김")}/lock`, { locked: false });
    await browser.signIn({ name: "김", pin: "4711" });
    expect((await browser.get("/api/runs")).status).toBe(200);
    await admin.post(`/api/users/${encodeURIComponent("김")}/pin`, { pin: "123456" });
    expect((await browser.get("/api/runs")).status).toBe(401);
    expect((await browser.signIn({ name: "김", pin: "123456" })).status).toBe(200);
  }, 60_000);

  it("is added by an admin alone, once, with a badge of their own", async () => {
    const { bench } = await plant();
    const admin = bench.browser();
    await admin.signIn({ name: "lee", pin: "0815" });
    const add = async (user: object) => (await admin.post("/api/users", user)).status;
    expect(await add({ name: "park", role: "engineer", pin: "1111", badge: "B-9" })).toBe(204);
    expect(await add({ name: "park", role: "engineer", pin: "1111" })).toBe(400);
    expect(await add({ name: "choi", role: "engineer", pin: "1111", badge: "B-9" })).toBe(400);
    expect(await add({ name: "choi", role: "engineer", pin: "abcd" })).toBe(400);
    expect((await admin.get("/api/users")).json).toEqual([
      { name: "lee", role: "admin", badge: false, locked: false },
      { name: "park", role: "engineer", badge: true, locked: false },
      { name: "김", role: "operator", badge: true, locked: false },
    ]);
  }, 30_000);
});

describe("a badge", () => {
  it("counts without the blanks around it, and is none where it is nothing else", async () => {
    const { bench } = await plant();
    const admin = bench.browser();
    await admin.signIn({ name: "lee", pin: "0815" });
    await admin.post("/api/users", { name: "park", role: "engineer", pin: "1111", badge: " B-9 " });
    expect((await bench.browser().signIn({ badge: "B-9" })).json.user.name).toBe("park");
    await admin.post("/api/users/park/pin", { pin: "2222", badge: "\tB-8" });
    expect((await bench.browser().signIn({ badge: "B-8 " })).json.user.name).toBe("park");
    await admin.post("/api/users/park/pin", { pin: "3333", badge: "  " });
    expect((await bench.browser().signIn({ badge: "B-8" })).status).toBe(200);
  }, 30_000);
});

describe("simulator mode", () => {
  it("asks for nobody while there are no users, and for one from the first user on", async () => {
    const bench = await openBench({ mode: "simulator" });
    const browser = bench.browser();
    expect(await browser.session()).toMatchObject({ user: { role: "engineer" }, users: false });
    expect((await browser.get("/api/outbox")).status).toBe(200);
    expect((await browser.get("/api/users")).status).toBe(403);
    await bench.records.users.add({ name: "lee", role: "admin", pin: "0815" }, "test");
    expect((await browser.get("/api/outbox")).status).toBe(401);
  }, 30_000);
});
