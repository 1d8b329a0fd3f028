import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CASES, type Case, type Kind, type Place } from "./bays/cases.js";
import { type Bay, BaysPlant, KINDS } from "./bays/plant.js";
import { type Health, health } from "./bays/station.js";

/** 100 by hand: STATION_ROUNDS=100. */
const ROUNDS = Number(process.env.STATION_ROUNDS ?? 25);
/** Rounds in which caches fill, pools open and code is compiled: nothing is measured. */
const WARM_UP = Math.min(7, Math.floor(ROUNDS / 3));
/** ms for one round on a machine that does much else. */
const ROUND_LIMIT = 60_000;
/** MB that the heap in use may be higher in the last rounds than in the first measured ones. */
const GROWTH = 2;
/** Connections to the servers, and their timers, that the pool may hold at one time and not at another. */
const POOLED = 2;

const INPUTS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  evcc: { pcid: "KM8AAAAAAAAA000001", evccid: "KM7AAAAAAAAAAAAA0001" },
  ccu: { hostName: "ccu-000001.plant.example" },
  "ccu-pkcs11": { hostName: "ccu-000001.plant.example" },
  "body-she": {},
};

const plant = new BaysPlant();
const { bays, station } = plant;
beforeAll(() => plant.start());
afterAll(() => plant.stop());

const vinOf = (round: number, bay: Bay) => `KMHAAAAA${bay.name.padStart(3, "A")}${String(round).padStart(6, "0")}`;

/** One unit at one bay of a round: how it ended, as `OUTCOME CODE`, or what of it is not right; and what the operator was told. */
async function unit(round: number, bay: Bay, failing: Case, isPlace: boolean): Promise<{ end: string; told: string }> {
  const { ecuId } = await bay.ecu.renew();
  const { name, kind, ecu } = bay;
  const abort = () => station.send({ bay: name, abort: true });
  const place: Place = { bay: name, kind, ecu, ecuId: ecuId ?? "", plant, abort };
  const own: Partial<Case> = isPlace ? failing : {};
  await own.before?.(place);
  const vin = vinOf(round, bay);
  const profile = own.order?.profile;
  const order = {
    bay: name,
    inputs: { vin, ...INPUTS[kind] },
    ...own.order,
    ...(typeof profile === "string" ? { profile: join(plant.folder, profile) } : {}),
  };
  let happened = false;
  const ended = await station.unit(order, (event) => {
    if (!happened) happened = own.during?.(place, event) ?? false;
  });
  await own.after?.(place);
  const end = [ended.outcome, ended.failure?.code].filter((part) => part !== undefined).join(" ");
  const passed = end === "PASS";
  const told = ended.failure === undefined ? "" : ` (${ended.failure.step}: ${ended.failure.text.en})`;
  if (!passed && failing.untouched !== true) return { end, told };
  const { facts } = await ecu.command({ cmd: "status" });
  const written = facts?.vin === vin;
  const right = passed ? written && facts.lifeCycle === "locked" : !written;
  return { end: right ? end : `${end}, but the unit is ${JSON.stringify(facts)}`, told };
}

/** The bay of a round at which the case can happen: another one each time. */
function placeOf(round: number, { kinds = KINDS }: Case): Bay {
  const fitting = bays.filter(({ kind }) => kinds.includes(kind));
  const bay = fitting[round % fitting.length];
  if (bay === undefined) throw new Error("no bay fits");
  return bay;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

describe(`8 bays, one of them failing in another way each round, ${ROUNDS} rounds`, () => {
  const measured: Health[] = [];

  /** In the first and the last third of the rounds that were measured. */
  function beginAndEnd(of: (health: Health) => number): [number, number] {
    const values = measured.map(of);
    const third = Math.max(1, Math.floor(values.length / 3));
    return [median(values.slice(0, third)), median(values.slice(-third))];
  }

  it(
    "end as the table says, and all the others pass",
    async () => {
      const began = performance.now();
      const wrong: string[] = [];
      const ends = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round++) {
        const failing = CASES[round % CASES.length];
        if (failing === undefined) throw new Error("no case");
        const place = placeOf(round, failing);
        const { shared } = failing;
        await shared?.before?.(plant);
        const results = await Promise.all(
          bays.map(async (bay) => {
            const isPlace = bay === place;
            const { end, told } = await unit(round, bay, failing, isPlace);
            ends.set(end, (ends.get(end) ?? 0) + 1);
            const expected = isPlace ? failing.ends : shared?.kinds.includes(bay.kind) ? shared.ends : ["PASS"];
            return expected.includes(end)
              ? []
              : [
                  `round ${round}, bay ${bay.name} (${bay.kind}), ${failing.name}${isPlace ? " here" : ""}: ${end}${told}, expected ${expected.join(" or ")}`,
                ];
          }),
        );
        await shared?.after?.(plant);
        wrong.push(...results.flat());
        if (round >= WARM_UP) measured.push(health());
      }
      const seconds = (performance.now() - began) / 1_000;
      console.log(
        `bays: ${ROUNDS} rounds, ${ROUNDS * bays.length} units in ${seconds.toFixed(0)} s: ${[...ends].map(([end, count]) => `${count} ${end}`).join(", ")}`,
      );
      expect(wrong).toEqual([]);
    },
    ROUND_LIMIT * ROUNDS,
  );

  it("leave the heap level", () => {
    const heaps = measured.map(({ heap }) => heap);
    const [first, last] = beginAndEnd(({ heap }) => heap);
    console.log(`bays: heap in use after each round, MB: ${heaps.map((heap) => heap.toFixed(1)).join(" ")}`);
    expect(last - first).toBeLessThan(GROWTH);
  });

  it("leave as many handles as before", () => {
    const kinds = [...new Set(measured.flatMap(({ handles }) => Object.keys(handles)))];
    for (const kind of kinds) {
      const [first, last] = beginAndEnd(({ handles }) => handles[kind] ?? 0);
      console.log(`bays: ${kind} ${first} then ${last}`);
      expect(last - first, kind).toBeLessThanOrEqual(POOLED);
    }
  });

  it("say nothing on stderr", () => {
    expect(station.stderr).toBe("");
  });
});
