/** What a step writes into the journal goes on while the next one works. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { JournalEntry, RunEvent } from "../../../src/station/ports.js";
import { keysProfile, Plant, type Station } from "./fakes.js";

let plant: Plant;
let station: Station;
/** What came to the unit and what was durable, in order. */
let order: string[];
/** What becomes of an entry before the journal has it. */
let before: (entry: JournalEntry) => Promise<void>;

beforeEach(async () => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile({ order: ["vin", "clock", "keys", "sync", "lock"] });
  order = [];
  before = async () => undefined;
  station = await plant.start();
  const { runs, openSession } = station.deps;
  const append: typeof runs.append = async (runId, entry, outbox) => {
    await before(entry);
    await runs.append(runId, entry, outbox);
    order.push(`${entry.step} ${entry.event}`);
  };
  Object.assign(station.deps, {
    runs: { ...runs, append },
    openSession: async (signal: AbortSignal) => {
      const { session, target } = await openSession(signal);
      const noting =
        <A extends unknown[], T>(call: string, work: (...args: A) => Promise<T>) =>
        (...args: A) => {
          order.push(call);
          return work(...args);
        };
      const setClock = noting("setClock", session.setClock);
      const lock = noting("lock", session.lock);
      return { session: { ...session, setClock, lock }, target };
    },
  });
});
afterEach(async () => {
  await station.stop();
  plant.remove();
});

describe("the journal of a step", () => {
  it("does not hold up the next one", async () => {
    before = async ({ step }) => {
      if (step === "vin") await plant.clock.sleep(5);
    };
    expect((await station.run()).outcome).toBe("PASS");
    expect(order.indexOf("setClock")).toBeLessThan(order.indexOf("vin finished"));
  });

  it("has the end of a step before anybody is told of it, and events keep their order", async () => {
    before = async ({ step }) => {
      if (step === "vin") await plant.clock.sleep(5);
    };
    const onEvent = (event: RunEvent) => {
      if (event.kind === "step-finished") order.push(`told ${event.record.step}`);
      else if (event.kind === "step-started") order.push(`begun ${event.step}`);
    };
    expect((await station.run(undefined, { onEvent })).outcome).toBe("PASS");
    const of = order.filter((what) => /^(vin finished|told vin|setClock|begun clock)$/.test(what));
    expect(of).toEqual(["setClock", "vin finished", "told vin", "begun clock"]);
  });

  it("is whole before the unit is locked", async () => {
    before = async ({ event }) => {
      if (event === "finished") await plant.clock.sleep(5);
    };
    expect((await station.run()).outcome).toBe("PASS");
    expect(order.indexOf("sync:supplier finished")).toBeLessThan(order.indexOf("lock"));
  });

  it("ends the run where its end cannot be written, and the unit is not locked", async () => {
    before = async ({ step, event }) => {
      if (step === "sync:supplier" && event === "finished") throw new Error("the disk is full");
    };
    const record = await station.run();
    expect(record).toMatchObject({ outcome: "ERROR", failure: { step: "lock" } });
    expect(plant.ecu.lifeCycle).toBe("production");
  });

  it("leaves the run open where an entry is lost, and the next one reports what that owed", async () => {
    let lost = 0;
    before = async ({ step, event }) => {
      if (step === "key:secoc-4" && event === "finished" && lost++ === 0) throw new Error("the disk is full");
    };
    expect((await station.run()).outcome).toBe("ERROR");
    expect(await station.run()).toMatchObject({ outcome: "PASS", resumed: 1, owed: 0 });
    expect(plant.kms.pending(plant.ecu.ecuId, "4")).toBe(0);
  });

  it("passes no unit whose last step could not be written", async () => {
    before = async ({ step, event }) => {
      if (step === "verify" && event === "finished") throw new Error("the disk is full");
    };
    expect((await station.run()).outcome).toBe("ERROR");
  });
});
