import { afterEach, describe, expect, it } from "vitest";
import type { FlashStep, StepHook } from "../../../firmware-sim/flash/flash.js";
import { PowerCut, powerCutAt } from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, imageIn } from "../../../firmware-sim/flash/memory.js";
import { Bench, keyFor } from "./bench.js";

const WRONG = `2712${"5a".repeat(16)}`;
const DELAY = 10_000;
/** More than what the requests behind a wait take, ms. */
const SLOW = 2_000;
const SEED = /^6711/;

let bench: Bench;
/** What the flash meets; a start begins to count anew. */
let onStep: StepHook;
afterEach(() => bench.close());

function attemptsIn(cell: FlashCell): number {
  const state = JSON.parse(Buffer.from(imageIn(cell) ?? []).toString("utf8")) as { attempts: number };
  return state.attempts;
}

async function start(): Promise<void> {
  onStep = () => undefined;
  bench = await Bench.start({ flash: { onStep: (step) => onStep(step) } });
}

/** Its only answer; undefined from an ECU without power. */
async function hear(request: string): Promise<string | undefined> {
  return (await bench.hear(request))[0];
}

async function tryKey(right: boolean): Promise<string | undefined> {
  const seed = (await hear("2711")) ?? "";
  if (seed.startsWith("7f")) return seed;
  return hear(right ? `2712${keyFor(seed.slice(4))}` : WRONG);
}

interface Told {
  /** Wrong keys in a row that the tester knows of. */
  readonly known: number;
  /** The count that what was under way would have left. */
  readonly next: number;
}

/** Three wrong keys, the delay, two wrong keys, a right one; up to the power cut. */
async function life(): Promise<Told> {
  let known = 0;
  const isOff = () => bench.fatal !== undefined;
  await hear("1003");
  for (const wanted of ["7f2735", "7f2735", "7f2736"]) {
    const answer = await tryKey(false);
    if (isOff()) return { known, next: known + 1 };
    expect(answer).toBe(wanted);
    known++;
  }
  await bench.clock.advance(DELAY + 100);
  if (isOff()) return { known, next: 0 };
  known = 0;
  await hear("1003");
  for (const wanted of ["7f2735", "7f2735"]) {
    const answer = await tryKey(false);
    if (isOff()) return { known, next: known + 1 };
    expect(answer).toBe(wanted);
    known++;
  }
  const answer = await tryKey(true);
  if (isOff()) return { known, next: 0 };
  expect(answer).toBe("6712");
  return { known: 0, next: 0 };
}

/** Tries wrong keys until the ECU bears no more; how many it judged. */
async function keysLeft(): Promise<number> {
  await hear("1003");
  for (let judged = 0; ; judged++) {
    const answer = await tryKey(false);
    if (answer === "7f2737") return judged;
    expect(["7f2735", "7f2736"]).toContain(answer);
  }
}

async function stepsOf(): Promise<FlashStep[]> {
  await start();
  const steps: FlashStep[] = [];
  onStep = (step) => void steps.push(step);
  expect(await life()).toEqual({ known: 0, next: 0 });
  await bench.close();
  return steps;
}

describe("the count of wrong keys and the lock-out", () => {
  it("survive a power cut at every step of the flash, so that nobody gains a try or a second", async () => {
    const steps = await stepsOf();
    expect(steps.filter(({ kind }) => kind === "done")).toHaveLength(7);
    for (const { count, kind } of steps) {
      await start();
      onStep = powerCutAt(count);
      const { known, next } = await life();
      expect(bench.fatal).toBeInstanceOf(PowerCut);
      const held = attemptsIn(bench.cell);
      const where = `step ${count} (${kind})`;
      expect([known, next], where).toContain(held);
      if (kind === "done") expect(held, where).toBe(next);

      onStep = () => undefined;
      bench.fatal = undefined;
      await bench.powerCycle();
      expect(await keysLeft(), where).toBe(3 - held);
      // The delay counts from the last start or the last wrong key, and from the next start anew.
      await bench.clock.advance(DELAY - SLOW);
      await hear("1003");
      expect(await hear("2711"), where).toBe("7f2737");
      await bench.powerCycle();
      await bench.clock.advance(DELAY - SLOW);
      await hear("1003");
      expect(await hear("2711"), where).toBe("7f2737");
      await bench.clock.advance(SLOW);
      await hear("1003");
      expect(await hear("2711"), where).toMatch(SEED);
      await bench.close();
    }
  });

  it("stand at three however often the power goes meanwhile", async () => {
    await start();
    await keysLeft();
    for (let times = 0; times < 5; times++) {
      await bench.powerCycle();
      await bench.clock.advance(times * 2_000);
      await hear("1003");
      expect(await hear("2711")).toBe("7f2737");
      expect(attemptsIn(bench.cell)).toBe(3);
    }
  });
});
