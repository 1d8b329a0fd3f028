/** Units back to back at eight bays, for an hour or for ten thousand: nothing gets slower and nothing grows. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { BenchRow } from "./row.js";
import { Serving } from "./serving.js";
import { median } from "./stats.js";

const BAYS = 8;
/** Units in which caches fill and code is compiled. */
const WARM_UP = 200;
/** What the last tenth may be over the first, as a part of it. */
const DRIFT = 0.1;
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

interface Sample {
  readonly takt: number;
  /** MB */
  readonly memory: number | undefined;
}

/**
 * Ends with an error where a unit does not pass.
 * @param tell called once a minute with a line on how it goes
 */
export async function soakRows(
  length: SoakLength,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const serving = await Serving.open(folder, BAYS);
  try {
    const samples: Sample[] = [];
    const began = performance.now();
    let told = began;
    let begun = 0;
    const more = () =>
      !signal.aborted && ("units" in length ? begun < length.units : performance.now() - began < length.ms);
    const bay = async (index: number) => {
      while (more()) {
        begun++;
        const takt = await serving.unit(index);
        samples.push({ takt, memory: await serving.memory() });
        if (performance.now() - told < MINUTE) continue;
        told = performance.now();
        const { memory } = samples.at(-1) ?? {};
        const minutes = Math.round((told - began) / MINUTE);
        tell(`${minutes} min: ${samples.length} units PASS, ${memory?.toFixed(0) ?? "?"} MB`);
      }
    };
    await Promise.all(Array.from({ length: BAYS }, (_, index) => bay(index)));
    return rowsOf(samples, (performance.now() - began) / (60 * MINUTE));
  } finally {
    await serving.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param samples of all units in the order of their ends @param hours that they took */
export function rowsOf(samples: readonly Sample[], hours: number): BenchRow[] {
  const measured = samples.slice(Math.min(WARM_UP, Math.floor(samples.length / 4)));
  const tenth = Math.max(1, Math.floor(measured.length / 10));
  const row = (name: string, unit: string, values: readonly number[]): BenchRow => {
    const first = median(values.slice(0, tenth));
    const value = median(values.slice(-tenth));
    return {
      name: `soak, ${samples.length.toLocaleString("en")} units in ${hours.toFixed(2)} h: ${name} of the last tenth`,
      value,
      unit,
      limit: first,
      ratio: value / first,
      bar: `<= ${100 + DRIFT * 100} % of the first tenth`,
      ok: value <= first * (1 + DRIFT),
    };
  };
  const memory = measured.flatMap((sample) => (sample.memory === undefined ? [] : [sample.memory]));
  const takts = measured.map(({ takt }) => takt);
  return [row("takt", "ms", takts), ...(memory.length === 0 ? [] : [row("memory", "MB", memory)])];
}
