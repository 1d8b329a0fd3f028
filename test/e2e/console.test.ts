/** The KMS console as a person at a browser uses it. */
import { readFileSync } from "node:fs";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { requireTool, works } from "../require.js";
import { run, type Servers, startServers, tempFolder } from "../system/harness.js";
import { Chromium } from "./browser.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const ACCESSIBILITY = readFileSync(new URL("./accessibility.js", import.meta.url), "utf8");
const PASSWORD = "a long password";
const UID = `00030001${"0".repeat(21)}1`;

describe.skipIf(!chromium)("the console in Chromium", () => {
  let servers: Servers;
  let browser: Chromium;
  const at = (path: string) => `${servers.kms}/console${path}`;
  const text = () => browser.text();

  beforeAll(async () => {
    const data = tempFolder("console-e2e");
    await run("ecustation", ["console", "passwd", "kim", "--data", data], { input: `${PASSWORD}\n` });
    servers = await startServers(["--data", data]);
    browser = await Chromium.open();
    const agent = new Agent({ connect: { ca: readFileSync(servers.ca, "utf8") } });
    const body = JSON.stringify({ ProvisioningType: "EcuMasterKey", EcuID: `${"0".repeat(24)}${UID}`, KeyID: "1" });
    const issued = await request(`${servers.kms}${KMS_PATHS.key}`, { method: "POST", dispatcher: agent, body });
    expect(await issued.body.json()).toMatchObject({ ResultStatus: "Success" });
    await agent.close();
  });
  afterAll(async () => {
    await browser?.close();
    await servers?.stop();
  });

  it("asks for a sign-in in Korean and lets a user in by the keyboard alone", async () => {
    await browser.goto(at(""));
    expect(await browser.evaluate("document.documentElement.lang")).toBe("ko");
    await browser.type("#user", "kim");
    await browser.press("Tab");
    expect(await browser.evaluate("document.activeElement.id")).toBe("password");
    await browser.type("#password", PASSWORD);
    await browser.loading(() => browser.press("Enter"));
    expect(await text()).toContain("공급사 추가");
    expect(await browser.evaluate("document.cookie")).toBe("");
  });

  it("has labels, contrast and targets of 64 px on the sign-in, too", async () => {
    const other = await Chromium.open();
    await other.goto(at("/sign-in"));
    expect(await other.evaluate(ACCESSIBILITY)).toEqual([]);
    await other.close();
  });

  it("switches the language at once", async () => {
    await browser.click('nav.language a[lang="en"]');
    expect(await text()).toContain("Add a supplier");
  });

  it("adds a supplier by the keyboard, with what looks like markup as text", async () => {
    await browser.goto(at("/suppliers/new"));
    await browser.type("#id", "0x0777");
    await browser.type("#name", "<img src=x onerror=document.title='broken'>");
    await browser.loading(() => browser.press("Enter"));
    expect(await text()).toContain("<img src=x onerror=document.title='broken'>");
    expect(await browser.evaluate("document.title")).toBe("Suppliers · KMS Suppliers & ECUs");
    expect(await browser.evaluate("document.images.length")).toBe(0);
  });

  it("says what is wrong with a form, and keeps what was typed", async () => {
    await browser.goto(at("/ecu-types/new"));
    await browser.type("#id", "7x");
    await browser.type("#name", "half done");
    await browser.click("#entry .button");
    expect(await text()).toContain("Number: expected a number, decimal or as 0x1D");
    expect(await browser.evaluate("document.querySelector('#name').value")).toBe("half done");
    expect(await browser.evaluate("document.querySelector('#id').getAttribute('aria-invalid')")).toBe("true");
  });

  it("disables the supplier", async () => {
    await browser.goto(at("/suppliers/entry?id=0x0777"));
    await browser.click("button.danger");
    expect(await text()).toMatch(/0x0777[\s\S]*disabled/);
  });

  describe.each(["light", "dark"] as const)("in the %s palette", (scheme) => {
    it.each([
      ...["/suppliers", "/suppliers/new", "/suppliers/entry?id=0x0001", "/ecu-types", "/ecu-types/entry?id=0x0003"],
      ...[
        "/secrets",
        "/secrets/new",
        "/secrets/entry?id=simulator-cluster",
        "/ecus",
        `/ecu?phase=Prod&uid=${UID}`,
        "/ecus?uid=x",
        "/none",
      ],
    ])("%s has labels, contrast, targets of 64 px, and fits the window", async (path) => {
      await browser.show(1280, scheme);
      await browser.goto(at(path));
      // Not the sign-in, which every page leads to without a session.
      expect(await browser.evaluate("location.pathname")).toBe(new URL(at(path)).pathname);
      expect(await browser.evaluate(ACCESSIBILITY)).toEqual([]);
    });
  });

  it("the check of pages finds what is planted", async () => {
    await browser.goto(at("/suppliers"));
    await browser.evaluate(`document.querySelector("main").insertAdjacentHTML("beforeend",
      '<input id="main"><button></button><span class="muted" style="opacity:1"><b class="onAct" style="">x</b></span>')`);
    const found = await browser.evaluate<{ what: string }[]>(ACCESSIBILITY);
    const planted = [
      "a field without a label",
      "a button or link without a name",
      "a target lower than 64 px",
      "an id twice: main",
    ];
    expect(found.map(({ what }) => what)).toEqual(expect.arrayContaining(planted));
  });

  it("signs out", async () => {
    await browser.goto(at("/suppliers"));
    await browser.click("header form button");
    await browser.goto(at("/suppliers"));
    expect(await text()).toContain("Sign in");
  });
});
