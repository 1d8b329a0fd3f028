import { expect, test } from "vitest";
import {
  candidateCosts,
  masterAuthoriser,
  otherAuthoriser,
  type UnresolvedLoad,
} from "../../../../src/servers/kms/ledger.js";

const silent = (id: string, auth: string): UnresolvedLoad => ({ id, auth, failed: false });
const failed = (id: string, auth: string): UnresolvedLoad => ({ id, auth, failed: true });

test.each<[string, UnresolvedLoad[], string]>([
  ["nothing unresolved", [], "C"],
  ["one load without a result: its answer may be lost", [silent("1", "C")], "C"],
  ["one failed load", [failed("1", "C")], "C"],
  ["two loads without a result", [silent("1", "C"), silent("2", "C")], "1"],
  ["the second one refused", [silent("1", "C"), failed("2", "C")], "1"],
  ["both refused", [failed("1", "C"), failed("2", "C")], "1"],
  ["three refused", [failed("1", "C"), failed("2", "C"), failed("3", "1")], "C"],
  ["an outdated load is still a candidate, the last", [silent("1", "gone")], "C"],
])("master key: %s", (_name, loads, expected) => {
  expect(masterAuthoriser("C", loads)).toBe(expected);
});

test.each<[string, UnresolvedLoad[], string[], string]>([
  ["nothing unresolved", [], ["C", "C"], "C"],
  ["unresolved, nothing refused", [silent("1", "C"), silent("2", "C")], [], "C"],
  ["refused once", [silent("1", "C")], ["C"], "1"],
  ["refused twice", [silent("1", "C")], ["C", "1"], "C"],
])("other slots: %s", (_name, loads, refused, expected) => {
  expect(
    otherAuthoriser(
      "C",
      loads,
      refused.map((auth) => ({ auth })),
    ),
  ).toBe(expected);
});

test("keys from before the confirmed one come last, and do come", () => {
  const loads: UnresolvedLoad[] = [];
  const tried: string[] = [];
  for (let i = 1; i <= 40; i++) {
    const auth = masterAuthoriser("C", loads, ["old", "first"]);
    tried.push(auth);
    loads.push(failed(String(i), auth));
  }
  expect(tried.indexOf("old")).toBeGreaterThan(7);
  expect(tried.indexOf("first")).toBeGreaterThan(7);
});

test("in any row of failing loads every candidate gets its turn", () => {
  const loads: UnresolvedLoad[] = [];
  const lastTried = new Map<string, number>([["C", 0]]);
  for (let i = 1; i <= 300; i++) {
    const auth = masterAuthoriser("C", loads);
    lastTried.set(auth, i);
    loads.push(failed(String(i), auth));
  }
  expect(candidateCosts("C", loads).size).toBe(301);
  for (const early of ["C", "1", "2", "3", "4", "5", "6"]) expect(lastTried.get(early)).toBeGreaterThan(10);
});
