/** Bench row of the takt: one bay on a bus at its bit rate, against what bus and ECU alone take. */
import { Plant, type Ran } from "./plant.js";
import type { BenchRow } from "./row.js";
import { median } from "./stats.js";

const RATIO = 1.05;
const WARM_UP = 3;
const ROUNDS = 11;

/** ms that no station can go below. */
export const limitOf = ({ bus, working, resetting }: Ran): number => bus + working + resetting;

/** Takes about a quarter of a minute. */
export async function taktRows(rounds = ROUNDS): Promise<BenchRow[]> {
  const plant = await Plant.open({ bays: 1, paced: true });
  try {
    const runs: Ran[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) runs.push(await plant.run());
    const measured = runs.slice(WARM_UP);
    // Each run against its own limit: an ECU that makes its keys faster or slower is no matter of the station's.
    const ratio = median(measured.map((ran) => ran.takt / limitOf(ran)));
    return [
      {
        name: "takt of a whole EVCC run on a bus of 500 kbit/s",
        value: median(measured.map(({ takt }) => takt)),
        unit: "ms",
        limit: median(measured.map(limitOf)),
        ratio,
        bar: `<= ${RATIO * 100} % of the bit times of its frames and the ECU's own time (work, reset)`,
        ok: ratio <= RATIO,
      },
    ];
  } finally {
    await plant.close();
  }
}
