/** `npm run scale`: the figures of docs/scale.md. Takes three parts of STATION_SCALE_MINUTES each; no part of CI, which runs a small one. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { requirePostgres } from "../postgres/cluster.js";
import { simulate } from "./plant.js";
import { reportText } from "./report.js";

function numberOf(name: string, standard: number): number {
  const text = process.env[name];
  const value = text === undefined || text === "" ? standard : Number(text);
  if (!(value > 0)) throw new Error(`${name}: "${text}" is no number above 0`);
  return value;
}

describe.runIf(requirePostgres())("a plant on two replicas and one PostgreSQL database", () => {
  it("has every unit provisioned, with a replica and then the database away for a while", async () => {
    const options = {
      stations: numberOf("STATION_SCALE_STATIONS", 100),
      takt: 1_000 * numberOf("STATION_SCALE_TAKT", 60),
      part: 60_000 * numberOf("STATION_SCALE_MINUTES", 5),
      away: 1_000 * numberOf("STATION_SCALE_AWAY", 20),
    };
    const report = await simulate(options);
    const text = reportText(options, report);
    console.log(text);
    if (process.env.STATION_SCALE_REPORT !== undefined) writeFileSync(process.env.STATION_SCALE_REPORT, `${text}\n`);
    const { units, certificates, sets, confirmed } = report;
    expect({ certificates, sets, confirmed }).toEqual({
      certificates: 3 * units,
      sets: 11 * units,
      confirmed: 11 * units,
    });
    expect(report.deadlocks).toBe(0);
  });
});
