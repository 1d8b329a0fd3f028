import { describe, expect, it } from "vitest";
import { openBench, VIN } from "./bench.js";

const scan = { body: { text: VIN } };

describe("a request of another page", () => {
  it("has no CSRF token, or that of another session, and does nothing", async () => {
    const bench = await openBench({ profile: "body" });
    const browser = bench.browser();
    const { csrf } = await browser.session();
    for (const token of [undefined, "", "x", csrf.slice(1)]) {
      const headers: Record<string, string> = token === undefined ? {} : { "x-csrf-token": token };
      const { status, json } = await browser.ask("POST", "/api/bays/A/scan", { ...scan, headers });
      expect([token, status, json.code]).toEqual([token, 403, "PAGE_TOKEN"]);
    }
    expect(bench.orders).toEqual([]);
    const { status } = await browser.ask("POST", "/api/bays/A/scan", { ...scan, headers: { "x-csrf-token": csrf } });
    expect(status).toBe(204);
  });

  it("is told by its Origin", async () => {
    const bench = await openBench({ profile: "body" });
    const browser = bench.browser();
    const { csrf } = await browser.session();
    const from = async (origin: string) =>
      (await browser.ask("POST", "/api/bays/A/clear", { body: {}, headers: { "x-csrf-token": csrf, origin } })).status;
    expect(await from("http://evil.example")).toBe(400);
    expect(await from("null")).toBe(400);
    expect(await from(`https://127.0.0.1:${bench.port}`)).toBe(400);
    expect(await from(`http://127.0.0.1:${bench.port}`)).toBe(204);
  });

  it("that came by another name for this address (DNS rebinding) gets nothing, not even to read", async () => {
    const bench = await openBench({ names: ["station-3.plant"] });
    const browser = bench.browser();
    const by = async (host: string) => (await browser.ask("GET", "/api/session", { headers: { host } })).status;
    expect(await by("evil.example")).toBe(400);
    expect(await by("127.0.0.1.evil.example")).toBe(400);
    for (const host of ["localhost", `LOCALHOST:${bench.port}`, "127.0.0.1:1", "[::1]:80", "station-3.plant"])
      expect([host, await by(host)]).toEqual([host, 200]);
  });

  it("cannot send anything but JSON", async () => {
    const bench = await openBench({ profile: "body" });
    const browser = bench.browser();
    const { csrf } = await browser.session();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const headers = { "content-type": type, "x-csrf-token": csrf };
      expect((await browser.ask("POST", "/api/bays/A/scan", { ...scan, headers })).status).toBe(400);
    }
    expect(bench.orders).toEqual([]);
  });
});

describe("every answer", () => {
  it("keeps scripts, frames and requests of strangers out", async () => {
    const bench = await openBench();
    const browser = bench.browser();
    const events = await browser.events();
    const answers = [
      await browser.get("/"),
      await browser.get("/api/session"),
      await browser.get("/none"),
      events.response,
    ];
    for (const { headers } of answers) {
      const policy = String(headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["referrer-policy"]).toBe("no-referrer");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("that refuses says why in both languages", async () => {
    const bench = await openBench();
    const browser = bench.browser();
    await browser.session();
    for (const { json } of [
      await browser.get("/api/runs/none"),
      await browser.get("/api/yield?from=x&to=1"),
      await browser.post("/api/bays/A/scan", { text: "", more: 1 }),
      await browser.get("/pictures/..%2Fsecret.png"),
    ])
      expect(json).toEqual({
        code: expect.stringMatching(/^PAGE_/),
        text: { ko: expect.any(String), en: expect.any(String) },
      });
  });
});
