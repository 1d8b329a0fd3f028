import { expect, it } from "vitest";
import { parseSoak, rowsOf } from "../../../src/cli/bench/soak.js";

it("reads a soak's length", () => {
  expect(parseSoak("1h")).toEqual({ ms: 3_600_000 });
  expect(parseSoak("30m")).toEqual({ ms: 1_800_000 });
  expect(parseSoak("90s")).toEqual({ ms: 90_000 });
  expect(parseSoak("10000")).toEqual({ units: 10_000 });
  expect(parseSoak("h")).toBeUndefined();
});

it("compares the last tenth of a soak with the first one behind its beginning", () => {
  const samples = Array.from({ length: 2_200 }, (_, i) => ({ takt: i < 200 ? 9_000 : 500, memory: 100 + i / 20 }));
  const [takt, memory] = rowsOf(samples, 1);
  expect(takt).toMatchObject({ value: 500, limit: 500, ratio: 1, ok: true });
  expect(memory?.ok).toBe(false);
  expect(memory?.ratio).toBeGreaterThan(1.5);
});

it("says nothing of memory where the system does not tell it", () => {
  expect(rowsOf([{ takt: 1, memory: undefined }], 1)).toHaveLength(1);
});
