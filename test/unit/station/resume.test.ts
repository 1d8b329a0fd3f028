import { afterEach, describe, expect, it } from "vitest";
import type { Profile } from "../../../src/profiles/schema.js";
import { INPUTS, Killer, keysProfile, Plant, smallProfile } from "./fakes.js";

let plant: Plant;
afterEach(() => plant.remove());

/** What must hold after every cut and restart. */
async function expectAgreement(at: string): Promise<void> {
  const { ecu, kms, vpki, profile } = plant;
  for (const { slot, keyId } of profile.keys) {
    expect(kms.agrees(ecu.ecuId, keyId, ecu.keys.get(slot)?.key), `${at}: key ${keyId}`).toBe(true);
    expect(kms.pending(ecu.ecuId, keyId), `${at}: sets of key ${keyId} without a result`).toBe(0);
  }
  const successes = [...kms.results.values()].filter(({ kind, status }) => kind === "key" && status === "Success");
  expect(successes.length, `${at}: every stored load is reported once`).toBe(ecu.stored);
  for (const { slot, type } of profile.certificates) {
    const last = vpki.issued.findLast(({ dn }) => dn.startsWith(`${type} `));
    expect(ecu.leaves.get(slot), `${at}: certificate ${slot}`).toEqual(last?.certificate);
  }
}

async function cutAt(n: number, profile: Profile, forgetful: boolean): Promise<string> {
  plant = new Plant();
  plant.profile = profile;
  plant.vpki.forgetful = forgetful;
  plant.kms.forgetful = forgetful;
  const killer = new Killer(n);
  const first = await plant.start({ killer });
  await first.run().catch(() => undefined);
  expect(killer.dead).toBe(true);
  await first.stop();
  const at = `${n} ${killer.points.at(-1)}`;
  const second = await plant.start();
  const record = await second.run();
  expect(record.failure, at).toBeUndefined();
  expect(record.outcome, at).toBe("PASS");
  const page = await second.records.history.list();
  expect(page.runs.length, `${at}: a run that goes on is the same run`).toBe(
    killer.points.at(-1) === "after finish" ? 2 : 1,
  );
  const issued = plant.vpki.issued.map(({ certificate }) => Buffer.from(certificate).toString("base64"));
  const details = await Promise.all(page.runs.map(({ runId }) => second.records.history.show(runId)));
  const noted = details.flatMap((run) => run?.journal ?? []).map(({ data }) => data.leaf);
  const unknown = issued.filter((leaf) => !noted.includes(leaf));
  // A server that knows no idempotency key cannot give a lost certificate again.
  expect(unknown.length, `${at}: certificates not accounted for`).toBeLessThanOrEqual(forgetful ? 1 : 0);
  await second.stop();
  await expectAgreement(at);
  plant.remove();
  return at;
}

async function sweep(profile: Profile, atLeast: number, forgetful = false): Promise<void> {
  plant = new Plant();
  plant.profile = profile;
  const killer = new Killer();
  const clean = await plant.start({ killer });
  expect((await clean.run()).outcome).toBe("PASS");
  await clean.stop();
  plant.remove();
  const points = killer.points.length;
  expect(points).toBeGreaterThanOrEqual(atLeast);
  for (let n = 1; n <= points; n++) await cutAt(n, profile, forgetful);
}

describe("a run that is cut and started again", () => {
  it("ends well wherever the keys are cut", async () => {
    await sweep(keysProfile(), 60);
  }, 120_000);

  it("ends well wherever a certificate is cut", async () => {
    const { certificates } = smallProfile();
    await sweep(
      smallProfile({ certificates: certificates.slice(0, 1), keys: [], order: ["clock", "certificates"] }),
      20,
    );
  }, 120_000);

  it("ends well wherever it is cut while what comes next is asked for ahead", async () => {
    const profile = smallProfile();
    const [, secoc] = profile.keys;
    if (secoc === undefined) throw new Error("no key");
    const keys = [...profile.keys, { ...secoc, name: "secoc-5", keyId: "5", slot: 5 }];
    await sweep({ ...profile, keys, order: ["clock", "certificates", "keys", "sync"] }, 90);
  }, 240_000);

  it("ends well too where the servers know no idempotency key", async () => {
    const { certificates, keys } = smallProfile();
    const order: Profile["order"] = ["clock", "certificates", "keys"];
    const one = { certificates: certificates.slice(0, 1), keys: keys.slice(0, 2), order };
    await sweep(smallProfile(one), 40, true);
  }, 120_000);

  it("begins afresh on another unit and closes the interrupted run with a record", async () => {
    plant = new Plant();
    plant.profile = keysProfile();
    const killer = new Killer(30);
    const first = await plant.start({ killer });
    await first.run().catch(() => undefined);
    await first.stop();
    const { FakeEcu } = await import("./fake-ecu.js");
    plant.ecu = new FakeEcu(9);
    const second = await plant.start();
    const record = await second.run();
    expect(record.outcome).toBe("PASS");
    const { runs } = await second.records.history.list();
    expect(runs.map(({ outcome, code }) => [outcome, code])).toEqual([
      ["PASS", undefined],
      ["ERROR", "RUN_INTERRUPTED"],
    ]);
    await second.stop();
  });

  it("takes the inputs of the interrupted run where none are given", async () => {
    plant = new Plant();
    plant.profile = keysProfile();
    const first = await plant.start({ killer: new Killer(30) });
    await first.run().catch(() => undefined);
    await first.stop();
    const second = await plant.start();
    const record = await second.run({});
    expect(record.outcome).toBe("PASS");
    expect(record.header.inputs.vin).toBe(INPUTS.vin);
    expect(record.resumed).toBe(1);
    await second.stop();
  });
});

describe("a run that is taken up with nobody at the bay", () => {
  async function interrupted(at: number): Promise<void> {
    plant = new Plant();
    plant.profile = keysProfile();
    const first = await plant.start({ killer: new Killer(at) });
    await first.run().catch(() => undefined);
    await first.stop();
  }

  it("goes on with its unit", async () => {
    await interrupted(30);
    const second = await plant.start();
    const record = await second.run({}, { resumeOnly: true });
    expect(record.failure).toBeUndefined();
    expect([record.outcome, record.resumed]).toEqual(["PASS", 1]);
    await second.stop();
  });

  it("ends without a change where another unit is there now", async () => {
    await interrupted(30);
    const { ecuId } = plant.ecu;
    const { FakeEcu } = await import("./fake-ecu.js");
    plant.ecu = new FakeEcu(9);
    const second = await plant.start();
    const record = await second.run({}, { resumeOnly: true });
    // The record is the missing unit's.
    expect([record.outcome, record.failure?.code, record.identity?.ecuId]).toEqual(["ERROR", "RUN_INTERRUPTED", ecuId]);
    expect(plant.ecu.stored).toBe(0);
    const { runs } = await second.records.history.list();
    expect(runs.map(({ runId, code }) => [runId, code])).toEqual([[record.runId, "RUN_INTERRUPTED"]]);
    await second.stop();
  });

  it("begins nothing where the run had not identified its unit yet, and closes it", async () => {
    await interrupted(4);
    const second = await plant.start();
    const opened = plant.ecu.opened;
    const record = await second.run({}, { resumeOnly: true });
    expect(record.failure?.code).toBe("RUN_INTERRUPTED");
    expect(plant.ecu.opened).toBe(opened);
    const { runs } = await second.records.history.list();
    expect(runs.map(({ outcome, code }) => [outcome, code])).toEqual([["ERROR", "RUN_INTERRUPTED"]]);
    await second.stop();
  });
});
