/** What becomes of scans that must not be taken as they are: badges, scans that nobody hears, scans of nobody. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SCAN_LIMIT } from "../../src/hmi/contract/state.js";
import { requireTool, works } from "../require.js";
import { Chromium } from "./browser.js";
import { FakeStation } from "./page/fake.js";
import { openPage } from "./page/open.js";
import { answerAll, idle, passed, running, stateOf, VIN } from "./page/states.js";

const OTHER = "KMHAA00AAAA000002";
const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");

describe.skipIf(!chromium)("a scan", () => {
  let browser: Chromium;
  let station: FakeStation;

  beforeAll(async () => {
    browser = await Chromium.open();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    station = new FakeStation(stateOf([idle("1"), idle("2")]));
    answerAll(station, "engineer");
  });
  afterEach(() => station.close());

  const tile = (name: string) => `[data-bay="${name}"]`;
  const operate = async () => {
    await openPage(browser, station);
    await browser.until("the tiles", `document.querySelectorAll(".tile input").length > 0`);
  };

  it("while the station is silent is not sent, and the tile says so until the next one", async () => {
    await operate();
    // What was refused before does not hide it.
    const why = { ko: "알 수 없는 값입니다.", en: "Not known." };
    station.change({ bay: { ...idle("1"), scan: { ...idle("1").scan, refused: { why } } } });
    await browser.shows(why.ko, tile("1"));
    station.beating = false;
    await browser.shows("응답이 없습니다", ".stale");
    await browser.scan(VIN);
    await browser.shows("빨간 알림이 사라지면 다시 스캔하십시오", tile("1"));
    station.beating = true;
    await browser.until("no banner", `document.querySelector(".stale") === null`);
    expect(station.posted).toEqual([]);
    await browser.scan(OTHER);
    await expect.poll(() => station.posted).toMatchObject([{ body: { text: OTHER, heard: expect.any(Number) } }]);
    expect(await browser.text(tile("1"))).not.toContain("빨간 알림");
  });

  it("that the station does not answer is given up within seconds, and the next one begins anew", async () => {
    await operate();
    station.mute = true;
    await browser.scan(VIN);
    const before = await browser.evaluate<number>("performance.now()");
    await browser.shows("제때 응답하지 않아", tile("1"));
    expect((await browser.evaluate<number>("performance.now()")) - before).toBeLessThan(2 * SCAN_LIMIT);
    await browser.scan(OTHER);
    await browser.until("the next one's way", `!document.querySelector('${tile("1")}').innerText.includes("제때")`);
    expect(station.posted[0]).toMatchObject({ body: { text: VIN } });
  });

  it("goes to the bay that was used last, by a touch anywhere on its tile, from another screen and after a reload; its tile says so", async () => {
    await operate();
    const marked = () =>
      browser.evaluate(`document.querySelector(".tile.next .here").closest("[data-bay]").dataset.bay`);
    const scanned = async (text: string) => {
      const before = station.posted.length;
      await browser.scan(text);
      await expect.poll(() => station.posted.length, { timeout: 20_000 }).toBe(before + 1);
      return station.posted.at(-1)?.path;
    };
    expect(await marked()).toBe("1");
    await browser.tap(`${tile("2")} .band`);
    await browser.until("the mark", `document.querySelector('${tile("2")}.next .here')`);
    expect(await scanned(VIN)).toBe("/api/bays/2/scan");
    await browser.evaluate(`location.hash = "#/history/run-1"`);
    await browser.until("the record", `document.querySelector(".record")`);
    await browser.evaluate(`location.hash = "#/operate"`);
    await browser.until("the tiles", `document.querySelector(".tile input")`);
    expect(await scanned(OTHER)).toBe("/api/bays/2/scan");
    await browser.loading(() => browser.evaluate("location.reload()"));
    await browser.until("the tiles", `document.querySelector(".tile input")`);
    expect(await marked()).toBe("2");
    expect(await scanned(VIN)).toBe("/api/bays/2/scan");
    await browser.press("F1");
    await browser.until("the mark", `document.querySelector('${tile("1")}.next .here')`);
    expect(await scanned(OTHER)).toBe("/api/bays/1/scan");
  });

  it("that a bay at work refuses says so until that work ends", async () => {
    const text = { ko: "이 베이는 작업 중입니다.", en: "This bay is running." };
    station.answer("scan", { code: "RUN_BUSY", text }, 409, { bay: "1" });
    await operate();
    station.change({ bay: running("1") });
    await browser.until("the run", `document.querySelector('${tile("1")}').dataset.phase === "running"`);
    await browser.scan(VIN);
    await browser.shows(text.ko, tile("1"));
    station.change({ bay: passed("1") });
    await browser.shows("합격 PASS", `${tile("1")} .band`);
    expect(await browser.text(tile("1"))).not.toContain(text.ko);
  });

  it("that comes when the session has ended says why it was not taken", async () => {
    await operate();
    station.answer("session", { csrf: "token-0", users: true });
    const text = { ko: "로그인이 필요합니다.", en: "Nobody is signed in." };
    station.answer("scan", { code: "PAGE_SIGN_IN", text }, 401, { bay: "1" });
    await browser.scan(VIN);
    await browser.until("nobody", `document.querySelector('${tile("1")} a[href="#/sign-in"]')`);
    await browser.shows("로그인이 끝나 스캔이 반영되지 않았습니다", tile("1"));
    expect(await browser.text(tile("2"))).not.toContain("반영되지 않았습니다");
  });

  it("of a badge in the field for the name signs in, and does not stay there", async () => {
    await openPage(browser, station, "#/sign-in");
    await browser.until("the form", `document.querySelector('input[name="name"]')`);
    // At once, as a scanner types: the protocol's keys come as slowly as a busy machine sends them.
    const left = await browser.evaluate(`(() => {
      const field = document.querySelector('input[name="name"]');
      const press = (key) => field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      field.focus();
      for (const key of "BADGE-7") {
        press(key);
        field.value += key;
      }
      press("Enter");
      return field.value;
    })()`);
    expect(left).toBe("");
    await expect.poll(() => station.posted).toMatchObject([{ path: "/api/session", body: { badge: "BADGE-7" } }]);
  });
});
