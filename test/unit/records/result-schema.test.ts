import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "typebox/value";
import { afterEach, describe, expect, it } from "vitest";
import { RunResultSchema, resultSchemaJson, runResult } from "../../../src/records/run-result.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { INPUTS, keysProfile, Plant } from "../station/fakes.js";

const FILE = join(packageRoot(), "docs", "result.schema.json");
let plant: Plant | undefined;
afterEach(() => plant?.remove());

describe("the published schema of a run's result", () => {
  it("is the file in docs", () => {
    // `UPDATE_SCHEMA=1 npx vitest run …` writes the file after a change.
    if (process.env.UPDATE_SCHEMA === "1") writeFileSync(FILE, resultSchemaJson());
    // Laid out by the formatter, so compared by content.
    expect(JSON.parse(readFileSync(FILE, "utf8"))).toEqual(JSON.parse(resultSchemaJson()));
  });

  it.each(["PASS", "FAIL", "ERROR"] as const)("fits what is told of a run that ends as %s", async (outcome) => {
    plant = new Plant(new VirtualClock());
    plant.profile = keysProfile();
    if (outcome === "FAIL") plant.ecu.faults.receipt = (_, { m4, m5 }) => ({ m4: m4.map((byte) => byte ^ 1), m5 });
    const station = await plant.start();
    const record = await station.run(outcome === "ERROR" ? { pcid: INPUTS.pcid } : INPUTS);
    const result: unknown = JSON.parse(JSON.stringify(runResult(record, "line-3", "run-1:result:mes")));
    expect([...Value.Errors(RunResultSchema, result)]).toEqual([]);
    expect(result).toMatchObject({ id: "run-1:result:mes", station: "line-3", outcome, runId: record.runId });
    // Receipts and facts of the steps stay in the record.
    expect(JSON.stringify(result)).not.toMatch(/"m[1-5]"/);
    await station.stop();
  });
});
