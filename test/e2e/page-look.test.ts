/** How the operator page looks: nothing serious found by axe on any screen or dialogue in both languages, targets of 64 px, and all fits its window. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BayView } from "../../src/hmi/contract/state.js";
import { SCREENS } from "../../src/hmi/web/route.js";
import { requireTool, works } from "../require.js";
import { Chromium } from "./browser.js";
import { FakeStation } from "./page/fake.js";
import { openPage } from "./page/open.js";
import { answerAll, asking, failed, idle, passed, running, stateOf } from "./page/states.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PLACES = [...SCREENS, "history/run-1", `profiles/${"5f".repeat(32)}`];
/** Dialogues by their screen and what opens them. */
const DIALOGUES = [
  ["menu", "operate", ".bar > button.flat"],
  ["choice of a profile", "profiles", '[data-bay-profile="1"] button'],
  ["question before an abort", "operate", '[data-bay="3"] .actions > button.danger'],
  ["waiving of a result", "servers", "td button.danger"],
] as const;

/** All kinds of bays, and the simulator's panel. */
const simulated = (bays: readonly BayView[]) => {
  const state = stateOf(bays);
  return new FakeStation({ ...state, station: { ...state.station, mode: "simulator" } });
};

describe.skipIf(!chromium)("the operator page's look", () => {
  let browser: Chromium;
  let station: FakeStation;
  beforeAll(async () => {
    browser = await Chromium.open();
  });
  afterAll(() => browser?.close());

  const serious = async () => {
    await browser.evaluate(`window.axe === undefined && (() => { ${AXE} })(); undefined`);
    return browser.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`);
  };
  const small = () =>
    browser.evaluate(`[...document.querySelectorAll("button, a[href], input, select")]
      .filter((element) => element.getClientRects().length > 0 && !element.closest("p.text"))
      .filter((element) => element.getBoundingClientRect().height < 63.5).map((element) => element.outerHTML)`);

  describe.each([
    ["ko", "light"],
    ["en", "dark"],
  ] as const)("in %s, %s", (language, scheme) => {
    beforeAll(async () => {
      station = simulated([passed("1"), failed("2"), running("3"), asking("4")]);
      answerAll(station, "admin");
      await openPage(browser, station);
      await browser.show(1280, scheme, 1024);
      await browser.tap(`.languages [lang="${language}"]`);
    });
    afterAll(() => station.close());

    const go = async (place: string) => {
      await browser.evaluate(`location.hash = "#/${place}"`);
      const screen = `document.querySelector("main.${place.split("/", 1)[0]} h1")`;
      await browser.until(place, `${screen} && !document.querySelector("main p.empty[role=status]")`);
    };

    it.each(PLACES)("axe finds nothing serious on %s, and targets have 64 px", async (place) => {
      await go(place);
      expect(await serious()).toEqual([]);
      expect(await small()).toEqual([]);
    });

    it.each(DIALOGUES)("the %s is as good", async (_, place, opener) => {
      await go(place);
      await browser.tap(opener);
      await browser.until("the dialogue", `document.querySelector("dialog[open] button")`);
      expect(await serious()).toEqual([]);
      expect(await small()).toEqual([]);
      await browser.press("Escape");
      await browser.until("no dialogue", `document.querySelector("dialog[open]") === null`);
    });
  });

  describe("in windows of all sizes", () => {
    afterEach(() => station.close());

    const outside = () =>
      browser.evaluate(`[...document.querySelectorAll(".tile, .tile > .band, .tile > .actions, .simulator")]
        .filter((element) => { const box = element.getBoundingClientRect();
          const around = [".tile", ".bays"].map((one) => (element.closest(one) ?? element).getBoundingClientRect().bottom);
          return box.right > innerWidth + 1 || box.bottom > Math.min(innerHeight, ...around) + 1; })
        .map((element) => element.className + " " + element.closest(".tile")?.dataset.bay)`);

    it.each([
      [1024, 768, 2, "ko"],
      [1280, 720, 2, "ko"],
      [1280, 720, 4, "ko"],
      [1024, 820, 4, "en"],
      [1280, 800, 4, "en"],
      [1440, 900, 4, "en"],
      [1920, 1080, 8, "ko"],
      [3840, 2160, 4, "ko"],
    ])("%i × %i has room for %i bays, verdicts and a failure's text with them, in %s", async (...window) => {
      const [width, height, count, language] = window;
      const names = Array.from({ length: count }, (_, index) => String(index + 1));
      station = simulated(names.map((name, index) => (index % 2 === 0 ? passed(name) : failed(name))));
      answerAll(station, "engineer");
      // The panel's buttons are widest where they bring something back.
      station.answer("simulator", {
        faults: [{ spec: "no-response", text: { ko: "응답 없음", en: "no response" } }],
        broken: ["vpki", "kms"],
      });
      await openPage(browser, station);
      await browser.show(width, "light", height);
      await browser.tap(`.languages [lang="${language}"]`);
      // What the page has room for is asked anew where it is opened.
      await browser.loading(() => browser.evaluate("location.reload()"));
      await browser.until("all verdicts", `document.querySelectorAll(".verdict").length === ${count}`);
      await browser.until(
        "the faults",
        `!document.querySelector(".simulator") || document.querySelector("option + option")`,
      );
      expect(await outside()).toEqual([]);
      const cut = await browser.evaluate(`[...document.querySelectorAll(".head .profile")].filter((element) => {
        const text = document.createRange();
        text.selectNodeContents(element);
        return element.offsetParent !== null && text.getBoundingClientRect().left < element.getBoundingClientRect().left;
      }).map((element) => element.textContent)`);
      expect(cut).toEqual([]);
      const low = await browser.evaluate(`[...document.querySelectorAll(".band")]
        .filter((element) => element.getBoundingClientRect().height < innerHeight * 0.2 - 1).length`);
      expect(low).toBe(0);
    });

    it("of 1280 × 720 at 200 % has nothing over another in the bar, and nothing beside the page", async () => {
      station = simulated(["1", "2"].map(idle));
      answerAll(station, "engineer");
      await openPage(browser, station);
      await browser.show(640, "light", 360);
      await browser.until("the tiles", `document.querySelectorAll(".tile").length === 2`);
      const over = await browser.evaluate(`(() => {
        const parts = [...document.querySelectorAll(".bar > :not(dialog)")].filter((one) => one.offsetParent !== null);
        const boxes = parts.map((one) => one.getBoundingClientRect());
        const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
        return parts.filter((one, at) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 || boxes[at].right > innerWidth + 1
          || boxes.some((box, other) => other !== at && overlap(box, boxes[at]))).map((one) => one.className);
      })()`);
      expect(over).toEqual([]);
      expect(await browser.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    });

    it("the simulator's panel folds away where four bays leave it no room, and opens at a touch", async () => {
      station = simulated(["1", "2", "3", "4"].map(idle));
      answerAll(station, "engineer");
      await openPage(browser, station);
      await browser.until("the tiles", `document.querySelectorAll(".tile").length === 4`);
      expect(await browser.evaluate(`document.querySelector(".simulator")`)).toBeNull();
      await browser.tap(".bar button.mode");
      await browser.until("the panel", `document.querySelector(".simulator [data-simulate]")`);
      await browser.tap(".bar button.mode");
      await browser.until("no panel", `document.querySelector(".simulator") === null`);
    });
  });
});
