/** Units back to back at eight bays, for an hour or for ten thousand: nothing gets slower and nothing grows. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { describe } from "../../shared/errors.js";
import type { BenchRow } from "./row.js";
import { Serving } from "./serving.js";
import { median } from "./stats.js";

const BAYS = 8;
/** Units in which caches fill and code is compiled. */
const WARM_UP = 200;
/** The part of a soak behind its ageing: what is compared. */
const TENTH = 0.1;
/** Units of the aged station and of the fresh one in turn. */
const TURN = 5 * BAYS;
/** What age may cost, as a part of what it is compared with. */
const DRIFT = 0.1;
/** A station that fails this often is broken, and its takts say nothing. */
const MOST_FAILED = 20;
const MINUTE = 60_000;

/** When a soak ends: after a time, or after so many units. */
export type SoakLength = { readonly ms: number } | { readonly units: number };

const UNITS_OF_TIME: Readonly<Record<string, number>> = { s: 1_000, m: MINUTE, h: 60 * MINUTE };

/** `1h`, `30m`, `90s`, or a number of units; undefined where it is none. */
export function parseSoak(text: string): SoakLength | undefined {
  const [, digits, unit] = /^([1-9]\d{0,8})([smh]?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const ms = unit === undefined ? undefined : UNITS_OF_TIME[unit];
  return ms === undefined ? { units: Number(digits) } : { ms: Number(digits) * ms };
}

export interface Soaked {
  /** ms of the aged station's units in its last tenth, and of a fresh one's in turns with them. */
  readonly takts: { readonly aged: readonly number[]; readonly fresh: readonly number[] };
  /** MB behind each unit of the aged station; empty where the system does not tell. */
  readonly memory: readonly number[];
  /** Units of the aged station, and how many of both stations' did not pass. */
  readonly units: number;
  readonly failed: number;
  readonly hours: number;
}

/**
 * Nine tenths of the units age a station. The last tenth is compared with a fresh one that works in turns with it, so
 * that a machine which became slower meanwhile slows both.
 * @param tell called once a minute with a line on how it goes, and for each unit that does not pass
 * @throws Error where twenty units did not pass
 */
export async function soakRows(
  length: SoakLength,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const open = async (name: string) => {
    await mkdir(join(folder, name));
    return Serving.open(join(folder, name), BAYS);
  };
  const began = performance.now();
  let told = began;
  let failed = 0;
  let done = 0;
  const memory: number[] = [];

  /** @returns the takts of the units that passed, as many as are begun while `more` says so */
  const work = async (serving: Serving, more: () => boolean): Promise<number[]> => {
    const takts: number[] = [];
    const bay = async (index: number) => {
      while (!signal.aborted && more()) {
        try {
          takts.push(await serving.unit(index));
        } catch (error) {
          tell(describe(error));
          if (++failed >= MOST_FAILED) throw error;
        }
        if (serving !== aged) continue;
        done++;
        const now = await serving.memory();
        if (now !== undefined) memory.push(now);
        if (performance.now() - told < MINUTE) continue;
        told = performance.now();
        tell(
          `${Math.round((told - began) / MINUTE)} min: ${done} units, ${failed} failed, ${now?.toFixed(0) ?? "?"} MB`,
        );
      }
    };
    await Promise.all(Array.from({ length: BAYS }, (_, index) => bay(index)));
    return takts;
  };
  const units = (count: number) => () => count-- > 0;
  const part = () => ("units" in length ? done / length.units : (performance.now() - began) / length.ms);

  const aged = await open("aged");
  try {
    await work(aged, () => part() < 1 - TENTH);
    const fresh = await open("fresh");
    try {
      await work(fresh, units(WARM_UP));
      const takts: { aged: number[]; fresh: number[] } = { aged: [], fresh: [] };
      while (!signal.aborted && part() < 1) {
        takts.aged.push(...(await work(aged, units(TURN))));
        takts.fresh.push(...(await work(fresh, units(TURN))));
      }
      return rowsOf({ takts, memory, units: done, failed, hours: (performance.now() - began) / (60 * MINUTE) });
    } finally {
      await fresh.close();
    }
  } finally {
    await aged.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export function rowsOf({ takts, memory, units, failed, hours }: Soaked): BenchRow[] {
  const measured = memory.slice(Math.min(WARM_UP, Math.floor(memory.length / 4)));
  const tenth = Math.max(1, Math.floor(measured.length * TENTH));
  const soak = `soak, ${units.toLocaleString("en")} units in ${hours.toFixed(2)} h`;
  const row = (name: string, unit: string, value: number, limit: number, peer: string): BenchRow => ({
    name: `${soak}: ${name}`,
    value,
    unit,
    limit,
    ratio: value / limit,
    bar: `<= ${100 + DRIFT * 100} % of ${peer}`,
    ok: value <= limit * (1 + DRIFT),
  });
  const takt = row(
    "takt of the last tenth",
    "ms",
    median(takts.aged),
    median(takts.fresh),
    "a fresh station's in turns",
  );
  const [first, last] = [median(measured.slice(0, tenth)), median(measured.slice(-tenth))];
  return [
    { name: `${soak}: units that did not pass`, value: failed, unit: "units", bar: "none", ok: failed === 0 },
    takt,
    ...(memory.length === 0 ? [] : [row("memory of the last tenth", "MB", last, first, "the first tenth")]),
  ];
}
