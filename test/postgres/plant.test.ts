/** The simulation of docs/scale.md, small. */
import { describe, expect, it } from "vitest";
import { simulate } from "../scale/plant.js";
import { requirePostgres } from "./cluster.js";

describe.runIf(requirePostgres())("a small plant on two replicas", () => {
  it("has every unit provisioned, with a replica and then the database away for a while", async () => {
    const { units, certificates, sets, confirmed, deadlocks, parts } = await simulate({
      ...{ stations: 6, takt: 4_000, part: 6_000, away: 1_000 },
    });
    expect(units).toBeGreaterThanOrEqual(3 * 6);
    expect({ certificates, sets, confirmed }).toEqual({
      certificates: 3 * units,
      sets: 11 * units,
      confirmed: 11 * units,
    });
    expect(deadlocks).toBe(0);
    expect(parts.map(({ outage }) => outage !== undefined)).toEqual([false, true, true]);
  });
});
