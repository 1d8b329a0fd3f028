import { afterAll, beforeAll, expect, test } from "vitest";
import { type Browser, type ConsoleBench, formOf, openConsoleBench } from "./helpers.js";

let bench: ConsoleBench;
let browser: Browser;
beforeAll(async () => {
  bench = await openConsoleBench();
  browser = await bench.signedIn();
});
afterAll(() => bench.close());

const FORM = { id: "0x0777", name: "new", version: "" };
const tokenOf = async (from: Browser) =>
  formOf((await from.get("/console/suppliers/new")).text, "entry").values.token?.[0] ?? "";
const suppliers = async () => (await browser.get("/console/suppliers")).text;

test("a form without its session's token changes nothing", async () => {
  const other = await bench.signedIn("lee");
  for (const token of [undefined, "", "x", await tokenOf(other)]) {
    const answer = await browser.post("/console/suppliers/new", { ...FORM, ...(token === undefined ? {} : { token }) });
    expect(answer.status).toBe(403);
  }
  expect(await suppliers()).not.toContain("0x0777");
});

test.each([
  ["another site's page", { origin: "https://evil.example" }],
  ["a page without an origin of its own", { origin: "null" }],
  ["the same name without TLS", { origin: "http://kms.example" }],
  ["a browser that says cross-site", { origin: "https://kms.example", "sec-fetch-site": "cross-site" }],
  ["a browser that says same-site", { origin: "https://kms.example", "sec-fetch-site": "same-site" }],
])("what %s sends is refused, with the right token too", async (_name, headers) => {
  const token = await tokenOf(browser);
  const answer = await browser.post("/console/suppliers/new", { ...FORM, token }, headers);
  expect(answer.status).toBe(403);
  expect((await bench.browser().post("/console/sign-in", { user: "kim", password: "x" }, headers)).status).toBe(403);
  expect(await suppliers()).not.toContain("0x0777");
});

test("a change cannot be asked for by a GET", async () => {
  const token = await tokenOf(browser);
  const query = new URLSearchParams({ ...FORM, token });
  expect((await browser.get(`/console/suppliers/new?${query}`)).status).not.toBe(303);
  expect((await browser.get(`/console/suppliers/state?id=0x0001&enabled=no&token=${token}`)).status).not.toBe(303);
  expect(await suppliers()).not.toContain("0x0777");
  expect(await suppliers()).not.toContain("disabled");
});

test.each(["application/json", "text/plain", "multipart/form-data; boundary=x", ""])(
  "a body of type %j is refused",
  async (type) => {
    const token = await tokenOf(browser);
    const body = new URLSearchParams({ ...FORM, token }).toString();
    const answer = await browser.ask(
      "POST",
      "/console/suppliers/new",
      { ...(type === "" ? {} : { "content-type": type }), origin: "https://kms.example" },
      body,
    );
    expect([403, 415]).toContain(answer.status);
    expect(await suppliers()).not.toContain("0x0777");
  },
);

test("a form beyond 64 KiB is refused in a line", async () => {
  const answer = await browser.post("/console/suppliers/new", { ...FORM, name: "x".repeat(70_000) });
  expect(answer.status).toBe(413);
  expect(answer.text).toContain("The form is too large.");
});

test("a form that comes after the session's end says so and changes nothing", async () => {
  const stranger = bench.browser();
  const answer = await stranger.post("/console/suppliers/new", FORM);
  expect(answer.status).toBe(303);
  expect((await stranger.get(answer.location)).text).toContain("What was sent was not taken.");
});

test("every answer forbids scripts, frames, sniffing and caching", async () => {
  const urls = ["/console/suppliers", "/console/sign-in", "/console/none", "/console/style.css", "/console"];
  for (const url of urls) {
    const { headers } = await browser.get(url);
    expect(headers["content-security-policy"], url).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["x-frame-options"]).toBe("DENY");
    if (!url.endsWith(".css")) expect(headers["cache-control"]).toBe("no-store");
  }
});

test("paths and methods that there are not are answered by a page", async () => {
  const none = await browser.get("/console/none");
  expect([none.status, none.text.includes("There is nothing at this address.")]).toEqual([404, true]);
  const answer = await bench.app.inject({ method: "DELETE", url: "/console/suppliers" });
  expect([answer.statusCode, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
});

test("whatever is sent, nothing ends in a fault of the server", async () => {
  const token = await tokenOf(browser);
  const odd = [
    "",
    "\u0000",
    "%",
    "'\"<>",
    "0x",
    "__proto__",
    "constructor",
    "9".repeat(400),
    "\ud83d\ude00".repeat(50),
  ];
  for (const path of ["suppliers", "ecu-types", "secrets"])
    for (const value of odd) {
      const query = new URLSearchParams({ id: value });
      for (const url of [
        `/console/${path}/entry?${query}`,
        `/console/ecus?uid=${encodeURIComponent(value)}&after=${encodeURIComponent(value)}`,
      ])
        expect((await browser.get(url)).status, url).toBeLessThan(500);
      const fields = {
        token,
        id: value,
        version: value,
        "value.kept": value,
        "factoryMasterKey.kept": value,
        "slot.4": value,
        bank: value,
        delivery: value,
      };
      for (const action of ["new", `entry?${query}`, "state"])
        expect(
          (await browser.post(`/console/${path}/${action}`, fields)).status,
          `${path} ${action} ${value}`,
        ).toBeLessThan(500);
    }
});
