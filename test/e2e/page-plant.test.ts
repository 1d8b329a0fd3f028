/** The page of a plant's station in a browser: over TLS, people who sign in, approve, switch, settle; what they save is what the station has. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { EVCC, recordsFile, rows } from "../system/cases.js";
import { callBuilt, tempFolder } from "../system/harness.js";
import { Chromium } from "./browser.js";
import { Plant } from "./page/plant.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const PINS = { kim: "135790", lee: "246802" } as const;
const TILE = '[data-bay="A"]';

describe.skipIf(!chromium)("the page of a plant", () => {
  const plant = new Plant();
  const saved = tempFolder("saved");
  let browser: Chromium;
  let runId = "";
  beforeAll(async () => {
    await plant.open({ kim: ["admin", PINS.kim] });
    browser = await Chromium.open(plant.certificate);
    await browser.saveTo(saved);
    await browser.show(1280, "light", 1024);
    await browser.goto(plant.url);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await plant.close();
  });

  const go = (place: string) => browser.evaluate(`location.hash = "#/${place}"`);
  /** Whether it was let in. */
  const signIn = async (name: string, pin: string): Promise<boolean> => {
    // From elsewhere: the form has nothing of the try before.
    await go("operate");
    await browser.until("the bays", `document.querySelector("main.operate")`);
    await go("sign-in");
    await browser.until("the form", `document.querySelector('input[name="pin"]')`);
    await browser.type('input[name="name"]', name);
    await browser.type('input[name="pin"]', pin);
    await browser.press("Enter");
    await browser.until("an answer", `document.querySelector("main.operate, main .note.wrong")`);
    return (await browser.text(".bar")).includes(name);
  };
  const signOut = async () => {
    await go("sign-in");
    await browser.tap("main .panel p button");
    await browser.until("nobody", `document.querySelector('.bar a[href="#/sign-in"]')`);
  };
  /** Saves what a link leads to; its bytes. */
  const download = async (selector: string) => {
    await browser.until(selector, `document.querySelector(${JSON.stringify(selector)})`);
    const name = await browser.downloading(() => browser.tap(selector));
    return readFileSync(join(saved, name));
  };

  it("is served by TLS alone, with a certificate that the browser knows", async () => {
    expect(await browser.evaluate("[location.protocol, location.hostname, isSecureContext]")).toEqual([
      "https:",
      "127.0.0.2",
      true,
    ]);
    await browser.shows("로그인하고 스캔", TILE);
  });

  it("locks somebody out after wrong PINs, for a while", async () => {
    const refusal = async () => {
      expect(await signIn("kim", "0000")).toBe(false);
      return browser.text("main");
    };
    // One that comes when the pause is over is wrong again, and makes the next pause longer.
    await expect.poll(refusal, { timeout: 60_000 }).toContain("잘못된 PIN이 너무 많습니다");
    await expect.poll(() => signIn("kim", PINS.kim), { timeout: 60_000, interval: 1_000 }).toBe(true);
  });

  it("takes a user whom an admin adds", async () => {
    await go("admin");
    await browser.type('main [name="name"]', "lee");
    await browser.evaluate(`document.querySelector('main [name="role"]').value = "engineer"`);
    await browser.type('main [name="pin"]', PINS.lee);
    await browser.press("Enter");
    await browser.shows("lee", "main .cards");
    await browser.shows("she-uds", '[data-bay-row="A"]');
  });

  it("begins no unit before two people have approved its profile, each by name", async () => {
    for (const [index, name] of (["kim", "lee"] as const).entries()) {
      if (index > 0) {
        await signOut();
        expect(await signIn(name, PINS[name])).toBe(true);
      }
      await go("profiles");
      const card = `[...document.querySelectorAll(".card")].find((card) => card.textContent.includes("bms"))`;
      await browser.until("the profile", `${card}?.querySelector("button.act")`);
      await browser.evaluate(`${card}.querySelector("button.act").click()`);
      await browser.until(`the approval of ${name}`, `${card}?.textContent.includes("${name} 승인")`);
    }
    await browser.shows("✓승인됨", "main .cards");
  });

  it("scans a unit, asks the person to switch it on, and shows its PASS", async () => {
    plant.mes = 422;
    await go("operate");
    await browser.until("the field", `document.querySelector('${TILE} [data-scan]')`);
    for (const code of [EVCC.vin, EVCC.pcid, EVCC.evccid]) {
      await browser.press("F1");
      await browser.scan(code);
      if (code !== EVCC.evccid) await browser.shows(code, `${TILE} .echo`);
    }
    await browser.shows("유닛의 전원을 켜십시오", `${TILE} .band`);
    await browser.tap(`${TILE} .band button.act`);
    await browser.shows("합격 PASS", `${TILE} .band`);
    runId = await browser.evaluate<string>(
      `decodeURIComponent(document.querySelector('${TILE} a[href^="#/history/"]').hash.split("/").at(-1))`,
    );
  });

  it("saves record, list and traces as the station has them, byte by byte", async () => {
    await go(`history/${runId}`);
    const links = `document.querySelectorAll(".record a[download]").length`;
    await browser.until("record and two traces", `${links} === 3`);
    const [row] = rows<{ record: string }>(recordsFile(join(plant.folder, "data")), "SELECT record FROM run");
    expect((await download('a[download][href$="/record"]')).toString()).toBe(row?.record);
    for (const format of ["pcapng", "asc"])
      expect(await download(`a[download][href$="/${format}"]`)).toEqual(plant.file("traces", `${runId}.${format}`));
    await go("history");
    const csv = await callBuilt("ecustation", ["records", "export", "--format", "csv", ...plant.global]);
    expect((await download("main form a[download]")).toString()).toBe(csv.stdout);
  });

  it("prints the unit's record without bar and buttons", async () => {
    await go(`history/${runId}`);
    await browser.until("the record", `document.querySelector(".record .steps")`);
    const { shown, pdf } = await browser.printed(
      `[...document.querySelectorAll(".bar, .noprint, .record h2")].filter((e) => e.getClientRects().length > 0).map((e) => e.textContent)`,
    );
    expect(shown).toEqual(expect.arrayContaining(["단계", "인증서", "키 저장 증명"]));
    expect(JSON.stringify(shown)).not.toMatch(/인쇄|메뉴|메시지/);
    expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  });

  it("shows a result that the MES refused; sent again it arrives once", async () => {
    await go("servers");
    await browser.shows("격리됨", "main table");
    plant.mes = 200;
    await browser.tap("main table td button");
    await browser.shows("기다리는 결과가 없습니다", "main");
    expect(plant.taken).toHaveLength(1);
  });

  it("waives a refused result for an admin alone, who says why; who and why stand in the audit log", async () => {
    plant.mes = 422;
    await go("operate");
    await browser.tap(`${TILE} .actions button.plain`);
    for (const code of [EVCC.vin, EVCC.pcid, EVCC.evccid]) {
      await browser.press("F1");
      await browser.scan(code);
      if (code !== EVCC.evccid) await browser.shows(code, `${TILE} .echo`);
    }
    await browser.tap(`${TILE} .band.prompt button.act`);
    await browser.shows("합격 PASS", `${TILE} .band`);
    await go("servers");
    await browser.shows("격리됨", "main table");
    expect(await browser.evaluate(`document.querySelector("td button.danger")`)).toBeNull();
    await signOut();
    expect(await signIn("kim", PINS.kim)).toBe(true);
    await go("servers");
    await browser.tap("td button.danger");
    await browser.type("dialog[open] input", "the line was changed over");
    await browser.press("Enter");
    await browser.shows("기다리는 결과가 없습니다", "main");
    expect(plant.taken).toHaveLength(1);
    const log = await callBuilt("ecustation", ["records", "export", "--audit", ...plant.global]);
    const waived = log.stdout.split("\n").find((line) => line.includes('"waive'));
    expect(waived).toMatch(/"actor":"kim".*the line was changed over/);
  });

  it("shows the verdict still when the station was started anew; everybody signs in again", async () => {
    await go("operate");
    await plant.stop();
    await browser.shows("연결할 수 없습니다", ".stale");
    await plant.start();
    await browser.until("no banner", `document.querySelector(".stale") === null`);
    await browser.shows("합격 PASS", `${TILE} .band`);
    await browser.shows(EVCC.vin, `${TILE} .band`);
    await browser.shows("로그인하고 스캔", TILE);
    expect(readdirSync(saved).length).toBe(4);
  });
});
