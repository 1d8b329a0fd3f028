import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  grouped,
  midnight,
  minutes,
  pairs,
  percent,
  readable,
  seconds,
  timeOfDay,
} from "../../../src/hmi/web/format.js";
import { counts, groupInFocus, groupState, groupTime, stepInFocus } from "../../../src/hmi/web/operate/progress.js";
import { addressOfPlace, placeOf, SCREENS } from "../../../src/hmi/web/route.js";
import { groupsAt, STEPS } from "../../e2e/page/states.js";

it("durations have two decimals, takts minutes and seconds", () => {
  expect(seconds(110)).toBe("0.11");
  expect(minutes(7999)).toBe("00:07");
  expect(minutes(61_000)).toBe("01:01");
  expect(minutes(-5)).toBe("00:00");
});

it("times of day are local with seconds", () => {
  expect(timeOfDay(new Date(2026, 10, 22, 4, 5, 6).getTime())).toBe("04:05:06");
});

it("a moment of a record is read where the reader is; anything else stays as it is", () => {
  expect(readable(new Date(2026, 10, 22, 4, 5, 6).toISOString())).toBe("2026-11-22 04:05:06");
  expect(readable("2026-11-22T25:00:00Z")).toBe("2026-11-22T25:00:00Z");
  expect(readable("KMHAA00AAAA000001")).toBe("KMHAA00AAAA000001");
});

it("a day begins at the local midnight; anything else is none", () => {
  expect(midnight("2026-11-22")).toBe(new Date(2026, 10, 22).getTime());
  expect(midnight("22.11.2026")).toBeUndefined();
});

it("long hexadecimal identifiers stand in groups; VINs and words do not", () => {
  expect(grouped("0102030405060708090a")).toBe("01020304 05060708 090a");
  expect(grouped("KMHAA00AAAA000001")).toBe("KMHAA00AAAA000001");
  expect(grouped("abc")).toBe("abc");
  expect(pairs("22f190")).toBe("22 f1 90");
});

it("there is no share of nothing", () => {
  expect(percent(57, 60)).toBe("95.0");
  expect(percent(0, 0)).toBeUndefined();
});

it("every place survives its address", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SCREENS),
      fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      (screen, item) => {
        expect(placeOf(addressOfPlace(screen, item))).toEqual({ screen, item });
      },
    ),
  );
  expect(placeOf("")).toEqual({ screen: "operate", item: undefined });
  expect(placeOf("#/nothing/%E0")).toEqual({ screen: "operate", item: "%E0" });
});

describe("what the steps of a run come to", () => {
  it("a group waits, runs, is done or failed", () => {
    expect(groupsAt(4).map(groupState)).toEqual(["done", "running", ...Array(5).fill("waiting")]);
    expect(groupsAt(STEPS).every((group) => groupState(group) === "done")).toBe(true);
    expect(groupInFocus({ groups: groupsAt(9, "failed") })?.group).toBe("keys");
  });

  it("its time is that of its steps, the running one's until now", () => {
    const [first, second] = groupsAt(4);
    expect(first && groupTime(first, 0)).toBe(360);
    const startedAt = second?.steps[1]?.startedAt ?? 0;
    expect(second && groupTime(second, startedAt + 500)).toBe(620);
    const last = groupsAt(4).at(-1);
    expect(last && groupTime(last, 0)).toBeUndefined();
  });

  it("the step in focus is the one that runs, or the last one that is over", () => {
    const [first, second, third] = groupsAt(4);
    expect(first && stepInFocus(first)?.step).toBe("unlock");
    expect(second && stepInFocus(second)?.step).toBe("clock");
    expect(third && stepInFocus(third)).toBeUndefined();
    expect(counts({ groups: groupsAt(4) })).toEqual({ over: 4, all: STEPS });
  });
});
