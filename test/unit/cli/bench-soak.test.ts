import { expect, it } from "vitest";
import { parseSoak, rowsOf } from "../../../src/cli/bench/soak.js";

it("reads a soak's length", () => {
  expect(parseSoak("1h")).toEqual({ ms: 3_600_000 });
  expect(parseSoak("30m")).toEqual({ ms: 1_800_000 });
  expect(parseSoak("90s")).toEqual({ ms: 90_000 });
  expect(parseSoak("10000")).toEqual({ units: 10_000 });
  expect(parseSoak("h")).toBeUndefined();
});

const SOAKED = { takts: { aged: [500, 510, 520], fresh: [500, 500, 505] }, units: 2_200, failed: 0, hours: 1 };

it("compares an aged station's takt with a fresh one's, and its memory with that of its first tenth", () => {
  const memory = Array.from({ length: 2_200 }, (_, i) => 100 + i / 20);
  const [failed, takt, grown] = rowsOf({ ...SOAKED, memory });
  expect(failed).toMatchObject({ value: 0, ok: true });
  expect(takt).toMatchObject({ value: 510, limit: 500, ratio: 1.02, ok: true });
  expect(grown?.ok).toBe(false);
  expect(grown?.ratio).toBeGreaterThan(1.5);
});

it("misses its bar by one unit that did not pass, and by a takt that grew", () => {
  const [failed, takt] = rowsOf({ ...SOAKED, failed: 1, memory: [], takts: { aged: [560], fresh: [500] } });
  expect(failed).toMatchObject({ value: 1, ok: false });
  expect(takt).toMatchObject({ ratio: 1.12, ok: false });
});

it("says nothing of memory where the system does not tell it", () => {
  expect(rowsOf({ ...SOAKED, memory: [] })).toHaveLength(2);
});
