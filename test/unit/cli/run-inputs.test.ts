import { describe, expect, it } from "vitest";
import { ran } from "./io-helper.js";

const VIN = "KMHC851CFLU061234";
/** Ends behind the inputs, before anything is opened. */
const run = (...argv: string[]) => ran(["run", "--profile", "evcc", "--link", "usb:none", ...argv]);

describe("an input of run that is given twice", () => {
  it("is refused in one line where its values differ", async () => {
    for (const argv of [
      ["--vin", VIN, "--set", "vin=KMHC851CFLU069999"],
      ["--set", `vin=${VIN}`, "--set", "vin=KMHC851CFLU069999"],
    ]) {
      const { code, out, err } = await run(...argv);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toMatch(/^ecustation: .*(?:differ|two values).*\n$/);
    }
  });

  it("is taken where its values are the same", async () => {
    const { err } = await run("--vin", VIN, "--set", `vin=${VIN}`, "--set", `vin=${VIN}`);
    expect(err).toMatch(/usb:none: unknown scheme/);
  });
});
