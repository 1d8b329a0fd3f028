import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import type { PowerSupply } from "../../../src/station/ports.js";
import { INPUTS, keysProfile, Plant } from "./fakes.js";

class FakeSupply implements PowerSupply {
  readonly calls: string[] = [];
  fault: StationError | undefined;

  constructor(private readonly opened: () => number) {}

  async on() {
    this.calls.push(`on before ${this.opened()} sessions`);
    if (this.fault !== undefined) throw this.fault;
    return { voltage: 13.5, current: 0.4 };
  }

  async cycle() {
    this.calls.push("cycle");
    return { voltage: 13.4 };
  }

  async end() {
    this.calls.push("end");
  }
}

let plant: Plant;
let power: FakeSupply;
beforeEach(() => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
  power = new FakeSupply(() => plant.ecu.opened);
});
afterEach(() => plant.remove());

const start = () => plant.start({ deps: { power } });

describe("the power of a unit", () => {
  it("is on before the link is opened, and ended with the run", async () => {
    const station = await start();
    const record = await station.run();
    expect(record.outcome).toBe("PASS");
    expect(power.calls).toEqual(["on before 0 sessions", "end"]);
    expect(record.steps.find(({ step }) => step === "open")?.facts).toEqual({ voltage: 13.5, current: 0.4 });
    await station.stop();
  });

  it("that does not come leaves the unit alone, and is ended all the same", async () => {
    power.fault = new StationError("POWER_REFUSED", { details: { what: "x" } });
    const station = await start();
    const { outcome, failure } = await station.run();
    expect([outcome, failure?.code, failure?.step]).toEqual(["ERROR", "POWER_REFUSED", "open"]);
    expect([plant.ecu.opened, power.calls]).toEqual([0, ["on before 0 sessions", "end"]]);
    await station.stop();
  });

  it.each(["identify", "unlock", "loadKey", "reset"])("is ended where the run is aborted during %s", async (call) => {
    const abort = new AbortController();
    plant.ecu.faults.onCall = (name, signal) => {
      if (name !== call) return undefined;
      plant.clock.timer(10, () => abort.abort());
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const station = await start();
    expect((await station.run(INPUTS, { signal: abort.signal })).outcome).toBe("ABORTED");
    expect(power.calls.at(-1)).toBe("end");
    await station.stop();
  });

  it("is not touched by a run that does not come so far", async () => {
    const station = await start();
    const { failure } = await station.run({});
    expect([failure?.code, power.calls]).toEqual(["INPUT_MISSING", []]);
    await station.stop();
  });
});

describe("a power cycle in the profile's order", () => {
  it("at its end takes the place of the reset", async () => {
    plant.profile = keysProfile({ order: ["vin", "keys", "sync", "lock", "power-cycle"] });
    const resets: string[] = [];
    plant.ecu.faults.onCall = (name) => {
      resets.push(name);
      return undefined;
    };
    const station = await start();
    const record = await station.run();
    expect(record.outcome).toBe("PASS");
    expect(power.calls).toEqual(["on before 0 sessions", "cycle", "end"]);
    expect(resets).not.toContain("reset");
    expect(record.steps.find(({ step }) => step === "power-cycle")?.facts).toEqual({ voltage: 13.4 });
    await station.stop();
  });

  it("amid it opens the unit again", async () => {
    plant.profile = keysProfile({ order: ["vin", "power-cycle", "keys", "sync", "lock"] });
    const calls: string[] = [];
    plant.ecu.faults.onCall = (name) => {
      if (["unlock", "reset"].includes(name)) calls.push(name);
      return undefined;
    };
    const station = await start();
    expect((await station.run()).outcome).toBe("PASS");
    expect(calls).toEqual(["unlock", "unlock", "reset"]);
    await station.stop();
  });

  it("without a supply ends the run before the unit is touched", async () => {
    plant.profile = keysProfile({ order: ["vin", "keys", "sync", "lock", "power-cycle"] });
    const station = await plant.start();
    const { outcome, failure } = await station.run();
    expect([outcome, failure?.code, plant.ecu.opened]).toEqual(["ERROR", "POWER_MISSING", 0]);
    await station.stop();
  });
});
