import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateExpect } from "../../../src/profiles/expect.js";
import {
  checkInputs,
  fillTemplate,
  inputMatches,
  missingInputs,
  referencedInputs,
  sampleValue,
} from "../../../src/profiles/inputs.js";
import { loadProfile } from "../../../src/profiles/loader.js";
import { packageRoot } from "../../../src/shared/paths.js";

const load = (name: string) =>
  loadProfile(readFileSync(join(packageRoot(), "hw-profiles", `${name}.yaml`), "utf8"), `${name}.yaml`).profile;
const evcc = load("evcc");

describe("a template", () => {
  it("takes the values of its inputs, and nothing twice", () => {
    expect(referencedInputs("CN=${a}-${b}")).toEqual(["a", "b"]);
    expect(fillTemplate("CN=${a}-${b}", { a: "${b}", b: "$&" })).toBe("CN=${b}-$&");
  });

  it("with an input that has no value says which", () => {
    expect(() => fillTemplate("${pcid}", {})).toThrow(/pcid/);
    expect(() => fillTemplate("${toString}", {})).toThrow(/toString/);
  });
});

describe("inputs", () => {
  it("get their defaults, and keep what was given", () => {
    const given = { vin: "KMHEV41DBPA000001", localCode: "DE" };
    expect(checkInputs(evcc, given)).toEqual({ ...given, vehicleCode: "SX2", brandCode: "HMC" });
  });

  it("that are missing are told in the profile's order", () => {
    expect(missingInputs(evcc, { pcid: "KM8P2844A9TD84HR9" })).toEqual(["vin", "evccid"]);
    expect(missingInputs(load("body-she"), {})).toEqual(["vin"]);
  });

  it("are refused with their name and what is wanted", () => {
    expect(() => checkInputs(evcc, { vin: "KMHEV41DBPA00000" })).toThrow(/vin: "KMHEV41DBPA00000" is not like/);
    expect(() => checkInputs(evcc, { vin: "KMHEV41DBPA00000\n1" })).toThrow(/vin/);
    expect(() => checkInputs(evcc, { colour: "red" })).toThrow(/colour: profile evcc has no such input \(it has vin,/);
  });

  it.each(["I", "O", "Q", "a", "-"])("vin has no %s", (letter) => {
    expect(() => checkInputs(evcc, { vin: `${letter}MHEV41DBPA000001` })).toThrow(/vin/);
  });

  it("made of their samples always match their patterns", () => {
    for (const profile of [evcc, load("ccu"), load("body-she")]) {
      for (const input of profile.inputs) {
        fc.assert(
          fc.property(fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 }), (numbers) => {
            let at = 0;
            const value = sampleValue(input, (below) => (numbers[at++] ?? 0) % below);
            expect(inputMatches(input, value), `${profile.name} ${input.name} ${value}`).toBe(true);
          }),
          { numRuns: 20 },
        );
      }
    }
  });
});

describe("what identification must find", () => {
  it.each([
    ["HW-*", "HW-1.2", true],
    ["HW-*", "HW-", true],
    ["HW-*", "XHW-1", false],
    ["*-EV*", "91950-EV000", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["*", "", true],
    ["EVCC", "EVCC", true],
    ["EVCC", "EVCC2", false],
    ["a.c", "abc", false],
    ["", "", true],
  ])("%s against %s: %s", (pattern, value, expected) => {
    expect(evaluateExpect(pattern, value)).toBe(expected);
  });

  it("agrees with the regular expression that it means", () => {
    const letters = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 8 }).map((list) => list.join(""));
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 }), (pattern, value) => {
        expect(evaluateExpect(pattern, value)).toBe(new RegExp(`^${pattern.replace(/\*+/g, ".*")}$`).test(value));
      }),
    );
  });
});
