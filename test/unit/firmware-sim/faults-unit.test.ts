import { afterEach, describe, expect, it } from "vitest";
import { parseFaults } from "../../../firmware-sim/faults/faults.js";
import { FaultSet } from "../../../firmware-sim/faults/set.js";
import { FaultPowerCut } from "../../../firmware-sim/faults/unit.js";
import { Bench, EVCC } from "./bench.js";
import { V7, V7_ANSWER, V7_LOAD } from "./updates.js";

let bench: Bench;
afterEach(() => bench.close());

async function faulty(...faults: string[]): Promise<void> {
  bench = await Bench.start({ faults });
}

/** Sets faults while the ECU runs. */
function add(specs: string): void {
  bench.faults.add(...parseFaults([specs]));
}

const VIN = "4b".repeat(17);
const clockIs = async () => Number.parseInt((await bench.ask("22f1b0")).slice(6), 16);

describe("the fault power-cut", () => {
  it("takes the power away in the middle of a write: no answer, and the state of before after it is back", async () => {
    await faulty("power-cut:2");
    await bench.unlock();
    expect(await bench.hear(`2ef190${VIN}`, false, 5_000)).toEqual([]);
    expect(bench.fatal).toBeInstanceOf(FaultPowerCut);
    expect(await bench.hear("22f197", false, 1_000)).toEqual([]);
    await bench.powerCycle();
    expect(await bench.ask("22f190")).toBe(`62f190${"ff".repeat(17)}`);
    await bench.unlock();
    await bench.expect(`2ef190${VIN}`, "6ef190");
  });

  it("takes it after the write, too: the answer is lost, the new state is there", async () => {
    await faulty("power-cut:2:done");
    await bench.unlock();
    expect(await bench.hear(V7_LOAD, false, 5_000)).toEqual([]);
    await bench.powerCycle();
    await bench.unlock();
    expect(await bench.ask("3103021001")).toBe(`7103021000${V7.m4}${V7.m5}`);
  });

  it("counts steps of any kind where it is told to", async () => {
    await faulty();
    // A save of a journal that has room: write, sync, done.
    add("power-cut:3:any");
    await bench.unlock();
    expect(await bench.hear(`2ef190${VIN}`, false, 5_000)).toEqual([]);
    await bench.powerCycle();
    expect(await bench.ask("22f190")).toBe(`62f190${VIN}`);
  });
});

describe("the fault slow-flash", () => {
  it("lets writes take their time, with 0x78; reading does not", async () => {
    await faulty();
    add("slow-flash:300");
    await bench.unlock();
    const begin = bench.clock.monotonic();
    expect(await bench.ask("22f190")).toBe(`62f190${"ff".repeat(17)}`);
    expect(bench.clock.monotonic() - begin).toBeLessThan(50);
    expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
    expect(bench.clock.monotonic() - begin).toBeGreaterThanOrEqual(300);
    expect(bench.heard).toContain("7f3178");
  });
});

describe("the fault clock-skew", () => {
  const NOW = 1_767_225_600;
  const set = () => bench.expect(`2ef1b0${NOW.toString(16).padStart(16, "0")}`, "6ef1b0");

  it("drifts from when the clock was set", async () => {
    await faulty("clock-skew:100000");
    await bench.unlock();
    await set();
    expect(await clockIs()).toBe(NOW);
    await bench.clock.advance(100_000);
    expect(await clockIs()).toBe(NOW + 110);
    await bench.unlock();
    await set();
    expect(await clockIs()).toBe(NOW);
  });

  it("runs late, stands still, and is off by an amount that setting does not mend", async () => {
    await faulty("clock-skew:-1000000:-3600");
    await bench.unlock();
    await set();
    await bench.clock.advance(50_000);
    expect(await clockIs()).toBe(NOW - 3_600);
    bench.faults.clear();
    expect(await clockIs()).toBe(NOW + 50);
  });
});

describe("faults at run time", () => {
  it("of a CAN bus are refused on another wire, with all that were to be set beside them", async () => {
    await faulty();
    const onKline = new FaultSet({ profile: EVCC, clock: bench.clock, wire: "kline" });
    expect(() => onKline.add(...parseFaults(["wrong-kind,drop"]))).toThrow('--fault "drop": needs a CAN bus');
    expect(onKline.specs).toEqual([]);
  });

  it("are set and cleared by their spec or their name, each with counts of its own", async () => {
    await faulty("wrong-kind");
    add("nrc:11:22,nrc:31:33,silent-after:1");
    expect(bench.faults.specs).toEqual(["wrong-kind", "nrc:11:22", "nrc:31:33", "silent-after:1"]);
    expect(await bench.ask("22f197")).toMatch(/^62f1974e4f54/);
    expect(await bench.hear("22f197")).toEqual([]);
    expect(bench.faults.clear("silent-after")).toBe(1);
    expect(bench.faults.clear("nrc:31:33")).toBe(1);
    expect(bench.faults.clear("nrc:31:33")).toBe(0);
    expect(await bench.ask("1101")).toBe("7f1122");
    expect(bench.faults.clear()).toBe(2);
    expect(await bench.ask("22f197")).toBe("62f19745564343");
  });
});
