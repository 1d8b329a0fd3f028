import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PageChange, PageState } from "../../../src/hmi/contract/state.js";
import { afterChange, knows, STALE_AFTER, staleFor } from "../../../src/hmi/web/live/apply.js";
import { verdictsSince } from "../../../src/hmi/web/live/verdicts.js";
import { idle, passed, running, stateOf } from "../../e2e/page/states.js";

const first = stateOf([idle("1"), idle("2")]);
const change = (number: number, rest: Partial<PageChange> = {}): PageChange => ({ number, now: 5, ...rest });

describe("the state after a change", () => {
  it("has the bay that it names in place of the former one, and leaves the others", () => {
    const next = afterChange(first, change(2, { bay: running("2") }));
    expect(next?.bays).toEqual([first.bays[0], expect.objectContaining({ name: "2", phase: "running" })]);
    expect(next?.bays[0]).toBe(first.bays[0]);
  });

  it("is the same one where the change was known", () => {
    expect(afterChange(first, change(1, { bay: running("2") }))).toBe(first);
  });

  it("is unknown where one before it is missing", () => {
    expect(afterChange(first, change(3))).toBeUndefined();
  });

  it("comes to the same in whatever pieces a sequence is told again", () => {
    const told = fc.array(fc.record({ bay: fc.constantFrom("1", "2"), over: fc.nat({ max: 14 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(told, fc.nat({ max: 12 }), (steps, again) => {
        const changes = steps.map(({ bay, over }, index) => change(index + 2, { bay: running(bay, over) }));
        const through = (state: PageState, all: readonly PageChange[]) =>
          all.reduce<PageState | undefined>((at, one) => at && afterChange(at, one), state);
        const once = through(first, changes);
        const repeated = through(first, [...changes.slice(0, again), ...changes]);
        expect(repeated).toEqual(once);
      }),
    );
  });
});

it("a beat with a number that the page does not have asks for the whole state", () => {
  expect(knows(first, { now: 0, number: 1 })).toBe(true);
  expect(knows(first, { now: 0, number: 2 })).toBe(false);
});

it("is stale from 3 s without a beat on, and says for how long", () => {
  expect(staleFor(1000, 1000 + STALE_AFTER - 1)).toBeUndefined();
  expect(staleFor(1000, 1000 + STALE_AFTER)).toBe(3);
  expect(staleFor(1000, 8999)).toBe(7);
});

describe("verdicts that sound", () => {
  const over = { ...first, bays: [passed("1", 100), idle("2")] };
  it("are those that came since the state before", () => {
    expect(verdictsSince(first, over)).toMatchObject([{ bay: "1", verdict: { outcome: "PASS" } }]);
    expect(verdictsSince(over, { ...over, number: 9, bays: [passed("1", 100), idle("2")] })).toEqual([]);
  });
  it("are none of those that a page finds when it opens, or when the station was started again", () => {
    expect(verdictsSince(undefined, over)).toEqual([]);
    expect(verdictsSince(first, { ...over, epoch: "other" })).toEqual([]);
  });
});
