import { describe, expect, it } from "vitest";
import { FAULTS, parseFaults } from "../../../firmware-sim/faults/faults.js";
import { PowerCut } from "../../../firmware-sim/flash/flash.js";
import { Bench } from "./bench.js";
import { V7_LOAD } from "./updates.js";

/** One spec of each fault, of the sort that strikes early and often. */
const SAMPLES = [
  "wrong-m4",
  "wrong-m5:1",
  "wrong-proof",
  "wrong-kind",
  "silent-after:4",
  "nrc:31:72:2",
  "pending:31:1",
  "slow:120",
  "drop-answer:0210:1",
  "reset:load-key:before",
  "flow-wait:2",
  "flow-overflow:60",
  "drop:rate=0.3",
  "duplicate:in:every=2",
  "delay:150:out:rate=0.5",
  "corrupt:rate=0.3",
  "bus-off:6:400",
  "power-cut:2",
  "slow-flash:200",
  "clock-skew:500000:-100",
];

/** What a tester may ask of the ECU: each once, whatever becomes of it. */
const REQUESTS = ["22f197", "1003", "2711", `2712${"00".repeat(16)}`, V7_LOAD, "22f1a0", "3e00", "1101", "22f1b0"];

/** Talks to an ECU with these faults, then without them: it must be as one that never had any. */
async function survives(...faults: string[]): Promise<void> {
  const bench = await Bench.start();
  bench.faults.add(...parseFaults(faults));
  try {
    for (const request of REQUESTS) {
      bench.heard = [];
      // A request that its flow control refuses is as good as any other.
      await bench.send(request).catch(() => undefined);
      await bench.clock.advance(700);
      expect(bench.heard.length).toBeLessThan(50);
    }
    bench.faults.clear();
    if (bench.fatal !== undefined) expect(bench.fatal).toBeInstanceOf(PowerCut);
    await bench.powerCycle();
    await bench.clock.advance(12_000);
    expect(await bench.ask("22f197")).toBe("62f19745564343");
    await bench.unlock();
    expect(await bench.ask(V7_LOAD)).toMatch(/^71010210(00|07)/);
  } finally {
    await bench.close();
  }
  expect(bench.clock.pending).toBe(0);
}

describe("two faults at once", () => {
  it("are of every fault that there is", () => {
    expect(SAMPLES.map((spec) => spec.split(":")[0])).toEqual(Object.keys(FAULTS));
  });

  it.each(SAMPLES)("neither crash nor hang the ECU: %s with each other one", { timeout: 60_000 }, async (first) => {
    for (const second of SAMPLES) await survives(first, second);
  });

  it("nor do all of them", async () => {
    await survives(...SAMPLES);
    await survives(...SAMPLES.toReversed());
  });
});
