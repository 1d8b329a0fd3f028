/** The seed of a sweep: STATION_SEED, else a fresh one; it is printed, so that a failure can be run again. */
import { randomInt } from "node:crypto";

function seedOf(text: string | undefined): number {
  if (text === undefined || text === "") return randomInt(2 ** 31);
  if (!/^\d{1,10}$/.test(text)) throw new Error(`STATION_SEED: "${text}" is no whole number`);
  return Number(text) >>> 0;
}

export const SEED = seedOf(process.env.STATION_SEED);

/** A number in [0, 1). */
export type Random = () => number;

/** A seed of its own for a part of the sweep. */
export function seedFor(part: string, seed = SEED): number {
  let hash = seed >>> 0;
  for (const character of part) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

/** Numbers that follow from a seed (mulberry32). */
export function randomOf(part: string, seed = SEED): Random {
  let state = seedFor(part, seed);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}
