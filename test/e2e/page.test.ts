/** The operator page in a browser, as a person at a bay uses it; the station behind it is whatever a test wants. */
import { gzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { Chromium } from "./browser.js";
import { FakeStation } from "./page/fake.js";
import { openPage } from "./page/open.js";
import { answerAll, asking, FAILURE, failed, idle, passed, running, stateOf, VIN } from "./page/states.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
/** Counts the tones that the page makes, by their frequency. */
const HEAR = `window.tones = []; const Real = window.OscillatorNode;
  window.OscillatorNode = class extends Real { constructor(c, o) { super(c, o); window.tones.push(o.frequency); } };`;

describe.skipIf(!chromium)("the operator page", () => {
  let browser: Chromium;
  let station: FakeStation;
  const text = (selector?: string) => browser.text(selector);
  const shows = (words: string, selector?: string) => browser.shows(words, selector);
  const tile = (name: string) => `[data-bay="${name}"]`;

  beforeAll(async () => {
    browser = await Chromium.open();
    await browser.before(HEAR);
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    station = new FakeStation(stateOf([idle("1"), idle("2")]));
    answerAll(station, "engineer");
  });
  afterEach(() => station.close());

  const open = (fragment?: string) => openPage(browser, station, fragment);
  const operate = async () => {
    await open();
    await browser.until("the tiles", `document.querySelectorAll(".tile input").length > 0`);
  };

  it("sends what a scanner types to the bay that was used last, once, wherever the focus is", async () => {
    await operate();
    await browser.press("F2");
    await browser.until("the field of bay 2", `document.activeElement.closest('${tile("2")}') !== null`);
    await browser.evaluate("document.activeElement.blur()");
    await browser.scan(VIN);
    await browser.press("Enter");
    await browser.scan(VIN);
    await browser.until("the scan", `document.querySelector('${tile("2")} input').value === ""`);
    await expect
      .poll(() => station.posted, { timeout: 20_000 })
      .toEqual([{ path: "/api/bays/2/scan", body: { text: VIN, heard: expect.any(Number) }, csrf: "token-1" }]);
  });

  it("reads a scanner whose keys go through an input method in Hangul mode", async () => {
    await operate();
    await browser.press("F2");
    await browser.until("the field of bay 2", `document.activeElement.closest('${tile("2")}') !== null`);
    for (const jamo of ["ㅏ", "ㅡ", "ㅗ", "ㅊ", "85", "ㅊ"]) {
      await browser.composing(jamo);
      await browser.composed(jamo);
    }
    // The last syllable is still open when Enter comes.
    for (const syllable of ["ㄹ", "리"]) await browser.composing(syllable);
    await browser.press("Enter");
    expect(station.posted).toEqual([]);
    await browser.composed("리");
    await expect
      .poll(() => station.posted, { timeout: 20_000 })
      .toMatchObject([{ path: "/api/bays/2/scan", body: { text: "KMHC85CFL" } }]);
  });

  it("gives each bay its profile on the screen of the profiles, too, where a small tile has no room for the choice", async () => {
    await open("#/profiles");
    await browser.tap('[data-bay-profile="2"] button');
    await browser.tap("dialog[open] .stack button + button");
    await expect.poll(() => station.posted).toMatchObject([{ path: "/api/bays/2/profile", body: { profile: "evcc" } }]);
  });

  it("shows what the configuration says of each bay, and what it does now", async () => {
    await open("#/admin");
    await browser.shows("manual:", '[data-bay-row="1"]');
    expect(await text('[data-bay-row="1"]')).toMatch(
      /socketcan:can0\s+evcc\s+she-uds\s+manual:\s+60\.00 s\s+비어 있음/,
    );
    station.change({ bay: running("1") });
    await browser.shows("작업 중", '[data-bay-row="1"]');
    expect(await text('[data-bay-row="2"]')).toContain("모의 ECU");
  });

  it("searches the history by any text, certificate, code and station; CSV is of the same search", async () => {
    await open("#/history");
    await browser.until("the runs", `document.querySelectorAll("main tbody tr").length === 2`);
    const fields = {
      text: "0001",
      vin: "kmhaa00aaaa000001",
      certificate: "00:A1 B2",
      code: "isotp_timeout_bs",
      station: "station-03",
    };
    for (const [name, value] of Object.entries(fields)) await browser.type(`main [name="${name}"]`, value);
    await browser.press("Enter");
    await expect
      .poll(() => Object.fromEntries(new URLSearchParams(station.asked.get("/api/runs"))), { timeout: 20_000 })
      .toEqual({ ...fields, vin: VIN, certificate: "00:a1b2", code: "ISOTP_TIMEOUT_BS" });
    expect(await browser.evaluate(`document.querySelector("a[download]").search`)).toContain("text=0001");
  });

  it("begins each search of the history with its own first page, after more of the last one was shown", async () => {
    const row = (runId: string) => ({ runId, bay: "1", profile: "evcc", startedAt: 0, outcome: "PASS" });
    const pages = (first: string) => station.answer("runs", { runs: [row(first)], next: "further" });
    const shown = (...ids: string[]) =>
      browser.until(
        ids.join(),
        `[...document.querySelectorAll("main tbody a")].map((a) => a.hash.split("/").at(-1)).join() === "${ids.join()}"`,
      );
    pages("r-9");
    await open("#/history");
    await shown("r-9");
    pages("r-8");
    await browser.tap("main > button");
    await shown("r-9", "r-8");
    // The same search once more: two units have come since.
    pages("r-11");
    await browser.tap('main form button[type="submit"]');
    await shown("r-11");
    pages("r-10");
    await browser.tap("main > button");
    await shown("r-11", "r-10");
    expect(station.asked.get("/api/runs")).toBe("?after=further");
  });

  it("echoes what was read, and says why a scan was not taken", async () => {
    await operate();
    const label = { ko: "차대번호", en: "VIN" };
    const why = { ko: "이 베이는 작업 중입니다.", en: "This bay is running." };
    station.change({
      bay: { ...idle("1"), scan: { read: [{ name: "vin", label, value: VIN }], missing: [], refused: undefined } },
    });
    await shows(`차대번호 ${VIN}`, `${tile("1")} .echo`);
    station.change({ bay: { ...running("1"), scan: { read: [], missing: [], refused: { why } } } });
    await shows("이 베이는 작업 중입니다.", `${tile("1")} .echo`);
  });

  it("shows a PASS in both words, with the unit, over a fifth of the height, with a sound, and keeps it", async () => {
    await operate();
    await browser.press("Tab");
    station.change({ bay: running("1") });
    await shows("키 0/4", tile("1"));
    station.change({ bay: passed("1") });
    await shows("합격 PASS", `${tile("1")} .band`);
    expect(await text(`${tile("1")} .band`)).toContain(VIN);
    const height = await browser.evaluate<number>(
      `document.querySelector('${tile("1")} .band').getBoundingClientRect().height / innerHeight`,
    );
    expect(height).toBeGreaterThanOrEqual(0.2);
    expect(await text("[data-announcer]")).toContain(`합격, ${VIN}`);
    await expect.poll(() => browser.evaluate("tones"), { timeout: 20_000 }).toEqual([660, 880]);
    station.change({ bay: { ...passed("1", station.state.bays[0]?.verdict?.at), scan: { ...idle("1").scan } } });
    station.change({ bay: running("2") });
    await shows("키", tile("2"));
    expect(await text(`${tile("1")} .band`)).toContain("PASS");
    expect(await browser.evaluate("tones")).toEqual([660, 880]);
  });

  it("shows a FAIL with its cause, code and what is kept; the same unit once more is one key away", async () => {
    await operate();
    station.change({ bay: failed("1") });
    await shows("불합격 FAIL", `${tile("1")} .band`);
    const band = await text(`${tile("1")} .band`);
    expect(band).toContain(FAILURE.text.ko);
    expect(band).toContain(`${FAILURE.code} · 키 secoc-4`);
    expect(band).toContain("결과 2건은 보관");
    await browser.tap(`${tile("1")} button.act`);
    await expect.poll(() => station.posted.at(-1)).toMatchObject({ path: "/api/bays/1/start", body: { unit: "last" } });
  });

  it("leads from the red tile to the exact exchange in two clicks", async () => {
    await operate();
    station.change({ bay: failed("1") });
    await browser.tap(`${tile("1")} a[href="#/history/run-1"]`);
    await browser.tap('[data-step="key:secoc-4"] button');
    await shows("RoutineControl start 0x0210", '[data-step="key:secoc-4"]');
    expect(await text('[data-step="key:secoc-4"]')).toContain("31 01 02 10 aa bb cc dd");
  });

  /** The question before an abort, over a run at bay 1. */
  const askAbort = async () => {
    await operate();
    station.change({ bay: running("1") });
    await shows("중단", tile("1"));
    await browser.press("F1");
    await browser.until("the question", `document.querySelector("dialog[open]")`);
  };

  it("asks once before an abort and names what comes of it; Enter of a scanner does not abort", async () => {
    await askAbort();
    expect(await text("dialog[open]")).toMatch(new RegExp(`${VIN}.*완성되지 않은`));
    await browser.press("Enter");
    await browser.until("no question", `document.querySelector("dialog[open]") === null`);
    await browser.press("F1");
    await browser.until("the question", `document.querySelector("dialog[open]")`);
    await browser.press("Escape");
    await browser.until("no question", `document.querySelector("dialog[open]") === null`);
    expect(station.posted).toEqual([]);
    await browser.press("F1");
    for (let hurry = 0; hurry < 10; hurry++) {
      await browser.press("Escape");
      await browser.press("F1");
    }
    await browser.tap("dialog[open] [data-confirm]");
    await expect.poll(() => station.posted).toMatchObject([{ path: "/api/bays/1/abort" }]);
  });

  it("takes the question back when its run has ended, and does not ask it of the next one", async () => {
    await askAbort();
    // Within one frame, as a script or a quick hand does it.
    const next = running("1", 1);
    station.change({ bay: passed("1") });
    station.change({ bay: { ...next, run: next.run && { ...next.run, startedAt: next.run.startedAt + 5 } } });
    await browser.until("no question", `document.querySelector("dialog[open]") === null`);
    expect(await browser.evaluate(`document.querySelector('${tile("1")}').dataset.phase`)).toBe("running");
  });

  it("says each question and each verdict to a screen reader, in the same words once more, too", async () => {
    await operate();
    const WORDS = "[data-announcer] p";
    await browser.evaluate(`window.said = []; new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) window.said.push(node.textContent);
    }).observe(document.querySelector("[data-announcer]"), { childList: true }); undefined`);
    station.change({ bay: asking("1") });
    await shows("베이 1 확인: 커넥터를 꽂았습니까?", WORDS);
    station.change({ bay: failed("1", 5000) });
    await shows("베이 1: 불합격", WORDS);
    station.change({ bay: failed("1", 9000) });
    await browser.until("it once more", "window.said.length === 3");
    const [, first, second] = await browser.evaluate<string[]>("window.said");
    expect(second).toBe(first);
    // Of two bays within one frame.
    station.change({ bay: passed("1") });
    station.change({ bay: passed("2") });
    await browser.until("both", `/베이 1: 합격.*베이 2: 합격/.test(window.said.join(" "))`);
  });

  it("puts a prompt into the band and sends its answer", async () => {
    await operate();
    station.change({ bay: asking("1") });
    await shows("커넥터를 꽂았습니까?", `${tile("1")} .band`);
    await browser.tap(`${tile("1")} .band button.act`);
    await expect
      .poll(() => station.posted)
      .toMatchObject([{ path: "/api/bays/1/answer", body: { prompt: "1", value: "yes" } }]);
  });

  it("a reload in the middle of a run shows the same run", async () => {
    await operate();
    station.change({ bay: running("1", 9) });
    await shows("9/15", tile("1"));
    await browser.loading(() => browser.evaluate("location.reload()"));
    await shows("9/15", tile("1"));
    await shows(VIN, tile("1"));
  });

  it("says over everything that it is stale after 3 s without a beat, and when it is well again", async () => {
    await operate();
    station.beating = false;
    await shows("응답이 없습니다", ".stale");
    const before = await browser.evaluate<number>("performance.now()");
    expect(before).toBeGreaterThan(3000);
    station.beating = true;
    await browser.until("no banner", `document.querySelector(".stale") === null`);
  });

  it("says over an open dialogue that it is stale, where a screen reader finds it", async () => {
    await askAbort();
    station.beating = false;
    await shows("응답이 없습니다", "dialog[open] .stale");
    const over = await browser.evaluate(`(() => {
      const banner = document.querySelector("dialog[open] .stale");
      const { left, width, top, height } = banner.getBoundingClientRect();
      return [left, top, width === innerWidth, banner.contains(document.elementFromPoint(left + width / 2, top + height / 2))];
    })()`);
    expect(over).toEqual([0, 0, true, true]);
  });

  it("says that the program is gone when it is, and shows what is true once it is back", async () => {
    await operate();
    station.change({ bay: running("1") });
    await shows("중단", tile("1"));
    const { state } = station;
    const port = Number(await browser.evaluate("location.port"));
    await station.close();
    await shows("연결할 수 없습니다", ".stale");
    station = new FakeStation({ ...state, epoch: "b", number: 1, bays: [failed("1"), idle("2")] });
    answerAll(station, "engineer");
    await station.open(port);
    await browser.until("no banner", `document.querySelector(".stale") === null`);
    await shows("불합격 FAIL", tile("1"));
  });

  it("leaves its connection to others while nobody sees it, and shows what is true as soon as somebody does", async () => {
    await operate();
    const see = (seen: boolean) =>
      browser.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${!seen} });
        document.dispatchEvent(new Event("visibilitychange"))`);
    // A look at another tab.
    await see(false);
    await see(true);
    await see(false);
    expect(station.readers).toBe(1);
    await expect.poll(() => station.readers, { timeout: 20_000 }).toBe(0);
    station.change({ bay: passed("1") });
    await see(true);
    await shows("합격 PASS", `${tile("1")} .band`);
    expect(station.readers).toBe(1);
    await browser.until("no banner", `document.querySelector(".stale") === null`);
  });

  it("asks for the whole state when a change was lost, and goes on from its last number when only the line broke", async () => {
    await operate();
    station.change({ bay: running("1", 3) }, true);
    await shows("3/15", tile("1"));
    const connections = station.connections.length;
    station.cut();
    await expect.poll(() => station.connections.length, { timeout: 20_000 }).toBe(connections + 1);
    expect(station.connections.at(-1)).toBe(`a:${station.state.number}`);
  });

  it("switches the language at once, everywhere, and remembers it", async () => {
    await operate();
    station.change({ bay: failed("1") });
    await shows("불합격 FAIL", tile("1"));
    await browser.tap('.languages [lang="en"]');
    await shows(FAILURE.text.en, tile("1"));
    await browser.until("the language", `document.documentElement.lang === "en"`);
    await browser.loading(() => browser.evaluate("location.reload()"));
    await shows("Next scan", tile("1"));
    // The bar and the verdict's word alone are in both languages.
    const rest = (await text("main")).replaceAll("불합격", "");
    expect(rest).not.toMatch(/[\uac00-\ud7a3]/);
  });

  it("shows an operator neither trace nor users, and says so where one asks for them", async () => {
    answerAll(station, "operator");
    await operate();
    expect(await browser.evaluate(`document.querySelector('${tile("1")} a[href^="#/trace"]')`)).toBeNull();
    await browser.evaluate(`location.hash = "#/admin"`);
    await shows("권한이 없습니다", "main");
    await browser.press("Escape");
    await browser.until("the bays", `location.hash === "#/operate"`);
  });

  it("goes up by one with each Esc, however soon they follow", async () => {
    await operate();
    await browser.evaluate(`location.hash = "#/history/0"`);
    await browser.until("the record", `document.querySelector("main.operate") === null`);
    const twice = `for (let n = 0; n < 2; n++) document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));`;
    expect(await browser.evaluate(`${twice} location.hash`)).toBe("#/operate");
    await browser.until("the bays", `document.querySelector("main.operate")`);
  });

  it("lets nobody scan who is not signed in; a badge under the scanner signs in", async () => {
    station.answer("session", { csrf: "token-0", users: true });
    await open();
    await shows("로그인하고 스캔", tile("1"));
    await browser.tap(`${tile("1")} a[href="#/sign-in"]`);
    await browser.until("the badge's field", `document.activeElement.name === "badge"`);
    answerAll(station, "operator");
    await browser.scan("BADGE-7");
    await browser.until("the bays", `document.querySelector('${tile("1")} [data-scan]')`);
    expect(station.posted).toMatchObject([{ path: "/api/session", body: { badge: "BADGE-7" }, csrf: "token-0" }]);
    await shows("작업자", ".bar");
  });

  it("shows the messages of a bay as they pass", async () => {
    await open("#/trace/1");
    await shows("아직 메시지가 없습니다", "main");
    await expect
      .poll(
        async () => {
          station.trace({ at: Date.now(), kind: "request", text: "ReadDataByIdentifier 0xF190", hex: "22f190" });
          return text("main");
        },
        { timeout: 20_000 },
      )
      .toContain("22 f1 90");
  });

  it("loads less than 100 kB, gzipped, and nothing from anywhere else", async () => {
    await operate();
    const loaded = await browser.evaluate<string[]>(
      `[location.href, ...performance.getEntriesByType("resource").map(({ name }) => name)].filter((name) => !name.includes("/api/"))`,
    );
    expect(new Set(loaded.map((address) => new URL(address).origin)).size).toBe(1);
    const bodies = await Promise.all(loaded.map(async (address) => (await request(address)).body.bytes()));
    const sizes = bodies.map((body) => gzipSync(body).length);
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000);
  });
});
