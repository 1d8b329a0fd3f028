import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { Operator, Prompt } from "../../../src/station/ports.js";
import type { UnitKind } from "../../../src/station/run/index.js";
import { INPUTS, Killer, keysProfile, Plant, type Station } from "./fakes.js";

let plant: Plant;
beforeEach(() => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
});
afterEach(() => plant.remove());

/** A run that was killed when the ECU had stored its second key and nobody had heard so. */
async function interrupted(): Promise<string> {
  const first = await plant.start({ killer: new Killer(35) });
  await first.run().catch(() => undefined);
  await first.stop();
  const id = sql<{ run_id: string }>("SELECT run_id FROM run")[0]?.run_id;
  if (id === undefined) throw new Error("no run began");
  return id;
}

function sql<T>(text: string): T[] {
  const database = new DatabaseSync(plant.file);
  try {
    return database.prepare(text).all() as T[];
  } finally {
    database.close();
  }
}

/** The profile is changed: it has no supplier key any more. */
function change(): void {
  const { profile } = plant;
  plant.profileHash = "b".repeat(64);
  plant.profile = { ...profile, keys: profile.keys.slice(0, 2), order: ["vin", "keys", "lock"] };
}

/** A station that kept the profile which the run began with, after that was changed. */
async function keeping(): Promise<Station> {
  const { profile, profileHash } = plant;
  change();
  const station: Station = await plant.start({
    deps: {
      earlier: async (header): Promise<UnitKind | undefined> => {
        const { openSession, secrets } = station.deps;
        return header.profile.hash === profileHash ? { profile, profileHash, openSession, secrets } : undefined;
      },
    },
  });
  return station;
}

function operator(answer: string): Operator & { readonly asked: Prompt[] } {
  const asked: Prompt[] = [];
  return {
    asked,
    async ask(prompt) {
      asked.push(prompt);
      return answer;
    },
  };
}

const outcomes = async (station: Station) =>
  (await station.records.history.list()).runs.map(({ runId, outcome, code }) => [runId, outcome, code]);

describe("an interrupted run whose profile is another one now", () => {
  it("is left as it is, and the unit too, while nobody decides", async () => {
    const former = await interrupted();
    const stored = plant.ecu.stored;
    const opened = plant.ecu.opened;
    change();
    const station = await plant.start();
    const record = await station.run();
    expect([record.outcome, record.failure?.code, record.failure?.step]).toEqual(["ERROR", "RUN_UNDECIDED", "check"]);
    expect(record.failure?.details.may).toBe("anew, set-aside");
    expect([plant.ecu.opened, plant.ecu.stored]).toEqual([opened, stored]);
    expect(sql("SELECT run_id FROM run WHERE outcome IS NULL")).toEqual([{ run_id: former }]);
    await station.stop();
  });

  it("is asked about with what can be done, in both languages, and nobody is hurried", async () => {
    await interrupted();
    const station = await keeping();
    const asked: Prompt[] = [];
    const slow: Operator = {
      async ask(prompt) {
        asked.push(prompt);
        await plant.clock.sleep(20 * plant.profile.limits.step);
        return "anew";
      },
    };
    expect((await station.run(INPUTS, { operator: slow })).outcome).toBe("PASS");
    expect(asked.map(({ choices }) => choices?.map(({ value }) => value))).toEqual([["go-on", "anew", "set-aside"]]);
    expect(asked[0]?.text.en).toContain("profile evcc is another one now");
    expect(asked[0]?.text.ko).toContain(INPUTS.vin);
    await station.stop();
  });

  it("goes on with the profile that it began with", async () => {
    const former = await interrupted();
    const { profile } = plant;
    const station = await keeping();
    const record = await station.run(INPUTS, { onInterrupted: "go-on" });
    expect([record.runId, record.outcome, record.resumed]).toEqual([former, "PASS", 1]);
    expect(record.header.profile.hash).toBe("a".repeat(64));
    expect([...plant.ecu.keys.keys()].sort()).toEqual(profile.keys.map(({ slot }) => slot).sort());
    expect(record.steps.find(({ step }) => step === "decide")?.facts).toMatchObject({
      decision: "go-on",
      runId: former,
    });
    expect(await outcomes(station)).toEqual([[former, "PASS", undefined]]);
    await station.stop();
  });

  it("cannot go on with a profile that nobody kept", async () => {
    await interrupted();
    change();
    const station = await plant.start();
    const record = await station.run(INPUTS, { onInterrupted: "go-on" });
    expect(record.failure?.code).toBe("RUN_UNDECIDED");
    expect(record.failure?.details.what).toContain("go-on cannot be done");
    await station.stop();
  });

  it("is closed where the unit is begun anew, and what the ECU holds is settled first", async () => {
    const former = await interrupted();
    change();
    const station = await plant.start();
    const record = await station.run(INPUTS, { operator: operator("anew") });
    expect([record.outcome, record.header.profile.hash]).toEqual(["PASS", "b".repeat(64)]);
    expect(record.steps.some(({ step }) => step === "recover")).toBe(true);
    expect(await outcomes(station)).toEqual([
      [record.runId, "PASS", undefined],
      [former, "ERROR", "RUN_INTERRUPTED"],
    ]);
    const { ecu, kms } = plant;
    for (const { slot, keyId } of plant.profile.keys) {
      expect(kms.agrees(ecu.ecuId, keyId, ecu.keys.get(slot)?.key)).toBe(true);
      expect(kms.pending(ecu.ecuId, keyId)).toBe(0);
    }
    await station.stop();
  });

  it("is closed where the unit is set aside, and nothing is begun", async () => {
    const former = await interrupted();
    const opened = plant.ecu.opened;
    change();
    const station = await plant.start();
    const record = await station.run(INPUTS, { operator: operator("set-aside") });
    expect([record.runId, record.failure?.code]).toEqual([former, "RUN_INTERRUPTED"]);
    expect(record.failure?.details.what).toContain("set aside");
    expect(record.steps.map(({ step }) => step)).toContain("vin");
    expect(plant.ecu.opened).toBe(opened);
    expect(await outcomes(station)).toEqual([[former, "ERROR", "RUN_INTERRUPTED"]]);
    expect((await station.run()).outcome).toBe("PASS");
    await station.stop();
  });

  it("ends as ABORTED where the question is, and stays", async () => {
    const former = await interrupted();
    change();
    const station = await plant.start();
    const abort = new AbortController();
    const silent: Operator = {
      ask: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          plant.clock.timer(10, () => abort.abort());
        }),
    };
    const record = await station.run(INPUTS, { operator: silent, signal: abort.signal });
    expect(record.outcome).toBe("ABORTED");
    expect(sql("SELECT run_id FROM run WHERE outcome IS NULL")).toEqual([{ run_id: former }]);
    await station.stop();
  });

  it("asks nobody where nobody stands at the bay", async () => {
    const former = await interrupted();
    change();
    const station = await plant.start();
    const someone = operator("anew");
    const record = await station.run(INPUTS, { operator: someone, resumeOnly: true });
    expect(record.failure?.code).toBe("RUN_UNDECIDED");
    expect(someone.asked).toEqual([]);
    expect(sql("SELECT run_id FROM run")).toEqual([{ run_id: former }]);
    await station.stop();
  });

  it("is closed without a question where another unit is scanned", async () => {
    await interrupted();
    const { FakeEcu } = await import("./fake-ecu.js");
    plant.ecu = new FakeEcu(9);
    change();
    const station = await plant.start();
    const someone = operator("go-on");
    const other = { ...INPUTS, vin: "KMHAAAAAAAA000002" };
    expect((await station.run(other, { operator: someone })).outcome).toBe("PASS");
    expect(someone.asked).toEqual([]);
    await station.stop();
  });
});

describe("an interrupted run of another version of the program", () => {
  const rewrite = (change: string) => {
    const database = new DatabaseSync(plant.file);
    database.exec(`UPDATE run SET header = ${change}`);
    database.close();
  };

  it("goes on where its journal is of the version before", async () => {
    const former = await interrupted();
    rewrite("json_remove(header, '$.journal')");
    const database = new DatabaseSync(plant.file);
    database.exec("UPDATE journal SET data = json_remove(data, '$.ms')");
    database.close();
    const station = await plant.start();
    const record = await station.run();
    expect([record.runId, record.outcome, record.resumed]).toEqual([former, "PASS", 1]);
    expect(record.steps.every(({ ms }) => ms >= 0)).toBe(true);
    await station.stop();
  });

  it("is handed to a person where its journal is of a later version, and not gone on with", async () => {
    const former = await interrupted();
    rewrite("json_set(header, '$.journal', 99)");
    const station = await plant.start();
    const someone = operator("anew");
    const record = await station.run(INPUTS, { operator: someone });
    expect(someone.asked[0]?.choices?.map(({ value }) => value)).toEqual(["anew", "set-aside"]);
    expect(someone.asked[0]?.text.en).toContain("version 99");
    expect(record.outcome).toBe("PASS");
    expect(await outcomes(station)).toEqual([
      [record.runId, "PASS", undefined],
      [former, "ERROR", "RUN_INTERRUPTED"],
    ]);
    await station.stop();
  });

  it("goes on with the plan that it began with where this program would plan otherwise", async () => {
    const former = await interrupted();
    rewrite("json_set(header, '$.plan', json(replace(json_extract(header, '$.plan'), ',\"sync:supplier\"', '')))");
    const station = await plant.start();
    const record = await station.run(INPUTS, { onInterrupted: "go-on" });
    expect([record.runId, record.outcome]).toEqual([former, "PASS"]);
    expect(record.steps.some(({ step }) => step === "sync:supplier")).toBe(false);
    await station.stop();
  });

  it("cannot go on with a step that this program does not know", async () => {
    await interrupted();
    rewrite("json_insert(header, '$.plan[#]', 'polish')");
    const station = await plant.start();
    const record = await station.run();
    expect(record.failure?.details.may).toBe("anew, set-aside");
    await station.stop();
  });
});
