import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../../src/shared/bytes.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { ERRORS, type ErrorCode, StationError } from "../../../src/shared/errors.js";
import type { Outcome, RunRecord } from "../../../src/station/ports.js";
import type { RunDeps } from "../../../src/station/run/index.js";
import { OUTCOMES, verdictOf } from "../../../src/station/run/verdict.js";
import { INPUTS, keysProfile, Plant, smallProfile } from "./fakes.js";

let plant: Plant;
afterEach(() => plant?.remove());

interface Case {
  readonly name: string;
  readonly outcome: Outcome;
  readonly code: ErrorCode;
  readonly step: string;
  /** `KeyID status` of every result that the KMS must have. */
  readonly results?: readonly string[];
  /** The unit must not have been opened, or must be as it was. */
  readonly untouched?: "not opened" | "not changed";
  readonly certificates?: boolean;
  readonly inputs?: Record<string, string>;
  readonly ecuId?: string;
  readonly deps?: Partial<RunDeps>;
  readonly arrange?: (plant: Plant) => void;
}

const wire = (code: ErrorCode) =>
  new StationError(code, { details: { what: "test", service: "31", timer: "P2", ms: 300 } });

const CASES: readonly Case[] = [
  {
    name: "an input that nobody gave",
    inputs: { pcid: INPUTS.pcid, evccid: INPUTS.evccid },
    outcome: "ERROR",
    code: "INPUT_MISSING",
    step: "check",
    untouched: "not opened",
  },
  {
    name: "an input that the profile's pattern refuses",
    inputs: { ...INPUTS, vin: "short" },
    outcome: "ERROR",
    code: "INPUT_INVALID",
    step: "check",
    untouched: "not opened",
  },
  {
    name: "a KMS that is down",
    arrange: ({ kms }) => {
      kms.down = true;
    },
    outcome: "ERROR",
    code: "KMS_UNREACHABLE",
    step: "check",
    untouched: "not opened",
  },
  {
    name: "a vPKI that is down",
    certificates: true,
    arrange: ({ vpki }) => {
      vpki.down = true;
    },
    outcome: "ERROR",
    code: "VPKI_UNREACHABLE",
    step: "check",
    untouched: "not opened",
  },
  {
    name: "a secret that the station does not have",
    deps: {
      secrets: (name) => {
        throw new StationError("CONFIG_INVALID", { details: { what: name } });
      },
    },
    outcome: "ERROR",
    code: "CONFIG_INVALID",
    step: "check",
    untouched: "not opened",
  },
  {
    name: "an adapter that cannot be opened",
    deps: { openSession: () => Promise.reject(wire("LINK_OPEN_FAILED")) },
    outcome: "ERROR",
    code: "LINK_OPEN_FAILED",
    step: "open",
  },
  {
    name: "an ECU that does not answer",
    arrange: ({ ecu }) => {
      ecu.faults.onCall = () => Promise.reject(wire("UDS_TIMEOUT"));
    },
    outcome: "TIMEOUT",
    code: "UDS_TIMEOUT",
    step: "identify",
    untouched: "not changed",
  },
  {
    name: "an ECU of another kind",
    arrange: ({ ecu }) => {
      ecu.texts.systemName = "CCU";
    },
    outcome: "FAIL",
    code: "ECU_WRONG_KIND",
    step: "identify",
    untouched: "not changed",
  },
  {
    name: "an ECU with another VIN than scanned",
    arrange: ({ ecu }) => {
      ecu.vin = "KMHBBBBBBBB000002";
    },
    outcome: "FAIL",
    code: "ECU_VIN_MISMATCH",
    step: "identify",
    untouched: "not changed",
  },
  {
    name: "another EcuID than ordered",
    ecuId: "f".repeat(54),
    outcome: "FAIL",
    code: "ECU_ID_MISMATCH",
    step: "identify",
    untouched: "not changed",
  },
  {
    name: "security access refused",
    arrange: ({ ecu }) => {
      ecu.faults.onCall = (name) => (name === "unlock" ? Promise.reject(wire("UDS_ACCESS_DENIED")) : undefined);
    },
    outcome: "FAIL",
    code: "UDS_ACCESS_DENIED",
    step: "unlock",
    untouched: "not changed",
  },
  {
    name: "the link cut in the middle of the keys",
    arrange: ({ ecu }) => {
      ecu.faults.onCall = (name) =>
        name === "loadKey" && ecu.stored === 1 ? Promise.reject(wire("LINK_CLOSED")) : undefined;
    },
    outcome: "ERROR",
    code: "LINK_CLOSED",
    step: "key:secoc-4",
    results: ["1 Success", "D OperationFailed"],
  },
  {
    name: "a wrong M4",
    arrange: ({ ecu }) => {
      ecu.faults.receipt = (slot, { m4, m5 }) => ({ m4: slot === 4 ? m4.map((byte) => byte ^ 1) : m4, m5 });
    },
    outcome: "FAIL",
    code: "TARGET_KEY_MISMATCH",
    step: "key:secoc-4",
    // The supplier key's set was fetched meanwhile.
    results: ["1 Success", "4 OperationFailed", "D OperationFailed"],
  },
  {
    name: "a wrong M5",
    arrange: ({ ecu }) => {
      ecu.faults.receipt = (slot, { m4, m5 }) => ({ m4, m5: slot === 4 ? m5.map((byte) => byte ^ 1) : m5 });
    },
    outcome: "FAIL",
    code: "TARGET_KEY_MISMATCH",
    step: "key:secoc-4",
    // The supplier key's set was fetched meanwhile.
    results: ["1 Success", "4 OperationFailed", "D OperationFailed"],
  },
  {
    name: "a key that the ECU refuses",
    arrange: ({ ecu }) => {
      ecu.faults.beforeLoad = (slot) => {
        if (slot === 4)
          throw new StationError("TARGET_KEY_REFUSED", { details: { slot, status: "KEY_WRITE_PROTECTED" } });
      };
    },
    outcome: "FAIL",
    code: "TARGET_KEY_REFUSED",
    step: "key:secoc-4",
    // The supplier key's set was fetched meanwhile.
    results: ["1 Success", "4 OperationFailed", "D OperationFailed"],
  },
  {
    name: "a set that is for another ECU",
    arrange: ({ kms }) => {
      kms.tamper = (set) => ({ ...set, m1: set.m1.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) });
    },
    outcome: "ERROR",
    code: "KMS_FAULT",
    step: "key:master",
    results: ["1 OperationFailed"],
  },
  {
    name: "a SecOC key whose CMAC is not the KMS's",
    arrange: ({ kms }) => {
      kms.tamper = (set) => ({ ...set, ...(set.keySyncValue && { keySyncValue: new Uint8Array(16) }) });
    },
    outcome: "FAIL",
    code: "TARGET_SYNC_MISMATCH",
    step: "key:secoc-4",
    // The supplier key's set was fetched meanwhile.
    results: ["1 Success", "4 OperationFailed", "D OperationFailed"],
  },
  {
    name: "a sync value that the slot does not reach",
    arrange: ({ ecu }) => {
      ecu.faults.mac = (mac) => (ecu.stored === 3 ? mac.map((byte) => byte ^ 1) : mac);
    },
    outcome: "FAIL",
    code: "TARGET_SYNC_MISMATCH",
    step: "sync:supplier",
    results: ["1 Success", "4 Success", "D Success", "D OperationFailed"],
  },
  {
    name: "a KMS that refuses a result for good",
    arrange: ({ kms }) => {
      kms.rejects = true;
    },
    outcome: "ERROR",
    code: "OUTBOX_QUARANTINED",
    step: "key:secoc-4",
  },
  {
    name: "an ECU that forgets a key over its reset",
    arrange: ({ ecu }) => {
      ecu.faults.onReset = () => ecu.keys.delete(4);
    },
    outcome: "FAIL",
    code: "ECU_LOST_STATE",
    step: "verify",
    results: ["1 Success", "4 Success", "D Success", "D Success"],
  },
  {
    name: "an ECU that is of another kind after its reset",
    arrange: ({ ecu }) => {
      ecu.faults.onReset = () => {
        ecu.texts.systemName = "CCU";
      };
    },
    outcome: "FAIL",
    code: "ECU_LOST_STATE",
    step: "verify",
  },
  {
    name: "an ECU that forgets a certificate over its reset",
    certificates: true,
    arrange: ({ ecu }) => {
      ecu.faults.onReset = () => ecu.leaves.delete(0);
    },
    outcome: "FAIL",
    code: "ECU_LOST_STATE",
    step: "verify",
  },
  {
    name: "an issued certificate with a broken signature",
    certificates: true,
    arrange: ({ vpki }) => {
      vpki.tamper = (certificate) => {
        const broken = certificate.slice();
        broken[broken.length - 1] = (broken[broken.length - 1] ?? 0) ^ 1;
        return broken;
      };
    },
    outcome: "ERROR",
    code: "VPKI_CERT_INVALID",
    step: "cert:prov-2",
  },
  {
    name: "a certificate that the ECU took and that reads back another one",
    certificates: true,
    arrange: ({ ecu }) => {
      ecu.faults.afterInstall = () => {
        for (const [slot, leaf] of ecu.leaves)
          ecu.leaves.set(
            slot,
            leaf.map((byte, i) => (i === leaf.length - 1 ? byte ^ 1 : byte)),
          );
      };
    },
    outcome: "FAIL",
    code: "TARGET_CERT_MISMATCH",
    step: "cert:prov-2",
  },
  {
    name: "a certificate that the ECU took and does not hold",
    certificates: true,
    arrange: ({ ecu }) => {
      ecu.faults.afterInstall = () => ecu.leaves.clear();
    },
    outcome: "FAIL",
    code: "TARGET_CERT_MISMATCH",
    step: "cert:prov-2",
  },
  {
    name: "a proof by another key",
    certificates: true,
    arrange: ({ ecu }) => {
      ecu.faults.beforeProve = () => {
        throw new StationError("TARGET_PROOF_FAILED", { details: { name: "0", what: "no leaf" } });
      };
    },
    outcome: "FAIL",
    code: "TARGET_PROOF_FAILED",
    step: "cert:prov-2",
  },
];

function snapshot({ ecu }: Plant): unknown {
  return { keys: [...ecu.keys.keys()], leaves: [...ecu.leaves.keys()], vin: ecu.vin, lifeCycle: ecu.lifeCycle };
}

async function runCase(test: Case): Promise<RunRecord> {
  const { certificates } = smallProfile();
  plant = new Plant(test.certificates ? undefined : new VirtualClock());
  plant.profile = test.certificates ? smallProfile({ certificates: certificates.slice(0, 1) }) : keysProfile();
  test.arrange?.(plant);
  const before = snapshot(plant);
  const station = await plant.start(test.deps ? { deps: test.deps } : {});
  const record = await station.run(test.inputs ?? INPUTS, test.ecuId === undefined ? {} : { ecuId: test.ecuId });
  const stored = await station.records.history.show(record.runId);
  expect(stored?.record).toMatchObject({ ...JSON.parse(JSON.stringify(record)), schema: 2 });
  expect(plant.ecu.closed, "teardown").toBe(plant.ecu.opened);
  if (test.untouched === "not opened") expect(plant.ecu.opened).toBe(0);
  if (test.untouched !== undefined) expect(snapshot(plant)).toEqual(before);
  await station.stop();
  return record;
}

describe("each failure has its own outcome, code and step", () => {
  it.each(CASES)("$name: $outcome $code in $step", async (test) => {
    const record = await runCase(test);
    expect([record.outcome, record.failure?.code, record.failure?.step]).toEqual([test.outcome, test.code, test.step]);
    expect(record.failure?.text.ko).not.toBe("");
    expect(record.failure?.text.en).not.toMatch(/\{[a-zA-Z]+\}|\?/);
    if (test.results !== undefined) {
      const results = [...plant.kms.results.values()].map(({ keyId, status }) => `${keyId} ${status}`);
      expect(results).toEqual(test.results);
    }
  });
});

describe("a verdict", () => {
  it("has an outcome for every code there is", () => {
    expect(Object.keys(OUTCOMES).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it("names the causes of an error, outermost first", () => {
    const inner = new Error("socket hang up");
    const middle = new StationError("LINK_CLOSED", { details: { what: "tcp" }, cause: inner });
    const { failure } = verdictOf(new StationError("UDS_TIMEOUT", { cause: middle }), "open");
    expect(failure.causes).toEqual([expect.stringMatching(/^LINK_CLOSED: /), "socket hang up"]);
  });

  it("takes what is no StationError as a fault of the program", () => {
    const { outcome, failure } = verdictOf(new TypeError("x is undefined"), "key:master");
    expect([outcome, failure.code, failure.step]).toEqual(["ERROR", "INTERNAL", "key:master"]);
  });
});

describe("what a failed run leaves", () => {
  it("holds M4 and M5 in the journal, and never M1, M2 or M3", async () => {
    plant = new Plant(new VirtualClock());
    plant.profile = keysProfile();
    const sets: Uint8Array[] = [];
    plant.kms.tamper = (set) => {
      sets.push(set.m1.slice(), set.m2.slice(), set.m3.slice());
      return set;
    };
    const station = await plant.start();
    const record = await station.run();
    const all = JSON.stringify(await station.records.history.show(record.runId));
    expect(sets).toHaveLength(9);
    for (const part of sets) expect(all).not.toContain(toHex(part));
    const [held] = [...plant.ecu.keys.values()];
    expect(all).toContain(toHex(held?.receipt.m4 ?? new Uint8Array()));
    await station.stop();
  });
});
