import { afterEach, describe, expect, it } from "vitest";
import { type DtcEntry, DtcMemory, STATUS } from "../../../firmware-sim/uds/dtc.js";
import { Bench } from "./bench.js";
import { startGeneric } from "./generic.js";

const CODE = 0xc07300;

function memory() {
  const kept = new Map<number, DtcEntry>();
  const value = { now: Uint8Array.of(1) };
  const dtcs = new DtcMemory({
    definitions: [{ code: CODE, snapshot: { record: 1, identifiers: [0x0100] }, occurrences: { record: 1 } }],
    load: (code) => kept.get(code),
    async save(changes) {
      for (const [code, entry] of changes) {
        if (entry === undefined) kept.delete(code);
        else kept.set(code, entry);
      }
    },
    read: () => value.now,
  });
  dtcs.boot();
  return { dtcs, value, status: () => dtcs.find(CODE)?.status ?? 0 };
}

/** Names of the bits that are set. */
const bits = (status: number) => Object.entries(STATUS).flatMap(([name, bit]) => ((status & bit) === 0 ? [] : [name]));

describe("the status of a trouble code (ISO 14229-1 Annex D.2)", () => {
  it("goes from never tested over failed to passed, and starts again in a new operation cycle", async () => {
    const { dtcs, status } = memory();
    expect(bits(status())).toEqual(["testNotCompletedSinceLastClear", "testNotCompletedThisOperationCycle"]);
    await dtcs.set(CODE, false);
    expect(bits(status())).toEqual([]);
    await dtcs.set(CODE, true);
    const since = ["pendingDTC", "confirmedDTC", "testFailedSinceLastClear"];
    expect(bits(status())).toEqual(["testFailed", "testFailedThisOperationCycle", ...since]);
    await dtcs.set(CODE, false);
    expect(bits(status())).toEqual(["testFailedThisOperationCycle", ...since]);
    dtcs.boot();
    expect(bits(status())).toEqual([...since, "testNotCompletedThisOperationCycle"]);
  });

  it("is no longer pending after a cycle in which the test passed and never failed", async () => {
    const { dtcs, status } = memory();
    await dtcs.set(CODE, true);
    dtcs.boot();
    await dtcs.set(CODE, false);
    expect(bits(status())).toContain("pendingDTC");
    dtcs.boot();
    expect(bits(status())).not.toContain("pendingDTC");
    expect(bits(status())).toContain("confirmedDTC");
  });

  it("keeps what was read when it first failed, and counts each failure that begins", async () => {
    const { dtcs, value } = memory();
    await dtcs.set(CODE, true);
    value.now = Uint8Array.of(2);
    await dtcs.set(CODE, true);
    await dtcs.set(CODE, false);
    await dtcs.set(CODE, true);
    expect(dtcs.find(CODE)).toMatchObject({ occurrences: 2, snapshot: Uint8Array.of(1, 0, 1) });
  });

  it("does not change while 85 has it off, and is cleared by 14 then", async () => {
    const { dtcs, status } = memory();
    await dtcs.set(CODE, true);
    dtcs.enabled = false;
    await dtcs.set(CODE, false);
    expect(bits(status())).toContain("testFailed");
    expect(await dtcs.clear(0xffffff)).toBe(true);
    expect(status()).toBe(0x50);
  });

  it("is not there for another code", async () => {
    const { dtcs } = memory();
    expect(await dtcs.set(1, true)).toBe(false);
    expect(await dtcs.clear(1)).toBe(false);
  });
});

describe("the trouble codes of an ECU", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  it("outlive its power, and are set again after a reset though 85 had them off", async () => {
    bench = await startGeneric();
    await bench.setDtc(CODE, true);
    await bench.powerCycle();
    expect(await bench.ask("190208")).toBe("59027fc073006d");
    await bench.ask("1003");
    await bench.ask("8502");
    await bench.setDtc(0x056216, true);
    expect(await bench.ask("190108")).toBe("59017f010001");
    await bench.ask("1101");
    await bench.setDtc(0x056216, true);
    expect(await bench.ask("190108")).toBe("59017f010002");
  });

  it("are refused where the profile has no such code, or none at all", async () => {
    bench = await startGeneric();
    await expect(bench.setDtc(0x123456, true)).rejects.toMatchObject({ code: "USAGE" });
    await bench.close();
    bench = await Bench.start();
    await expect(bench.setDtc(CODE, true)).rejects.toMatchObject({ code: "USAGE" });
    expect(await bench.ask("1902ff")).toBe("7f1911");
  });
});
