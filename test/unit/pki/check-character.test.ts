import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCharacter } from "../../../src/pki/check-character.js";

const CHARACTERS = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const text = fc.array(fc.constantFrom(...CHARACTERS), { minLength: 17, maxLength: 17 }).map((all) => all.join(""));

describe("the check character", () => {
  // The worked example of the identifiers' registry (IDRR annex 1), and eMAIDs in the tests of other implementations.
  it.each([
    ["DE83DUIEN83QGZ", "D"],
    ["DE83DUIEN83ZGQ", "M"],
    ["NN123ABCDEFGHI", "T"],
    ["FRXYZ123456789", "2"],
    ["ITA1B2C3E4F5G6", "4"],
    ["ESZU8WOX834H1D", "R"],
    ["PT73902837ABCZ", "Z"],
    ["DE8AA001234567", "0"],
    ["GBTWK012345678", "V"],
    ["nltnm000122045", "U"],
  ])("of %s is %s", (emaid, expected) => {
    expect(checkCharacter(emaid)).toBe(expected);
  });

  it("changes with any single character", () => {
    fc.assert(
      fc.property(text, fc.nat({ max: 16 }), fc.constantFrom(...CHARACTERS), (right, at, other) => {
        const wrong = right.slice(0, at) + other + right.slice(at + 1);
        expect(checkCharacter(wrong) === checkCharacter(right)).toBe(wrong === right);
      }),
    );
  });

  it("changes when two neighbours change places", () => {
    fc.assert(
      fc.property(text, fc.nat({ max: 15 }), (right, at) => {
        const swapped = right.slice(0, at) + (right[at + 1] ?? "") + (right[at] ?? "") + right.slice(at + 2);
        expect(checkCharacter(swapped) === checkCharacter(right)).toBe(swapped === right);
      }),
    );
  });
});
