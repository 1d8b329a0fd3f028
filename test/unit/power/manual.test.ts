import { describe, expect, it } from "vitest";
import type { PowerConfig } from "../../../src/power/config.js";
import { PowerSupplies } from "../../../src/power/supplies.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { Operator } from "../../../src/station/ports.js";

const clock = new VirtualClock();
const supplies = new PowerSupplies(clock);
const CONFIG: PowerConfig = { supply: "manual:", limits: {}, off: 0, settle: 0, timeout: 1_000 };
const never = () => new AbortController().signal;

function operator(): Operator & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async ask({ text }) {
      asked.push(text.en);
      return "done";
    },
  };
}

describe("a person as the power supply", () => {
  it("is asked to switch the unit on, and nothing at the end", async () => {
    const person = operator();
    const power = supplies.supplyOf("A", CONFIG, person);
    expect(await clock.drive(power.on(never()))).toEqual({});
    await power.end(never());
    expect(person.asked).toEqual(["Bay A: switch the unit on."]);
  });

  it("is asked to switch it off at the end where the bay says so, and in a power cycle", async () => {
    const person = operator();
    const power = supplies.supplyOf("A", { ...CONFIG, atEnd: "off" }, person);
    await clock.drive(power.cycle(never()));
    await power.end(never());
    expect(person.asked).toEqual([
      "Bay A: switch the unit off.",
      "Bay A: switch the unit on.",
      "Bay A: switch the unit off.",
    ]);
  });

  it("who is not there is told", async () => {
    await expect(supplies.supplyOf("A", CONFIG).on(never())).rejects.toMatchObject({ code: "POWER_UNATTENDED" });
  });
});
