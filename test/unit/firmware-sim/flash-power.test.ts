import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileFlash } from "../../../firmware-sim/flash/file.js";
import {
  type Flash,
  type FlashOptions,
  type FlashStep,
  PowerCut,
  powerCutAt,
} from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, memoryFlash } from "../../../firmware-sim/flash/memory.js";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (image: Uint8Array | undefined) => (image === undefined ? "" : Buffer.from(image).toString());

/** States of an ECU's life: the first one, changes in several places, one that fills the area, one behind that. */
const STATES = ["new unit", "new unit, VIN", "a unit, VIN, key", `${"long ".repeat(30)}unit`, "long unit"];
/** Bytes of changes that fit an area, so that the last states need the other one. */
const SLACK = 60;

let folder: string;
let lives = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "power-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A new flash in a file or in memory, opened again and again. */
function medium(kind: string): (options?: FlashOptions) => Flash {
  const cell: FlashCell = {};
  const path = join(folder, `unit-${++lives}.flash`);
  return (options = {}) =>
    kind === "file" ? fileFlash(path, { slack: SLACK, ...options }) : memoryFlash(cell, { slack: SLACK, ...options });
}

/** Saves the states one after the other; how many were acknowledged. */
async function live(flash: Flash): Promise<number> {
  await flash.load();
  let saved = 0;
  try {
    for (const state of STATES) {
      await flash.save(bytes(state));
      saved++;
    }
  } catch (error) {
    expect(error).toBeInstanceOf(PowerCut);
    await expect(flash.save(bytes("later"))).rejects.toBe(error);
  }
  await flash.close();
  return saved;
}

async function stepsOf(kind: string): Promise<FlashStep[]> {
  const steps: FlashStep[] = [];
  expect(await live(medium(kind)({ onStep: (step) => void steps.push(step) }))).toBe(STATES.length);
  return steps;
}

describe.each(["file", "memory"])("the power cut at a step of a flash in %s", (kind) => {
  it("leaves the old state or the new one, at each step and each byte of it, and the flash works on", async () => {
    const steps = await stepsOf(kind);
    expect(new Set(steps.map((step) => step.kind))).toEqual(new Set(["erase", "write", "sync", "swap", "done"]));
    for (const { count, kind: step, size } of steps) {
      for (let sent = 0; sent <= size; sent++) {
        const open = medium(kind);
        const acknowledged = await live(open({ onStep: powerCutAt(count, sent) }));
        const [old = "", next = ""] = ["", ...STATES].slice(acknowledged);
        const found = text(await open().load());
        const where = `step ${count} (${step}), ${sent} of ${size} bytes`;
        expect([old, next], where).toContain(found);
        if (step === "done") expect(found, where).toBe(next);
        if (step === "write" && sent < size) expect(found, where).toBe(old);
        const after = open();
        await after.load();
        for (const state of ["another", "another life"]) {
          await after.save(bytes(state));
          expect(text(await open().load()), where).toBe(state);
        }
        await after.close();
      }
    }
  });

  it("leaves the old state or the new one when the power goes again and again", async () => {
    const open = medium(kind);
    let held = "";
    let tried = "";
    for (let round = 0; round < 60; round++) {
      const flash = open({ onStep: powerCutAt(1 + (round % 6)) });
      const found = text(await flash.load());
      expect([held, tried]).toContain(found);
      held = found;
      tried = `${round} ${"x".repeat(round % 30)} unit`;
      await flash.save(bytes(tried)).then(
        () => {
          held = tried;
        },
        (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
      );
      await flash.close();
    }
    expect(held).not.toBe("");
  });
});
