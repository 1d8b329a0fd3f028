import { afterEach, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { Operator } from "../../../src/station/ports.js";
import type { ReworkPolicy } from "../../../src/station/run/index.js";
import { INPUTS, keysProfile, Plant } from "./fakes.js";

let plant: Plant | undefined;
afterEach(() => plant?.remove());

/** A plant whose unit has passed once; what the rule makes of it when it comes again. */
async function again(rework: ReworkPolicy, options: { scrapped?: boolean; operator?: Operator } = {}) {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
  const station = await plant.start({ deps: { rework } });
  const first = await station.run();
  expect(first.outcome).toBe("PASS");
  const ecuId = first.identity?.ecuId ?? "";
  if (options.scrapped === true) {
    const decision = { ecuId, state: "scrapped", reason: "broken", actor: "kim", now: 0 } as const;
    await station.records.store.call("decideUnit", decision);
    const certificate = { type: "ccu-sha256", dn: "cn=x", serials: ["0a"], state: "revoked" } as const;
    await station.records.store.call("noteRevoked", { decision, certificate, now: 0 });
  }
  const before = plant.ecu.stored;
  const calls = plant.ecu.calls.length;
  const { operator } = options;
  const record = await station.run(INPUTS, operator === undefined ? {} : { operator });
  const kept = (await station.records.history.show(record.runId))?.record;
  const touched = plant.ecu.stored !== before || plant.ecu.calls.slice(calls).includes("unlock");
  await station.stop();
  return { first, record, kept, touched };
}

const answering = (value: string): Operator => ({ ask: async () => value });

it("a unit that passed before may be run again, and its record says what came before", async () => {
  const { first, kept } = await again({ passed: "allow", scrapped: "refuse" });
  expect(kept?.rework).toEqual({ previous: first.runId, attempts: 1, revoked: [] });
});

it("a unit that passed before is left alone where the rule says so", async () => {
  const { first, record, touched } = await again({ passed: "refuse", scrapped: "refuse" });
  expect(record).toMatchObject({ outcome: "FAIL", failure: { code: "UNIT_PASSED", details: { run: first.runId } } });
  expect(touched).toBe(false);
});

it("a scrapped unit is refused before anything in it is changed", async () => {
  const { record, touched } = await again({ passed: "allow", scrapped: "refuse" }, { scrapped: true });
  expect(record).toMatchObject({ outcome: "FAIL", failure: { code: "UNIT_SCRAPPED", step: "identify" } });
  expect(touched).toBe(false);
});

it("a scrapped unit that may be run after all names its revoked certificates", async () => {
  const { kept } = await again({ passed: "refuse", scrapped: "allow" }, { scrapped: true });
  expect(kept?.rework).toMatchObject({ attempts: 1, revoked: ["0a"] });
});

it.each([
  ["run", "PASS"],
  ["stop", "FAIL"],
])("the person at the bay decides: %s", async (answer, outcome) => {
  const rule = { passed: "ask", scrapped: "ask" } as const;
  expect((await again(rule, { operator: answering(answer) })).record.outcome).toBe(outcome);
});

it("where nobody can be asked, the answer is no", async () => {
  expect((await again({ passed: "ask", scrapped: "ask" })).record.failure?.code).toBe("UNIT_PASSED");
});
