/** `npm run screenshots`: pictures of every screen in both languages, in a folder that git ignores. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SCREENS } from "../../src/hmi/web/route.js";
import { root } from "../system/harness.js";
import { Chromium } from "./browser.js";
import { FakeStation } from "./page/fake.js";
import { answerAll, failed, passed, running, stateOf } from "./page/states.js";

const folder = process.env.STATION_SCREENSHOTS;
const LOOKS = [
  ["ko", "light"],
  ["en", "dark"],
] as const;

describe.skipIf(folder === undefined)("screenshots", () => {
  it.each(LOOKS)("in %s, %s", async (language, scheme) => {
    const target = join(root, folder ?? "screenshots");
    mkdirSync(target, { recursive: true });
    const station = new FakeStation(stateOf([passed("1"), running("2")]));
    answerAll(station, "admin");
    const url = await station.open();
    const browser = await Chromium.open();
    try {
      await browser.show(1280, scheme);
      await browser.goto(url);
      await browser.tap(`.languages [lang="${language}"]`);
      const places = [...SCREENS, "history/run-1", `profiles/${"5f".repeat(32)}`, "operate/fail"];
      for (const place of places) {
        if (place === "operate/fail") station.change({ bay: failed("2") });
        await browser.evaluate(`location.hash = "#/${place}"`);
        const loaded = `!document.querySelector("main p.empty[role=status]")`;
        const there =
          place === "operate/fail" ? `document.querySelector(".verdict.FAIL")` : `document.querySelector("main h1")`;
        await browser.until(place, `${there} && ${loaded}`);
        const picture = await browser.picture();
        expect(picture.subarray(1, 4).toString()).toBe("PNG");
        writeFileSync(join(target, `${place.replace("/", "-").slice(0, 16)}-${language}.png`), picture);
      }
    } finally {
      await browser.close();
      await station.close();
    }
  });
});
