import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PowerConfig } from "../../../src/power/config.js";
import { PowerSupplies } from "../../../src/power/supplies.js";
import { systemClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import type { PowerSupply } from "../../../src/station/ports.js";
import { type Cable, requireCable, serialCable } from "../../cable.js";
import { FakeInstrument } from "./fake-instrument.js";

const never = () => new AbortController().signal;

let instrument: FakeInstrument;
let supplies: PowerSupplies;
let address: string;

beforeEach(async () => {
  instrument = new FakeInstrument();
  address = await instrument.listen();
  supplies = new PowerSupplies(systemClock);
});
afterEach(async () => {
  await supplies.close();
  await instrument.close();
});

const CONFIG: Omit<PowerConfig, "supply"> = {
  voltage: 13.5,
  current: 3,
  limits: {},
  off: 0,
  settle: 0,
  timeout: 5_000,
};

function supply(change: Partial<PowerConfig> = {}, query = ""): PowerSupply {
  return supplies.supplyOf("A", { supply: `${address}${query}`, ...CONFIG, ...change });
}

const output = (channel = 1) => instrument.channels[channel - 1];

describe("an instrument", () => {
  it("is set, read back, switched on and measured", async () => {
    expect(await supply().on(never())).toEqual({ voltage: 13.5, current: 0.4 });
    expect(output()).toEqual({ on: true, voltage: 13.5, current: 3 });
  });

  it("is off at the end", async () => {
    const power = supply();
    await power.on(never());
    await power.end(never());
    expect(output()?.on).toBe(false);
  });

  it("is left on where the bay keeps its units fed", async () => {
    const power = supply({ atEnd: "keep" });
    await power.on(never());
    await power.end(never());
    expect(output()?.on).toBe(true);
  });

  it("goes off and on in a power cycle", async () => {
    const power = supply();
    await power.on(never());
    instrument.lines.length = 0;
    await power.cycle(never());
    const switched = instrument.lines.filter((line) => line.startsWith("OUTP "));
    expect(switched).toEqual(["OUTP OFF", "OUTP ON"]);
  });

  it("that was left on is switched off before it is switched on", async () => {
    await supply().on(never());
    instrument.lines.length = 0;
    await supply().on(never());
    expect(instrument.lines.filter((line) => line.startsWith("OUTP "))).toEqual(["OUTP OFF", "OUTP ON"]);
  });

  it("feeds several bays over one connection, each by its output", async () => {
    const bays = [1, 2, 3].map((channel) => supply({ voltage: 10 + channel }, `?channel=${channel}`));
    const readings = await Promise.all(bays.map((bay) => bay.on(never())));
    expect(readings.map(({ voltage }) => voltage)).toEqual([11, 12, 13]);
    await bays[1]?.end(never());
    expect(instrument.channels.map(({ on }) => on)).toEqual([true, false, true]);
    expect(instrument.connections).toBe(1);
  });

  it("is told in words of its own where it has others", async () => {
    instrument.lies.set("OUTPUT:STATE?", "OFF");
    await supply({ commands: { askOn: "OUTPUT:STATE?" } }).end(never());
    expect(instrument.lines).toContain("OUTPUT:STATE?");
  });

  it("that lost its connection is opened anew", async () => {
    const power = supply();
    await power.on(never());
    await instrument.cut();
    await power.end(never());
    expect(output()?.on).toBe(false);
  });
});

describe("an instrument is refused, and off,", () => {
  it.each<[string, () => void, Partial<PowerConfig>, string]>([
    ["whose voltage is held at another value", () => instrument.lies.set("VOLT?", "24.0"), {}, "POWER_REFUSED"],
    ["whose current limit is held at another value", () => instrument.lies.set("CURR?", "30"), {}, "POWER_REFUSED"],
    ["that reports an error", () => undefined, { commands: { on: "OUTPUT1 ON" } }, "POWER_REFUSED"],
    ["that says it is off", () => instrument.lies.set("OUTP?", "0"), {}, "POWER_REFUSED"],
    ["whose answer is no number", () => instrument.lies.set("MEAS:VOLT?", "ERR"), {}, "POWER_REFUSED"],
    ["that measures nothing", () => instrument.lies.set("MEAS:CURR?", "9.91E37"), {}, "POWER_REFUSED"],
    [
      "whose voltage breaks down",
      () => {
        instrument.drop = 5;
      },
      {},
      "POWER_OUT_OF_RANGE",
    ],
    [
      "whose unit draws more than it may",
      () => {
        instrument.load = 2.5;
      },
      { limits: { current: [0.1, 2] } },
      "POWER_OUT_OF_RANGE",
    ],
    [
      "whose unit draws nothing where it must draw something",
      () => {
        instrument.load = 0;
      },
      { limits: { current: [0.1, 2] } },
      "POWER_OUT_OF_RANGE",
    ],
  ])("%s", async (_, break_, change, code) => {
    break_();
    await expect(supply(change).on(never())).rejects.toMatchObject({ code });
    expect(output()?.on).toBe(false);
  });
});

describe("an instrument that cannot be reached", () => {
  it("is told with its address and the command", async () => {
    instrument.deafTo = /^VOLT\?$/;
    // Each of the commands before has that time, too.
    const error = await supply({ timeout: 1_000 })
      .on(never())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "POWER_UNREACHABLE" });
    expect(String(error)).toContain("no answer to VOLT? in 1000 ms");
  });

  it("because nobody listens is told so", async () => {
    await instrument.close();
    await expect(supply().on(never())).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
  });

  it("gives no late answer to the next question", async () => {
    instrument.deafTo = /^OUTP\?$/;
    await expect(supply({ timeout: 50 }).on(never())).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
    instrument.deafTo = undefined;
    expect(await supply().on(never())).toEqual({ voltage: 13.5, current: 0.4 });
  });

  it("is given up when the run is aborted, and ends off", async () => {
    instrument.deafTo = /^MEAS/;
    const abort = new AbortController();
    const power = supply();
    const on = power.on(abort.signal);
    const asked = setInterval(() => {
      if (instrument.lines.includes("MEAS:VOLT?")) abort.abort(new StationError("RUN_ABORTED"));
    }, 1);
    const ended = power.end(never());
    await expect(on).rejects.toMatchObject({ code: "RUN_ABORTED" });
    clearInterval(asked);
    await ended;
    expect(output()?.on).toBe(false);
  });
});

const withCable = requireCable();

describe.runIf(withCable)("over a serial device", () => {
  let cable: Cable;
  beforeEach(async () => {
    cable = await serialCable();
  });
  afterEach(() => cable.pull());

  it("an instrument is switched on and off", async () => {
    await instrument.plug(cable.far);
    const power = supplies.supplyOf("A", { ...CONFIG, supply: `scpi:${cable.near}?baud=9600` });
    expect(await power.on(never())).toEqual({ voltage: 13.5, current: 0.4 });
    await power.end(never());
    expect(output()?.on).toBe(false);
  });
});
