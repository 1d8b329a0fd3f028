/** A whole run over a serial line: station and ecu-sim, each a process of its own, at the two ends of a pty pair. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cable, requireCable, serialCable } from "../cable.js";
import { EVCC, recordOf } from "./cases.js";
import { run, start, tempFolder } from "./harness.js";

describe.skipIf(!requireCable())("a run on slcan through serialport", () => {
  let cable: Cable;
  beforeAll(async () => {
    cable = await serialCable();
  });
  afterAll(() => cable?.pull());

  it("provisions an ECU behind an adapter at a serial device", async () => {
    const ecu = start("ecu-sim", ["--profile", "body-she", "--link", `slcan-adapter:${cable.far}`], { limit: 300_000 });
    await ecu.line((line) => line.startsWith('{"listening"'));
    const unit = ["--profile", "body-she", "--vin", EVCC.vin, "--link", `slcan:${cable.near}?adapter=lawicel`];
    const done = await run("ecustation", ["run", ...unit, "--data", tempFolder(), "--json"]);
    await ecu.stop();
    const record = recordOf(done);
    expect([record.outcome, record.failure?.code, done.stderr]).toEqual(["PASS", undefined, ""]);
    expect(record.steps.map(({ step }) => step)).toContain("key:secoc-c");
  });
});
