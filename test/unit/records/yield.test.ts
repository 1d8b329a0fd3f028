import { expect, it } from "vitest";
import { inlineStores } from "../../../src/db/store.js";
import { openRecords } from "../../../src/records/journal.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { RunHeader, RunRecord } from "../../../src/station/ports.js";

const HOUR = 3_600_000;
const BEGIN = Date.UTC(2026, 10, 22);

function header(runId: string, vin: string, startedAt: number): RunHeader {
  return {
    runId,
    bay: "1",
    link: "sim:",
    profile: { name: "evcc", version: 1, hash: "00".repeat(32) },
    inputs: { vin },
    expectedEcuId: undefined,
    startedAt,
    programVersion: "0",
    plan: [],
  };
}

function record(head: RunHeader, outcome: RunRecord["outcome"], ms: number): RunRecord {
  const text = { ko: "", en: "" };
  const failure = { layer: "uds", step: "open", retryable: true, text, details: {}, causes: [] } as const;
  return {
    schema: 1,
    runId: head.runId,
    header: head,
    identity: undefined,
    outcome,
    ...(outcome === "PASS" ? {} : { failure: { ...failure, code: "UDS_TIMEOUT" as const } }),
    steps: [],
    timers: {},
    startedAt: head.startedAt,
    finishedAt: head.startedAt + ms,
    resumed: 0,
    owed: 0,
  };
}

it("has rows of the days of whoever asks", async () => {
  const stores = inlineStores();
  const { runs, yields } = await openRecords({ stores, file: ":memory:", clock: new VirtualClock() });
  const midnightUtc = Date.UTC(2026, 10, 23);
  for (const [runId, at] of Object.entries({
    evening: -10 * HOUR,
    night: -8 * HOUR,
    morning: 8 * HOUR,
    day: 15.5 * HOUR,
  })) {
    const head = header(runId, runId, midnightUtc + at);
    await runs.begin(head);
    await runs.finish(record(head, "PASS", 1_000));
  }
  const rowsOf = async (ahead?: number) => {
    const span = { from: midnightUtc - 48 * HOUR, to: midnightUtc + 48 * HOUR };
    const { takts } = await yields.of(ahead === undefined ? span : { ...span, ahead });
    return takts.map((row) => [(row.at - midnightUtc) / HOUR, row.runs]);
  };
  expect(await rowsOf()).toEqual([
    [-24, 2],
    [0, 2],
  ]);
  // In Korea a day begins at 15:00 UTC of the day before.
  expect(await rowsOf(9 * 60)).toEqual([
    [-9 - 24, 1],
    [-9, 2],
    [15, 1],
  ]);
  expect(await rowsOf(-5 * 60)).toEqual([
    [-19, 2],
    [5, 2],
  ]);
  await stores.close();
});

it("counts units by their first run, failures by code, and takts by hour", async () => {
  const stores = inlineStores();
  const { runs, yields } = await openRecords({ stores, file: ":memory:", clock: new VirtualClock() });
  const put = async (runId: string, vin: string, at: number, outcome: RunRecord["outcome"] | undefined, ms = 0) => {
    const head = header(runId, vin, BEGIN + at);
    await runs.begin(head);
    if (outcome !== undefined) await runs.finish(record(head, outcome, ms));
  };
  await put("R0", "OLD", -HOUR, "FAIL", 10);
  await put("R1", "A", 0, "PASS", 5_000);
  await put("R2", "B", 10, "TIMEOUT", 900);
  await put("R3", "B", 20, "PASS", 7_000);
  // Its first run was before.
  await put("R4", "OLD", 30, "PASS", 6_000);
  await put("R5", "C", HOUR, "PASS", 4_000);
  await put("R6", "D", HOUR + 1, undefined);
  await put("R7", "E", 30 * HOUR, "PASS", 1);
  const found = await yields.of({ from: BEGIN, to: BEGIN + 24 * HOUR });
  expect(found).toEqual({
    units: 3,
    firstPass: 2,
    byOutcome: { PASS: 4, FAIL: 0, ERROR: 0, TIMEOUT: 1, ABORTED: 0 },
    byCode: [{ code: "UDS_TIMEOUT", runs: 1 }],
    takts: [
      { at: BEGIN, runs: 3, median: 6_000, worst: 7_000 },
      { at: BEGIN + HOUR, runs: 1, median: 4_000, worst: 4_000 },
    ],
  });
  expect((await yields.of({ from: 0, to: 1 })).units).toBe(0);
  await stores.close();
});
