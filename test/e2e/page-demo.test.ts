/** `npm start` in a browser, as a newcomer meets it: real runs on simulated ECUs, provoked failures, a station that is killed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { type Running, run, start, tempFolder } from "../system/harness.js";
import { Chromium } from "./browser.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const VIN = "KMHAA00AAAA000017";

describe.skipIf(!chromium)("the demo's page", () => {
  let browser: Chromium;
  let station: Running;
  let url = "";
  const data = tempFolder("page-e2e");
  const tile = (name: string) => `[data-bay="${name}"]`;
  const shows = (words: string, selector?: string) => browser.shows(words, selector);
  const idle = (bay: string) =>
    browser.until(`bay ${bay} idle`, `document.querySelector('${tile(bay)}')?.dataset.phase === "idle"`);
  const text = (selector: string) => browser.text(selector);
  const urlOf = async (demo: Running) => {
    const line = await demo.line((one) => one.startsWith("Operator page: "));
    return /https?:\S+/.exec(line)?.[0] ?? "";
  };
  /** Scans a simulated unit on a bay by the simulator's panel. */
  async function simulate(bay: string, fault = ""): Promise<void> {
    await idle(bay);
    await browser.tap(`.simulator button[data-bay-choice="${bay}"]`);
    await browser.until("the faults", `document.querySelectorAll(".simulator option").length > 3`);
    await browser.evaluate(`document.querySelector(".simulator select").value = ${JSON.stringify(fault)}`);
    await browser.until("the button", `document.querySelector("[data-simulate]:enabled")`);
    const before = await browser.evaluate(`document.querySelector('${tile(bay)} .took')?.innerText`);
    await browser.tap("[data-simulate]");
    await browser.until(
      `bay ${bay} busy`,
      `document.querySelector('${tile(bay)}').dataset.phase !== "idle" ||
        document.querySelector('${tile(bay)} .took')?.innerText !== ${JSON.stringify(before)}`,
    );
  }

  beforeAll(async () => {
    station = start("ecustation", ["demo", "--data", data], { limit: 300_000 });
    url = await urlOf(station);
    browser = await Chromium.open();
    await browser.show(1280, "light");
    await browser.goto(url);
  });
  afterAll(async () => {
    await browser?.close();
    await station?.stop();
  });

  it("shows the first unit's PASS by itself", async () => {
    await shows("합격 PASS", `${tile("1")} .band`);
    expect(await browser.evaluate("location.pathname")).toBe("/");
  });

  it("runs two bays at once, each with its own unit", async () => {
    await simulate("1");
    await simulate("2");
    await shows("합격 PASS", `${tile("2")} .band`);
    await shows("합격 PASS", `${tile("1")} .band`);
    expect(await text(`${tile("1")} .band .unit`)).not.toBe(await text(`${tile("2")} .band .unit`));
  });

  it("begins with what a scanner types", async () => {
    await idle("2");
    await browser.press("F2");
    await browser.scan(VIN);
    await shows(VIN, tile("2"));
    await browser.until(
      "the run or its start",
      `document.querySelector('${tile("2")}').dataset.phase !== "idle" || document.querySelector('${tile("2")} button.act')`,
    );
    await browser.evaluate(`document.querySelector('${tile("2")} .actions button.act')?.click()`);
    await shows(`VIN ${VIN}`, `${tile("2")} .band.PASS`);
  });

  it("shows what a faulty unit comes to, and the exchange that it failed in", async () => {
    await simulate("1", "nrc:31:72");
    await shows("불합격 FAIL", `${tile("1")} .band`);
    await browser.tap(`${tile("1")} a[href^="#/history/"]`);
    await browser.tap(".step.failed button");
    await browser.until("its messages", `document.querySelectorAll(".step.failed .trace-lines tr").length > 0`);
    expect(await text(".step.failed .trace-lines")).toContain("7f 31 72");
    await browser.press("Escape");
    await shows("불합격", "main");
    await browser.press("Escape");
    await browser.until("the bays", `document.querySelector('${tile("1")}')`);
  });

  it("aborts a run that was found again after a reload", async () => {
    await simulate("1", "slow:500");
    await shows("중단", `${tile("1")} .actions`);
    const vin = await text(`${tile("1")} .head .unit`);
    await browser.loading(() => browser.evaluate("location.reload()"));
    await shows("중단", `${tile("1")} .actions`);
    expect(await text(`${tile("1")} .head .unit`)).toBe(vin);
    await browser.press("F1");
    await browser.tap("dialog[open] [data-confirm]");
    await shows("중단됨 ABORTED", `${tile("1")} .band`);
  });

  it("shows a KMS that is cut off, what becomes of a unit then, and that it is back", async () => {
    await browser.tap('[data-break="KMS"]');
    await browser.until("KMS down", `document.querySelector(".bar .server.down")`);
    await simulate("2");
    await shows("오류 ERROR", `${tile("2")} .band`);
    await browser.until("the way back", `document.querySelector('[data-break="KMS"][aria-pressed="true"]')`);
    await browser.tap('[data-break="KMS"]');
    await browser.until("KMS up", `document.querySelectorAll(".bar .server.up").length === 2`);
    await simulate("2");
    await shows("합격 PASS", `${tile("2")} .band`);
  });

  it("says that the station is gone when it was killed, and shows the truth when it is back", async () => {
    await simulate("1", "slow:500");
    await station.kill();
    await shows("연결할 수 없습니다", ".stale");
    station = start("ecustation", ["demo", "--data", data], { limit: 300_000 });
    expect(await urlOf(station)).toBe(url);
    await browser.until("no banner", `document.querySelector(".stale") === null`);
    await idle("1");
    await browser.until("a verdict", `document.querySelector('${tile("1")} .band.verdict')`);
  });

  it("keeps a signed-in operator to what operators may", async () => {
    await station.stop();
    await run("ecustation", ["users", "add", "kim", "--role", "operator", "--data", data], { input: "2468\n" });
    station = start("ecustation", ["demo", "--data", data], { limit: 300_000 });
    await browser.goto(await urlOf(station));
    await browser.tap(`${tile("1")} a[href="#/sign-in"]`);
    await browser.type('input[name="name"]', "kim");
    await browser.type('input[name="pin"]', "1111");
    await browser.press("Enter");
    await browser.until("the refusal", `document.querySelector("main .note.wrong")`);
    await browser.type('input[name="pin"]', "2468");
    await browser.press("Enter");
    await shows("kim", ".bar");
    await browser.until("the scan field", `document.querySelector('${tile("1")} [data-scan]')`);
    await browser.evaluate(`location.hash = "#/servers"`);
    await shows("권한이 없습니다", "main");
  });
});
