/**
 * The sweep of one mode over every fault at every request of a run with 3 certificates and 11 keys. A seeded choice of the cases is tried,
 * or all (STATION_SERVER_FAULTS=all).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomOf, SEED } from "../seed.js";
import { profileOf } from "../wire/plant.js";
import { Bench, type Result } from "./cases.js";
import { expectedEnds, ordersOf } from "./expected.js";
import { type Blow, blowsOf, kindOf, type Mode } from "./faults.js";

/** Cases of the choice. */
const CHOSEN: Readonly<Record<Mode, number>> = { once: 16, lasting: 14, second: 10 };
const ALL = process.env.STATION_SERVER_FAULTS === "all";
const MOST_FAILURES = 20;

/** The EVCC with short messages' worth of frames: what is on the bus is not the point here. */
function profile() {
  const evcc = profileOf("evcc");
  if (evcc.can?.addressing !== "normal") throw new Error("the profile has another addressing");
  const fd = { TX_DL: { station: 64, ecu: 64 }, dataBitrate: 2_000_000, bitRateSwitch: true } as const;
  return { ...evcc, can: { ...evcc.can, fd } };
}

function chosen(blows: readonly Blow[], mode: Mode): readonly Blow[] {
  if (ALL) return blows;
  const random = randomOf(`server-faults ${mode}`);
  const drawn = blows.map((blow) => ({ blow, at: random() })).sort((a, b) => a.at - b.at);
  return drawn.slice(0, CHOSEN[mode]).map(({ blow }) => blow);
}

function table(results: readonly Result[]): string {
  const counts = new Map<string, number>();
  for (const { blow, end } of results) {
    const line = `${blow.fault.padEnd(20)} ${kindOf(blow.key).padEnd(7)} ${end}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts]
    .map(([line, count]) => `${String(count).padStart(4)} ${line}`)
    .sort()
    .join("\n");
}

export function sweep(mode: Mode): void {
  describe(`servers behind a faulty network, ${mode} (seed ${SEED})`, () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    let bench: Bench;
    beforeAll(async () => {
      process.on("unhandledRejection", note);
      bench = await Bench.open(profile());
    });
    afterAll(async () => {
      await bench.close();
      process.off("unhandledRejection", note);
    });

    it("end the run as the table says; ECU, KMS, vPKI and records agree, and a clean run passes and owes nothing", async () => {
      const began = performance.now();
      const requests = await bench.requests();
      // Two signs of life, 3 certificates, 11 keys and a sync value with their results.
      expect(requests).toHaveLength(2 + 3 + 2 * (11 + 1));
      const blows = blowsOf(requests).filter((blow) => blow.mode === mode);
      const orders = ordersOf(requests);
      const results: Result[] = [];
      const failures: string[] = [];
      for (const blow of chosen(blows, mode)) {
        if (failures.length >= MOST_FAILURES) break;
        const result = await bench.try(blow);
        const expected = expectedEnds(blow, orders.get(blow.key) ?? "before");
        results.push(result);
        if (expected.includes(result.end) && result.wrong.length === 0) continue;
        const { fault, key } = blow;
        const met = `${fault} (${mode}) at ${key}: ${result.end} in ${result.step || "no step"}`;
        failures.push(`${met}, expected ${expected.join(" or ") || "nothing"}; ${result.wrong.join("; ")}`);
        // A sweep of minutes says at once what it found.
        console.log(failures.at(-1));
      }
      const seconds = Math.round((performance.now() - began) / 1_000);
      console.log(
        `${table(results)}\nserver-faults: ${mode}, ${results.length} of ${blows.length} cases in ${seconds} s, seed ${SEED}`,
      );
      expect(failures).toEqual([]);
      expect(results).toHaveLength(ALL ? blows.length : CHOSEN[mode]);
    });

    it("leave no rejection that nobody handles", () => {
      expect(unhandled).toEqual([]);
    });
  });
}
