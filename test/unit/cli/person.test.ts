import { userInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { actingPerson, ownAccount } from "../../../src/cli/person.js";

const isRoot = process.geteuid?.() === 0;

describe("the acting person", () => {
  it("is the account's, behind sudo the one that called it", () => {
    expect(actingPerson({})).toBe(userInfo().username);
    expect(actingPerson({ SUDO_USER: "" })).toBe(userInfo().username);
    expect(actingPerson({ SUDO_USER: "kim" })).toBe("kim");
  });

  it.runIf(isRoot)("has a number where no account has that of the process", () => {
    process.seteuid?.(54_321);
    try {
      expect(ownAccount()).toEqual({ name: "uid 54321", isRoot: false });
    } finally {
      process.seteuid?.(0);
    }
  });
});
