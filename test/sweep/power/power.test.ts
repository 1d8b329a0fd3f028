import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageIn } from "../../../firmware-sim/flash/memory.js";
import { randomOf } from "../seed.js";
import { Plant } from "../wire/plant.js";
import { type Result, runCase } from "./cases.js";
import { type CleanRun, powerProfile, recordClean } from "./clean.js";
import { placesIn, writesOf } from "./torn.js";

/** Which places of a write are tried follows from it: the same ones every day. */
const SEED = 5;

let plant: Plant;
let clean: CleanRun;
beforeAll(async () => {
  plant = await Plant.open(powerProfile());
  clean = await recordClean(plant);
});
afterAll(() => plant?.close());

/** A unit whose first state never became durable answers nobody; any other falls silent in the middle of the run. */
function expectedEnd({ cut }: Result): Result["end"] {
  const born = clean.steps.findIndex(({ kind }) => kind === "done");
  return cut.count <= born + 1 ? "NO_RUN" : "UDS_TIMEOUT";
}

function told({ cut, end, during, held, wrong }: Result): string {
  return `step ${cut.count} (${cut.kind} ${cut.size}): ${end} in ${during || "no step"}, ${held} state; ${wrong.join("; ")}`;
}

describe("the ECU's power cut at any step of its flash, in a whole run", () => {
  it("leaves the old state or the new one, and a fresh run on the ECU passes", async () => {
    const began = performance.now();
    const results: Result[] = [];
    for (const step of clean.steps) results.push(await runCase(plant, clean, step));
    const count = (has: (result: Result) => boolean) => results.filter(has).length;
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.log(
      `power: cut at ${results.length} steps of ${clean.shapes.length - 1} saves in ${seconds} s: ` +
        `${count(({ held }) => held === "old")} times the old state, ${count(({ held }) => held === "new")} times the new one`,
    );
    expect(results.filter((result) => result.end !== expectedEnd(result) || result.wrong.length > 0).map(told)).toEqual(
      [],
    );
    expect(new Set(clean.steps.map(({ kind }) => kind)).size).toBe(5);
  });

  it("leaves the old state when a write breaks off at any byte, and the ECU starts with it", async () => {
    const writes = writesOf(clean);
    const random = randomOf("torn writes", SEED);
    for (const { count, size, before, torn } of writes) {
      const places = placesIn(size, random);
      const old = imageIn(before) ?? [];
      const wrong = places.filter((bytes) => !Buffer.from(imageIn(torn(bytes)) ?? []).equals(Buffer.from(old)));
      expect(wrong, `bytes of step ${count}`).toEqual([]);
      const unit = plant.blank();
      Object.assign(unit.cell, torn(places.at(-1) ?? 0));
      await plant.powerUp(unit);
      expect(unit.ecu?.identity.serialNumber).toMatch(/^SN/);
      await plant.scrap(unit);
    }
    expect(writes).toHaveLength(clean.shapes.length - 1);
  });
});
