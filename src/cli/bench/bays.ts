/** Bench rows of several bays: what the others cost one bay, each on a bus of its own at its bit rate. */
import { Plant } from "./plant.js";
import type { BenchRow } from "./row.js";
import { median } from "./stats.js";

const RATIO = 1.05;
const MANY = 32;
const WARM_UP = 2;
/** The rounds of all numbers of bays alternate, so that a busy machine slows all of them alike. */
const ROUNDS = 5;

/** Takes about a minute. @param counts bays of each row, the first one's takt is the limit of the others */
export async function bayRows(rounds = ROUNDS, counts: readonly number[] = [1, 8, MANY]): Promise<BenchRow[]> {
  const plant = await Plant.open({ bays: Math.max(...counts), paced: true, patient: true });
  try {
    for (let i = 0; i < WARM_UP; i++) await plant.run();
    const takts = new Map<number, number[]>(counts.map((count) => [count, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [count, all] of takts) {
        const runs = await Promise.all(Array.from({ length: count }, (_, bay) => plant.run(bay)));
        all.push(...runs.map(({ takt }) => takt));
      }
    }
    const [one = 0, ...more] = [...takts].map(([, all]) => median(all));
    return counts.slice(1).map((count, i) => {
      const value = more[i] ?? 0;
      const ratio = value / one;
      const figure = count >= MANY;
      return {
        name: `takt of a bay while ${count} work`,
        value,
        unit: "ms",
        limit: one,
        ratio,
        // A run that does not pass ends the bench.
        bar: figure ? "all PASS" : `<= ${RATIO * 100} % of one bay alone`,
        ok: figure || ratio <= RATIO,
      };
    });
  } finally {
    await plant.close();
  }
}
