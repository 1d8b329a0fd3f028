import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { ResultSink, RunRecord } from "../../../src/station/ports.js";
import { runUnit } from "../../../src/station/run/index.js";
import { INPUTS, keysProfile, Plant } from "./fakes.js";

let plant: Plant;
beforeEach(() => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
});
afterEach(() => plant.remove());

/** A run whose outbox is full until all receivers were tried. @param after what is said then */
async function runOnFull(after: string | undefined): Promise<RunRecord> {
  const station = await plant.start();
  const { outbox } = station;
  let tried = false;
  const results: ResultSink = {
    delivered: (id, signal) => outbox.delivered(id, signal),
    waiting: (of) => outbox.waiting(of),
    full: async () => (tried ? after : "2 results (limit 2)"),
    flush: (signal, of) => {
      tried ||= of === "all";
      return outbox.flush(signal, of);
    },
  };
  const record = await plant.drive(runUnit({ ...station.deps, results }, { inputs: INPUTS }));
  await station.stop();
  return record;
}

describe("a run that finds the outbox full", () => {
  it("touches no unit, and says what is too much", async () => {
    const { outcome, failure } = await runOnFull("1 results (limit 1)");
    expect([outcome, failure?.code, failure?.step]).toEqual(["ERROR", "OUTBOX_FULL", "check"]);
    expect(failure?.text.en).toContain("1 results (limit 1)");
    expect(plant.ecu.opened).toBe(0);
  });

  it("goes on where the receivers have taken enough when they were tried once more", async () => {
    expect((await runOnFull(undefined)).outcome).toBe("PASS");
  });
});
