/** Each kind of question that a run can ask, from the station's own server to the person's answer in the run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/shared/clock.js";
import type { Prompt } from "../../src/station/ports.js";
import { requireTool, works } from "../require.js";
import { root } from "../system/harness.js";
import { BODY, openBench, record, VIN } from "../unit/hmi/bench.js";
import { Chromium } from "./browser.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="120"><rect width="320" height="120" fill="teal"/></svg>`;
const text = (ko: string, en: string) => ({ ko, en });
const PROMPTS: readonly Prompt[] = [
  { text: text("라벨의 값을 입력하십시오", "Type what the label says") },
  {
    text: text("그림처럼 커넥터를 꽂으십시오", "Plug the connector in as shown"),
    image: "plug.svg",
    choices: [{ value: "done", text: text("완료", "Done") }],
  },
  {
    text: text("어느 지그입니까?", "Which fixture is it?"),
    choices: ["A", "B", "C"].map((name) => ({ value: name, text: text(`지그 ${name}`, `Fixture ${name}`) })),
  },
];

describe.skipIf(!chromium)("questions of a run", () => {
  const pictures = mkdtempSync(join(tmpdir(), "pictures-"));
  let browser: Chromium;
  beforeAll(async () => {
    writeFileSync(join(pictures, "plug.svg"), PICTURE);
    browser = await Chromium.open();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(pictures, { recursive: true });
  });

  it("a text, a picture to confirm, a choice: each is answered in its turn, by keyboard or touch, and the run goes on with it", async () => {
    const answers: string[] = [];
    const bench = await openBench({ clock: systemClock, assets: join(root, "dist", "hmi"), pictures, profile: "body" });
    await browser.show(1280, "light");
    await browser.goto(`http://127.0.0.1:${bench.port}/`);
    await browser.until("the tile", `document.querySelector('[data-bay="A"] input')`);
    const ended = bench.bays.start("A", {
      async work({ operator, signal }) {
        for (const prompt of PROMPTS) answers.push(await operator.ask(prompt, signal));
        return record({ bay: "A", profile: BODY, inputs: { vin: VIN } });
      },
    });
    const band = '[data-bay="A"] .band.prompt';
    await browser.shows("라벨의 값을 입력하십시오", band);
    await browser.type(`${band} input`, "가나 <b>7</b>");
    await browser.press("Enter");
    await browser.shows("그림처럼 커넥터를 꽂으십시오", band);
    await browser.until("the picture", `document.querySelector('${band} img').naturalWidth === 320`);
    await browser.tap(`${band} button.act`);
    await browser.shows("어느 지그입니까?", band);
    await browser.tap('.languages [lang="en"]');
    await browser.shows("Fixture B", band);
    expect(await browser.evaluate(`document.querySelectorAll('${band} button.act').length`)).toBe(3);
    await browser.tap(`${band} button.act:nth-child(2)`);
    await browser.shows("PASS", '[data-bay="A"] .band.verdict');
    expect((await ended).outcome).toBe("PASS");
    expect(answers).toEqual(["가나 <b>7</b>", "done", "B"]);
    // A page that asks late finds no question any more.
    expect(bench.bays.answer("A", "1", "late")).toBe(false);
  });
});
