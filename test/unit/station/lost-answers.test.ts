import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { keysProfile, Plant, type Station, smallProfile } from "./fakes.js";

let plant: Plant;
let station: Station;

beforeEach(async () => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
  station = await plant.start();
});
afterEach(async () => {
  await station.stop();
  plant.remove();
});

const lost = () => new StationError("UDS_TIMEOUT", { details: { service: "31", timer: "P2star", ms: 5_000 } });
const reports = () => [...plant.kms.results.values()].map(({ keyId, status }) => `${keyId} ${status}`);
const loads = () => plant.ecu.calls.filter((name) => name === "loadKey").length;

/** Runs `fault` the first `times` times that `slot` is loaded. */
function onLoad(slot: number, times: number, fault: () => void): (loaded: number) => void {
  let left = times;
  return (loaded) => {
    if (loaded === slot && left-- > 0) fault();
  };
}

describe("a lost answer to a key load", () => {
  it("is settled by the last load when the ECU stored the key, without a second load", async () => {
    plant.ecu.faults.afterLoad = onLoad(4, 1, () => {
      throw lost();
    });
    const record = await station.run();
    expect(record.outcome).toBe("PASS");
    expect(loads()).toBe(3);
    expect(record.steps.find(({ step }) => step === "key:secoc-4")?.facts.settled).toBe("last load");
    expect(reports()).toEqual(["1 Success", "4 Success", "D Success", "D Success"]);
  });

  it("is followed by the same set once more when the ECU did not store it", async () => {
    plant.ecu.faults.beforeLoad = onLoad(4, 1, () => {
      throw lost();
    });
    const record = await station.run();
    expect(record.outcome).toBe("PASS");
    expect(loads()).toBe(4);
    expect(plant.kms.requests.filter((id) => id.includes("secoc-4"))).toHaveLength(1);
    expect(plant.ecu.keys.get(4)?.counter).toBe(1);
  });

  it("ends the run as a time-out when the ECU never stores it", async () => {
    plant.ecu.faults.beforeLoad = onLoad(4, 99, () => {
      throw lost();
    });
    const record = await station.run();
    expect([record.outcome, record.failure?.code]).toEqual(["TIMEOUT", "UDS_TIMEOUT"]);
    expect(loads()).toBe(4);
    // Nobody knows of 4; D was fetched meanwhile and not used.
    expect(reports()).toEqual(["1 Success", "D OperationFailed"]);
  });

  it.each([
    ["stored", "Success"],
    ["not stored", "OperationFailed"],
  ] as const)("is settled by the next run on the unit when the link went too: %s, %s", async (what, status) => {
    const cut = onLoad(1, 1, () => {
      plant.ecu.faults.onCall = () => Promise.reject(new StationError("LINK_CLOSED", { details: { what: "tcp" } }));
      throw new StationError("LINK_CLOSED", { details: { what: "tcp" } });
    });
    if (what === "stored") plant.ecu.faults.afterLoad = cut;
    else plant.ecu.faults.beforeLoad = cut;
    const first = await station.run();
    expect([first.outcome, first.failure?.code]).toEqual(["ERROR", "LINK_CLOSED"]);
    expect(reports()).toEqual([]);
    plant.ecu.faults = {};
    const second = await station.run();
    expect(second.failure).toBeUndefined();
    expect(reports()[0]).toBe(`1 ${status}`);
    expect(second.steps.find(({ step }) => step === "recover")?.facts).toMatchObject({ settled: 1 });
    expect(plant.kms.agrees(plant.ecu.ecuId, "1", plant.ecu.keys.get(1)?.key)).toBe(true);
    expect(plant.kms.pending(plant.ecu.ecuId, "1")).toBe(0);
  });
});

describe("a master key that the KMS cannot be sure of", () => {
  it("is asked for again until the authoriser is the ECU's", async () => {
    await station.run();
    // The ECU holds a master key that the KMS took for failed.
    plant.ecu.faults.receipt = (slot, { m4, m5 }) => ({ m4: slot === 1 ? m4.map((byte) => byte ^ 1) : m4, m5 });
    expect((await station.run()).failure?.code).toBe("TARGET_KEY_MISMATCH");
    plant.ecu.faults = {};
    plant.kms.results.clear();
    const record = await station.run();
    expect(record.failure).toBeUndefined();
    expect(Number(record.steps.find(({ step }) => step === "key:master")?.facts.attempt)).toBe(2);
    expect(reports().slice(0, 2)).toEqual(["1 OperationFailed", "1 Success"]);
  });
});

describe("certificates", () => {
  it("that the vPKI refuses for a used key are asked for again with a new key pair by reissue", async () => {
    const real = new Plant();
    real.profile = smallProfile({
      certificates: smallProfile().certificates.slice(0, 1),
      keys: [],
      order: ["certificates"],
    });
    const own = await real.start();
    let refused = 0;
    const { issue } = real.vpki;
    real.vpki.issue = async (request, id) => {
      await issue.call(real.vpki, request, id);
      refused++;
      return { kind: "key-used" };
    };
    const record = await own.run();
    expect(record.failure).toBeUndefined();
    expect(refused).toBe(1);
    expect(real.vpki.issued.map(({ operation }) => operation)).toEqual(["issue", "reissue"]);
    expect(real.ecu.leaves.get(0)).toEqual(real.vpki.issued[1]?.certificate);
    await own.stop();
    real.remove();
  });

  it("that a run was given and never installed are superseded by a reissue of the next run on that ECU", async () => {
    const real = new Plant();
    real.profile = smallProfile({
      certificates: smallProfile().certificates.slice(0, 1),
      keys: [],
      order: ["certificates"],
    });
    const own = await real.start();
    const { issue } = real.vpki;
    real.vpki.issue = async (request, id) => {
      await issue.call(real.vpki, request, id);
      throw new StationError("VPKI_FAULT", { details: { what: "wrong answer (200): the body is not JSON" } });
    };
    expect((await own.run()).failure?.code).toBe("VPKI_FAULT");
    expect(real.ecu.leaves.size).toBe(0);
    real.vpki.issue = issue;
    expect((await own.run()).outcome).toBe("PASS");
    expect(real.vpki.issued.map(({ operation }) => operation)).toEqual(["issue", "reissue"]);
    await own.stop();
    real.remove();
  });

  it("fall back to issue where the vPKI knows nothing of the DN that the slot holds", async () => {
    const real = new Plant();
    real.profile = smallProfile({
      certificates: smallProfile().certificates.slice(0, 1),
      keys: [],
      order: ["certificates"],
    });
    const own = await real.start();
    await own.run();
    real.vpki.issued.length = 0;
    const record = await own.run();
    expect(record.outcome).toBe("PASS");
    expect(record.steps.find(({ step }) => step === "cert:prov-2")?.facts.operation).toBe("issue");
    await own.stop();
    real.remove();
  });

  it("whose install lost its answer are read back before they are sent again", async () => {
    const real = new Plant();
    real.profile = smallProfile({
      certificates: smallProfile().certificates.slice(0, 1),
      keys: [],
      order: ["certificates"],
    });
    const own = await real.start();
    real.ecu.faults.afterInstall = () => {
      throw lost();
    };
    expect((await own.run()).outcome).toBe("PASS");
    expect(real.ecu.calls.filter((name) => name === "installCertificate")).toHaveLength(1);
    await own.stop();
    real.remove();
  });
});
