import { expect, it } from "vitest";
import { RefusalBudget } from "../../../../src/servers/http/refusal-budget.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Rows that `tries` refusals of an address come to. */
const rows = (budget: RefusalBudget, address: string, tries: number) =>
  Array.from({ length: tries }, () => budget.take(address)).filter(Boolean).length;

it("an address has a hundred rows at once, then one a minute", async () => {
  const clock = new VirtualClock();
  const budget = new RefusalBudget(clock);
  expect(rows(budget, "10.0.0.1", 5_000)).toBe(100);
  expect(rows(budget, "10.0.0.2", 1)).toBe(1);
  await clock.advance(5 * MINUTE);
  expect(rows(budget, "10.0.0.1", 5_000)).toBe(5);
  await clock.advance(DAY);
  expect(rows(budget, "10.0.0.1", 5_000)).toBe(100);
});

it("an IPv6 client does not get more by using more of its addresses", () => {
  const budget = new RefusalBudget(new VirtualClock());
  const taken = Array.from({ length: 500 }, (_, n) => budget.take(`2001:db8::${n.toString(16)}`)).filter(Boolean);
  expect(taken).toHaveLength(100);
});

it("all addresses together have a thousand rows at once and 14,400 a day, however many they are", async () => {
  const clock = new VirtualClock();
  const budget = new RefusalBudget(clock);
  const scan = (hour: number) => {
    let taken = 0;
    for (let n = 0; n < 12_000; n++) if (budget.take(`10.${hour}.${n >> 8}.${n & 255}`)) taken++;
    return taken;
  };
  expect(scan(0)).toBe(1_000);
  let day = 0;
  for (let hour = 1; hour <= 24; hour++) {
    await clock.advance(60 * MINUTE);
    day += scan(hour);
  }
  expect(day).toBe(14_400);
});
