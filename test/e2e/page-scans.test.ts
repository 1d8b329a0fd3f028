/** What becomes of scans that must not be taken as they are: badges, scans that nobody hears, scans of nobody. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { Chromium } from "./browser.js";
import { FakeStation } from "./page/fake.js";
import { openPage } from "./page/open.js";
import { answerAll, idle, stateOf } from "./page/states.js";

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
