import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "typebox/value";
import { afterEach, describe, expect, it } from "vitest";
import { RecordSchema, recordSchemaJson } from "../../../src/records/schema.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { INPUTS, keysProfile, Plant } from "../station/fakes.js";

const FILE = join(packageRoot(), "docs", "record.schema.json");
let plant: Plant | undefined;
afterEach(() => plant?.remove());

describe("the published record schema", () => {
  it("is the file in docs", () => {
    // `UPDATE_SCHEMA=1 npx vitest run …` writes the file after a change.
    if (process.env.UPDATE_SCHEMA === "1") writeFileSync(FILE, recordSchemaJson());
    // Laid out by the formatter, so compared by content.
    expect(JSON.parse(readFileSync(FILE, "utf8"))).toEqual(JSON.parse(recordSchemaJson()));
  });

  it.each(["PASS", "FAIL", "ERROR"] as const)("fits the record of a run that ends as %s", async (outcome) => {
    plant = new Plant(new VirtualClock());
    plant.profile = keysProfile();
    if (outcome === "FAIL") plant.ecu.faults.receipt = (_, { m4, m5 }) => ({ m4: m4.map((byte) => byte ^ 1), m5 });
    const station = await plant.start();
    const record = await station.run(outcome === "ERROR" ? { pcid: INPUTS.pcid } : INPUTS);
    expect(record.outcome).toBe(outcome);
    const stored = (await station.records.history.show(record.runId))?.record;
    expect([...Value.Errors(RecordSchema, stored)]).toEqual([]);
    expect(Value.Check(RecordSchema, { ...stored, extra: 1 })).toBe(false);
    await station.stop();
  });
});
