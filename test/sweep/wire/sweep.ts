/** The sweep of one fault over every frame of a run. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Result, record, runCase } from "./cases.js";
import { expectedEnds } from "./expected.js";
import { Plant, profileOf, smallProfile } from "./plant.js";
import { type Fault, WIRE_SEED } from "./wire.js";

/** A profile of hw-profiles/ in place of the small one. */
const PROFILE = process.env.STATION_WIRE_PROFILE ?? "";
/** Every how many frames one meets the fault. */
const EVERY = Number(process.env.STATION_WIRE_EVERY ?? 1);
const MOST_FAILURES = 20;

function told({ blow, place, end, step, wrong }: Result, expected: readonly string[]): string {
  const bit = place.bit === undefined ? "" : `, bit ${place.bit}`;
  const where = `${blow.fault} "${blow.key}" (${place.phase}, ${place.data}${bit})`;
  return `${where}: ${end} in ${step || "no step"}, expected ${expected.join(" or ") || "nothing"}; ${wrong.join("; ")}`;
}

function histogram(results: readonly Result[]): string {
  const counts = new Map<string, number>();
  for (const { end } of results) counts.set(end, (counts.get(end) ?? 0) + 1);
  return [...counts].map(([end, count]) => `${count} ${end}`).join(", ");
}

export function sweep(fault: Fault): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  let plant: Plant;
  beforeAll(async () => {
    process.on("unhandledRejection", note);
    plant = await Plant.open(PROFILE === "" ? smallProfile() : profileOf(PROFILE));
  });
  afterAll(async () => {
    await plant.close();
    process.off("unhandledRejection", note);
  });

  describe(`${fault}, at any frame of a run (seed ${WIRE_SEED})`, () => {
    it("ends the run as the table says, and a clean run on the same ECU and stores passes", async () => {
      const began = performance.now();
      const frames = await record(plant);
      const results: Result[] = [];
      const failures: string[] = [];
      for (const [i, { key }] of frames.entries()) {
        if (i % EVERY !== 0 || failures.length >= MOST_FAILURES) continue;
        const result = await runCase(plant, { fault, key });
        const expected = expectedEnds(fault, result.place);
        results.push(result);
        if (expected.includes(result.end) && result.wrong.length === 0) continue;
        failures.push(told(result, expected));
        // A sweep of hours says at once what it found.
        console.log(failures.at(-1));
      }
      const seconds = Math.round((performance.now() - began) / 1_000);
      console.log(
        `wire: ${fault} at ${results.length} of ${frames.length} frames in ${seconds} s: ${histogram(results)}`,
      );
      expect(failures).toEqual([]);
      expect(results).toHaveLength(Math.ceil(frames.length / EVERY));
    });

    it("leaves no rejection that nobody handles", () => {
      expect(unhandled).toEqual([]);
    });
  });
}
