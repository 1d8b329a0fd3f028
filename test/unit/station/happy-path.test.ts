import { afterEach, describe, expect, it } from "vitest";
import { INPUTS, Plant, VIN } from "./fakes.js";

let plant: Plant;
afterEach(() => plant.remove());

describe("a run on a good unit", () => {
  it("passes with every step of the plan done, and the ECU, the KMS and the reports agree", async () => {
    plant = new Plant();
    const station = await plant.start();
    const record = await station.run();
    expect(record.failure).toBeUndefined();
    expect(record.outcome).toBe("PASS");
    expect(record.steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
      "open done",
      "identify done",
      "unlock done",
      "vin done",
      "clock done",
      "cert:prov-2 done",
      "cert:prov-20 done",
      "key:master done",
      "key:secoc-4 done",
      "key:supplier done",
      "sync:supplier done",
      "lock done",
      "verify done",
    ]);
    const { ecu, kms } = plant;
    expect(ecu.vin).toBe(VIN);
    expect(ecu.lifeCycle).toBe("locked");
    for (const [slot, keyId] of [
      [1, "1"],
      [4, "4"],
      [13, "D"],
    ] as const) {
      expect(kms.agrees(ecu.ecuId, keyId, ecu.keys.get(slot)?.key)).toBe(true);
    }
    expect([...kms.results.values()].map(({ kind, keyId, status }) => `${kind} ${keyId} ${status}`)).toEqual([
      "key 1 Success",
      "key 4 Success",
      "key D Success",
      "sync D Success",
    ]);
    expect(record.owed).toBe(0);
    expect(ecu.closed).toBe(1);
    await station.stop();
  });

  it("reissues the certificates and raises the counters the second time, and passes", async () => {
    plant = new Plant();
    const station = await plant.start();
    await station.run();
    const record = await station.run(INPUTS);
    expect(record.failure).toBeUndefined();
    expect(record.steps.find(({ step }) => step === "vin")?.state).toBe("skipped");
    expect(plant.vpki.issued.map(({ operation }) => operation)).toEqual(["issue", "issue", "reissue", "reissue"]);
    expect([...plant.ecu.keys.values()].map(({ counter }) => counter)).toEqual([2, 2, 2]);
    await station.stop();
  });

  it("waits for the master key's report before it asks for a key that it authorises", async () => {
    plant = new Plant();
    const station = await plant.start();
    const order: string[] = [];
    const { kms } = plant;
    const report = kms.report.bind(kms);
    const request = kms.requestKey.bind(kms);
    kms.report = async (result, id) => {
      await plant.clock.sleep(50);
      await report(result, id);
      order.push(`put ${result.keyId}`);
    };
    kms.requestKey = (asked, id) => {
      order.push(`post ${asked.keyId}`);
      return request(asked, id);
    };
    expect((await station.run()).outcome).toBe("PASS");
    expect(order.slice(0, 3)).toEqual(["post 1", "put 1", "post 4"]);
    await station.stop();
  });
});
