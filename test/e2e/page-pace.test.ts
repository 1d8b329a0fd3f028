/** How soon the page shows what happens, and how busy the browser's main thread is: the station's own server, 8 bays at full rate. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/shared/clock.js";
import type { BayRunOptions } from "../../src/station/bays/bays.js";
import type { RunRecord } from "../../src/station/ports.js";
import { requireTool, works } from "../require.js";
import { root } from "../system/harness.js";
import { BODY, header, openBench, record, VIN } from "../unit/hmi/bench.js";
import { Chromium } from "./browser.js";

const chromium = requireTool("chromium", () => works("chromium", ["--version"]), "apt-get install -y chromium");
const BAYS = ["1", "2", "3", "4", "5", "6", "7", "8"];
const PLAN = Array.from({ length: 30 }, (_, index) => `key:slot-${index}`);
/** Events of a run, and ms between two: a unit on a bus of 500 kbit/s has some ten a second. */
const EVENTS = 120;
const GAP = 25;
/** ms that each asks for. */
const SHOWN_WITHIN = 100;
const LONGEST_TASK = 50;
/** A task of the page is long in every round; one that the host took its processor from is not. */
const ROUNDS = 3;

/** A run whose steps say when they were told; the page shows that among a step's facts. */
async function run({ onEvent, signal }: BayRunOptions, bay: string): Promise<RunRecord> {
  const order = { bay, profile: BODY, inputs: { vin: VIN } };
  onEvent({ kind: "begun", header: { ...header(order), plan: PLAN }, resumed: false });
  for (let count = 0; count < EVENTS; count++) {
    await systemClock.sleep(GAP, signal);
    const step = PLAN[count % PLAN.length] ?? "";
    const at = Date.now();
    const facts = { told: String(at), ecuId: "0102030405060708", keyId: "0x0004" };
    onEvent({ kind: "step-finished", record: { step, state: "done", startedAt: at, ms: 7, facts } });
  }
  return record(order);
}

/** Notes ms from each `told` to the end of the frame that shows it. */
const WATCH = `window.delays = [];
  const due = [];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.timeOrigin + performance.now();
    for (const at of due.splice(0)) window.delays.push(now - at);
  };
  new MutationObserver((changes) => {
    const asked = due.length > 0;
    for (const { target } of changes) {
      const told = /told (\\d{13})/.exec(target.textContent);
      if (told !== null) due.push(Number(told[1]));
    }
    if (!asked && due.length > 0) requestAnimationFrame(() => port2.postMessage(undefined));
  }).observe(document.querySelector(".bays"), { subtree: true, childList: true, characterData: true });
  undefined`;

describe.skipIf(!chromium)("the page at 8 bays of 40 events a second each", () => {
  let browser: Chromium;
  beforeAll(async () => {
    browser = await Chromium.open();
  });
  afterAll(() => browser?.close());

  /** ms of processor time of each task of the page's main thread: what the machine does beside it does not count. */
  async function tasksOf(work: () => Promise<unknown>): Promise<readonly number[]> {
    const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"];
    const events = await browser.trace(categories, async () => {
      await browser.evaluate(`performance.mark("the page")`);
      await work();
      // Answered in a task behind those of the work: one that is not over when the trace ends is not in it.
      await browser.evaluate("undefined");
    });
    const page = events.find(({ name }) => name === "the page");
    const tasks = events.filter(({ name, pid, tid }) => name === "RunTask" && pid === page?.pid && tid === page.tid);
    // The one in which the trace began has none.
    return tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1_000]));
  }

  it("shows an event within 100 ms, has no task of 50 ms, and shows how all runs ended", async () => {
    const bench = await openBench({
      clock: systemClock,
      places: BAYS.map((name) => ({ name, link: undefined, profile: "body" })),
      assets: join(root, "dist", "hmi"),
    });
    await browser.show(1920, "light", 1080);
    await browser.goto(`http://127.0.0.1:${bench.port}/`);
    await browser.until("the tiles", `document.querySelectorAll(".tile input").length === ${BAYS.length}`);
    await browser.evaluate(WATCH);
    let tasks: readonly number[] = [];
    let longest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && longest >= LONGEST_TASK; round++) {
      tasks = await tasksOf(async () => {
        await Promise.all(BAYS.map((name) => bench.bays.start(name, { work: (options) => run(options, name) })));
        await browser.until("all verdicts", `document.querySelectorAll(".verdict.PASS").length === ${BAYS.length}`);
      });
      longest = Math.max(...tasks);
    }
    const delays = (await browser.evaluate<number[]>("delays")).sort((a, b) => a - b);
    const at = (share: number) => delays[Math.floor((delays.length - 1) * share)] ?? Number.NaN;
    const busy = tasks.reduce((sum, ms) => sum + ms, 0);
    const figures = [0.1, 0.5, 0.95, 1].map((share) => `${share * 100} % ${at(share).toFixed(0)} ms`).join(", ");
    process.stdout.write(
      `event to paint, ${delays.length} samples: ${figures}; longest task ${longest.toFixed(1)} ms of processor time, ` +
        `${((100 * busy) / (EVENTS * GAP)).toFixed(0)} % of the main thread\n`,
    );
    expect(Math.min(delays.length, tasks.length)).toBeGreaterThan(BAYS.length);
    // The page's own delay is in every sample, that of a machine at other work is not in the quickest ones.
    expect(at(0.1)).toBeLessThan(SHOWN_WITHIN);
    expect(longest).toBeLessThan(LONGEST_TASK);
    expect(busy / (EVENTS * GAP)).toBeLessThan(0.5);
  });

  it("the measure finds a task that was planted", async () => {
    await browser.goto("about:blank");
    const tasks = await tasksOf(() =>
      browser.evaluate("for (const end = performance.now() + 2000; performance.now() < end; ) Math.random()"),
    );
    expect(Math.max(...tasks)).toBeGreaterThan(LONGEST_TASK);
  });
});
