import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StationError } from "../../../src/shared/errors.js";
import type { RunRecord } from "../../../src/station/ports.js";
import { FakeEcu } from "./fake-ecu.js";
import { Killer, keysProfile, Plant, smallProfile } from "./fakes.js";
import { SetClock } from "./set-clock.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let clock: SetClock;
let plant: Plant;
beforeEach(() => {
  clock = new SetClock();
  plant = new Plant(clock);
  plant.profile = keysProfile();
});
afterEach(() => plant.remove());

/** The record's times are in their order, and its end lies at most so many ms behind its beginning. */
function expectInOrder({ startedAt, finishedAt, steps }: RunRecord, most: number): void {
  const times = steps.map((step) => step.startedAt).sort((a, b) => a - b);
  expect(times[0]).toBeGreaterThanOrEqual(startedAt);
  expect(times.at(-1)).toBeLessThanOrEqual(finishedAt);
  expect(finishedAt - startedAt).toBeGreaterThanOrEqual(40);
  expect(finishedAt - startedAt).toBeLessThan(most);
}

describe.each([
  ["back by five hours", -5 * HOUR],
  ["back by a day", -DAY],
  ["ahead by five hours", 5 * HOUR],
  ["ahead by a day", DAY],
])("a clock that is set %s", (_, by) => {
  it("in the middle of a run changes neither its outcome nor how long its steps took", async () => {
    plant.ecu.faults.onCall = async (name) => {
      await clock.sleep(40);
      if (name === "writeVin") clock.set(by);
    };
    const station = await plant.start();
    const record = await station.run();
    expect([record.outcome, record.failure?.code, record.owed]).toEqual(["PASS", undefined, 0]);
    for (const { step, ms } of record.steps) expect(ms, step).toBeLessThan(2_000);
    for (const { step, ms } of record.steps) expect(ms, step).toBeGreaterThanOrEqual(0);
    expect(record.steps.find(({ step }) => step === "vin")?.ms).toBeGreaterThanOrEqual(40);
    expectInOrder(record, 10_000);
    await station.stop();
  });

  it("between two lives of a run does not keep it from going on, and its former steps keep their time", async () => {
    plant.ecu.faults.onCall = async (name) => {
      await clock.sleep(40);
      if (name === "writeVin") clock.set(by);
    };
    const first = await plant.start({ killer: new Killer(35) });
    await first.run().catch(() => undefined);
    await first.stop();
    clock.set(by);
    const second = await plant.start();
    const record = await second.run();
    expect([record.outcome, record.resumed, record.owed]).toEqual(["PASS", 1, 0]);
    expect(record.steps.find(({ step }) => step === "vin")?.ms).toBeGreaterThanOrEqual(40);
    for (const { step, ms } of record.steps) expect(ms, step).toBeLessThan(2_000);
    // The two lives lie as far from each other as the clock says, but never in the wrong order.
    expectInOrder(record, 10_000 + 2 * Math.max(0, by));
    await second.stop();
  });

  it("after an interrupted run does not have its record end before its last step", async () => {
    plant.ecu.faults.onCall = () => clock.sleep(40);
    const first = await plant.start({ killer: new Killer(35) });
    await first.run().catch(() => undefined);
    await first.stop();
    clock.set(by);
    // Another unit: the run does not go on.
    plant.ecu = new FakeEcu(9);
    const second = await plant.start();
    expect((await second.run()).outcome).toBe("PASS");
    const { runs } = await second.records.history.list();
    const closed = runs.filter(({ code }) => code === "RUN_INTERRUPTED");
    expect(closed).toHaveLength(1);
    for (const { startedAt, finishedAt = 0 } of closed) expect(finishedAt).toBeGreaterThan(startedAt);
    await second.stop();
  });

  it("does not hold up a result that waits for the KMS", async () => {
    const { report } = plant.kms;
    const station = await plant.start();
    plant.kms.report = async (result, id) => {
      if (result.kind !== "sync") return report.call(plant.kms, result, id);
      throw new StationError("KMS_UNREACHABLE", { details: { what: "cut off" } });
    };
    expect(await station.run()).toMatchObject({ outcome: "PASS", owed: 1 });
    await station.stop();
    clock.set(by);
    plant.kms.report = report;
    const again = await plant.start();
    await clock.advance(1);
    expect(await again.outbox.waiting({})).toBe(0);
    await again.stop();
  });

  it("does not end a step, nor hold its limit back", async () => {
    plant.ecu.faults.onCall = (name, signal) => {
      if (name !== "lock") return undefined;
      clock.setSoon(by);
      return new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const station = await plant.start();
    const from = clock.monotonic();
    const record = await station.run();
    expect([record.outcome, record.failure?.step]).toEqual(["TIMEOUT", "lock"]);
    const took = clock.monotonic() - from;
    expect(took).toBeGreaterThanOrEqual(plant.profile.limits.step);
    expect(took).toBeLessThan(plant.profile.limits.step + 5_000);
    await station.stop();
  });
});

describe("a certificate that was issued before the clock was set back", () => {
  it("is taken as valid at the time when it was asked for", async () => {
    // Certificates are made by the thread pool, in real time.
    let ahead = 0;
    const { systemClock } = await import("../../../src/shared/clock.js");
    plant.remove();
    plant = new Plant({ ...systemClock, now: () => Date.now() + ahead });
    const { certificates } = smallProfile();
    plant.profile = smallProfile({
      certificates: certificates.slice(0, 1),
      keys: [],
      order: ["clock", "certificates"],
    });
    const killer = new Killer();
    const first = await plant.start({ killer });
    plant.ecu.faults.beforeInstall = () => {
      killer.dead = true;
      killer.check();
    };
    await first.run().catch(() => undefined);
    await first.stop();
    plant.ecu.faults = {};
    ahead = -5 * HOUR;
    const second = await plant.start();
    const record = await second.run();
    expect([record.outcome, record.failure?.details.what, record.resumed]).toEqual(["PASS", undefined, 1]);
    expect(plant.vpki.issued).toHaveLength(1);
    await second.stop();
  });
});
