/** Opens the page of a station as somebody does who was never there before. */
import type { Chromium } from "../browser.js";
import type { FakeStation } from "./fake.js";

export async function openPage(browser: Chromium, station: FakeStation, fragment = ""): Promise<void> {
  const url = await station.open();
  await browser.show(1280, "light");
  await browser.goto(`${url}/${fragment}`);
  await browser.evaluate("localStorage.clear(), sessionStorage.clear()");
  await browser.goto("about:blank");
  await browser.goto(`${url}/${fragment}`);
  await browser.until("the page", `document.querySelector("main")`);
}
