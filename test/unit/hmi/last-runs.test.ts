import { expect, it } from "vitest";
import { recallLastRuns } from "../../../src/cli/page/last-runs.js";
import type { RunRecord } from "../../../src/station/ports.js";
import { type Bench, BODY, openBench, record, VIN } from "./bench.js";

const FAILURE = {
  code: "UDS_TIMEOUT",
  layer: "uds",
  step: "open",
  retryable: true,
  text: { ko: "응답 없음", en: "No answer" },
  details: {},
  causes: [],
} as const;

async function bench(): Promise<
  Bench & { ran(bay: string, runId: string, at: number, change?: object): Promise<void> }
> {
  const opened = await openBench({ profile: "body" });
  const { runs } = opened.records;
  const ran = async (bay: string, runId: string, startedAt: number, change?: Partial<RunRecord>) => {
    const whole = record({ bay, profile: BODY, inputs: { vin: VIN } });
    const header = { ...whole.header, runId, startedAt };
    await runs.begin(header);
    const end = { startedAt, finishedAt: startedAt + 700 };
    if (change !== undefined) await runs.finish({ ...whole, ...end, runId, header, ...change });
  };
  return { ...opened, ran };
}

const shown = async ({ browser }: Bench) => (await (await browser().events()).next("state")).data.bays;

it("a bay shows the verdict of its last unit again after a start, and can run it again", async () => {
  const station = await bench();
  await station.ran("A", "R1", 10, { outcome: "PASS" });
  await station.ran("A", "R2", 20, { outcome: "FAIL", failure: FAILURE });
  await recallLastRuns(station.bays, station.records.history);
  const [a, b] = await shown(station);
  expect(a).toMatchObject({
    phase: "idle",
    verdict: { outcome: "FAIL", runId: "R2", vin: VIN, at: 720, ms: 700, failure: { code: "UDS_TIMEOUT" } },
    run: { runId: "R2", inputs: { vin: VIN } },
  });
  expect(b.verdict).toBeUndefined();
  const person = station.browser();
  await person.session();
  expect((await person.post("/api/bays/A/start", { unit: "last" })).status).toBe(204);
  expect(station.orders[0]?.inputs).toEqual({ vin: VIN });
});

it("a run that was interrupted has no verdict, and an earlier one's is not its own", async () => {
  const station = await bench();
  await station.ran("A", "R1", 10, { outcome: "PASS" });
  await station.ran("A", "R2", 20);
  await recallLastRuns(station.bays, station.records.history);
  expect((await shown(station))[0].verdict).toBeUndefined();
});

it("a unit that was begun meanwhile is not covered by an earlier one", async () => {
  const station = await bench();
  await station.ran("A", "R1", 10, { outcome: "FAIL", failure: FAILURE });
  await station.bays.start("A", { work: async () => record({ bay: "A", profile: BODY, inputs: {} }) });
  await recallLastRuns(station.bays, station.records.history);
  expect((await shown(station))[0].verdict).toMatchObject({ outcome: "PASS" });
});
