/**
 * A station that is killed by a real SIGKILL before and after every commit of its journal and between each answer of a server and the
 * commit that notes it, and at any other time. The points come from a clean run; a seeded choice of them is tried, or all (STATION_KILL_POINTS=all).
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordOf, recordsFile, rows } from "../../system/cases.js";
import { randomOf, SEED } from "../seed.js";
import { faultsOf } from "./judge.js";
import { KillPlant, type Place, type Unit } from "./plant.js";

/** Points of the choice; two, the first and the last commit, are always among them. */
const CHOSEN = 40;
const ALL = process.env.STATION_KILL_POINTS === "all";
/** Beside them, kills at any time of a run. */
const INSTANTS = ALL ? 40 : 8;
/** Runs at once: the station works, waits for its ECU, and starts. */
const PLACES = Math.max(2, availableParallelism());

interface Tried {
  readonly point: string;
  readonly outcome: string;
  readonly resumed: number;
  /** Both lives. */
  readonly ms: number;
  readonly faults: readonly string[];
}

interface CleanRun {
  /** Names of its points, in order. */
  readonly points: readonly string[];
  /** From the start of the command to its end. */
  readonly ms: number;
  readonly faults: readonly string[];
}

async function cleanRun(plant: KillPlant, place: Place): Promise<CleanRun> {
  const unit = await plant.unit(place);
  const began = performance.now();
  const clean = await plant.run(place, unit, "list");
  const ms = performance.now() - began;
  const points = [...clean.stderr.matchAll(/^\d+ (.+)$/gm)].map(([, name]) => name ?? "");
  return { points, ms, faults: await faultsOf(plant, unit, recordOf(clean), 1) };
}

/** Outcomes of the runs that the unit's station knows, null for one that goes on; none where it had not come so far. */
function known(unit: Unit): (string | null)[] {
  const file = recordsFile(unit.data);
  if (!existsSync(file)) return [];
  try {
    return rows<{ outcome: string | null }>(file, "SELECT outcome FROM run").map(({ outcome }) => outcome);
  } catch {
    // Killed while it made its tables.
    return [];
  }
}

/** Wherever the command is after that time: in a frame, a request, a write. */
async function tryInstant(plant: KillPlant, place: Place, ms: number): Promise<Tried> {
  const unit = await plant.unit(place);
  const began = performance.now();
  await plant.runFor(ms, place, unit);
  const former = known(unit);
  const record = recordOf(await plant.run(place, unit));
  const faults = await faultsOf(plant, unit, record, former[0] === "PASS" ? 2 : 1);
  const resumed = former.length === 1 && former[0] === null ? 1 : 0;
  if (record.resumed !== resumed) faults.push(`resumed ${record.resumed} times`);
  const point = `after ${Math.round(ms)} ms`;
  return { point, outcome: record.outcome, resumed: record.resumed, ms: performance.now() - began, faults };
}

async function tryPoint(plant: KillPlant, place: Place, point: string): Promise<Tried> {
  const unit = await plant.unit(place);
  const began = performance.now();
  const killed = await plant.run(place, unit, point);
  if (killed.signal !== "SIGKILL" || killed.stdout !== "")
    return { point, outcome: "not killed", resumed: 0, ms: 0, faults: [killed.stdout.slice(0, 200), killed.stderr] };
  const record = recordOf(await plant.run(place, unit));
  const ms = performance.now() - began;
  const ended = point === "after finish";
  const faults = await faultsOf(plant, unit, record, ended ? 2 : 1);
  // A run goes on as itself once the journal knows it and until its record is there.
  const resumed = point === "before begin" || ended ? 0 : 1;
  if (record.resumed !== resumed) faults.push(`resumed ${record.resumed} times`);
  return { point, outcome: record.outcome, resumed: record.resumed, ms, faults };
}

function chosen(points: readonly string[]): string[] {
  if (ALL) return [...points];
  const random = randomOf("run-kill");
  const order = new Map(points.map((point) => [point, random()]));
  const picked = [...points.slice(1, -1)].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  const taken = new Set([points[0], ...picked.slice(0, CHOSEN - 2), points.at(-1)]);
  return points.filter((point) => taken.has(point));
}

function table(tried: readonly Tried[]): string {
  const lines = tried.map(({ point, outcome, resumed, ms, faults }) => {
    const end = `${outcome}, resumed ${resumed}`;
    return `${point.padEnd(44)} ${end.padEnd(16)} ${(ms / 1_000).toFixed(1).padStart(5)} s  ${faults.join("; ") || "all agree"}`;
  });
  return lines.join("\n");
}

describe(`a station that is killed at any point of a run (seed ${SEED})`, () => {
  let plant: KillPlant;
  let places: Place[];
  beforeAll(async () => {
    plant = await KillPlant.open();
    places = await Promise.all(Array.from({ length: PLACES }, () => plant.place()));
  });
  afterAll(() => plant.close());

  it("ends the run when it is started again, and ECU, KMS, vPKI and records agree", async () => {
    const began = performance.now();
    const [first] = places;
    if (first === undefined) throw new Error("no place");
    const { points, ms, faults } = await cleanRun(plant, first);
    expect(faults).toEqual([]);
    expect(new Set(points).size).toBe(points.length);
    expect(points.length).toBeGreaterThan(150);
    const random = randomOf("run-kill instants");
    // The first part of that time is the start of the program.
    const instants = Array.from({ length: INSTANTS }, () => ms * (0.25 + 0.75 * random()));
    const work = [
      ...chosen(points).map((point) => (place: Place) => tryPoint(plant, place, point)),
      ...instants.map((instant) => (place: Place) => tryInstant(plant, place, instant)),
    ];
    const tried: Tried[] = [];
    await Promise.all(
      places.map(async (place) => {
        for (let next = work.shift(); next !== undefined; next = work.shift()) tried.push(await next(place));
      }),
    );
    const order = (point: string) => (points.includes(point) ? points.indexOf(point) : points.length);
    tried.sort((a, b) => order(a.point) - order(b.point));
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.log(
      `${table(tried)}\nrun-kill: ${tried.length - INSTANTS} of ${points.length} points and ${INSTANTS} instants in ${seconds} s, seed ${SEED}`,
    );
    expect(tried.filter((one) => one.faults.length > 0)).toEqual([]);
    expect(tried).toHaveLength((ALL ? points.length : CHOSEN) + INSTANTS);
  });
});
