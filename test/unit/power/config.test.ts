import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";

const check = (power: string) =>
  parseConfig(`schema: 1\nmode: simulator\nstation: { bays: [{ name: A, power: ${power} }] }\n`, "s.yaml", "/tmp", {});

describe("the power of a bay", () => {
  it.each([
    "{ supply: 'manual:' }",
    "{ supply: 'scpi:/dev/ttyUSB0?baud=9600', voltage: 13.5, current: 3 }",
    "{ supply: 'scpi+tcp://10.0.0.7:5025?channel=2', voltage: 13.5, current: 3, limits: { voltage: [9, 16], current: [0.05, 3] } }",
    "{ supply: 'ecu-sim:/run/ecu.control' }",
    "{ supply: 'ecu-sim+tcp://127.0.0.1:7000?ecu=3', atEnd: keep }",
  ])("is taken: %s", (power) => {
    expect(check(power).station.bays[0]?.power?.off).toBe(1_000);
  });

  it.each([
    ["{ supply: 'usb:1' }", "power.supply: has the unknown scheme usb:"],
    ["{ supply: 'scpi+tcp://10.0.0.7', voltage: 12, current: 1 }", "power.supply: "],
    ["{ supply: 'scpi:/dev/x?chanel=2', voltage: 12, current: 1 }", "unknown parameter chanel"],
    ["{ supply: 'scpi:/dev/x', current: 1 }", "power.voltage: is missing"],
    ["{ supply: 'manual:', voltage: 12 }", "power.voltage: cannot be set"],
    ["{ supply: 'manual:', limits: { current: [0, 1] } }", "power.limits.current: cannot be measured"],
    ["{ supply: 'scpi:/dev/x', voltage: 24, current: 1, limits: { voltage: [9, 16] } }", "power.voltage: is outside"],
    ["{ supply: 'scpi:/dev/x', voltage: 12, current: 1, limits: { voltage: [16, 9] } }", "ends below its beginning"],
  ])("is refused with what is wrong and where: %s", (power, what) => {
    expect(() => check(power)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => check(power)).toThrow(what);
  });
});
