import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { runUnit } from "../../../src/station/run/index.js";
import { INPUTS, keysProfile, Plant } from "./fakes.js";

let plant: Plant;
beforeEach(() => {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
});
afterEach(() => plant.remove());

const hangs = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
const deaf = () => new Promise<never>(() => undefined);

describe("an abort", () => {
  it.each(["identify", "unlock", "writeVin", "loadKey", "generateMac", "lock", "reset"])(
    "during %s ends the run as ABORTED with teardown and record",
    async (call) => {
      const abort = new AbortController();
      plant.ecu.faults.onCall = (name, signal) => {
        if (name !== call) return undefined;
        plant.clock.timer(10, () => abort.abort());
        return hangs(signal);
      };
      const station = await plant.start();
      const record = await station.run(INPUTS, { signal: abort.signal });
      expect([record.outcome, record.failure?.code]).toEqual(["ABORTED", "RUN_ABORTED"]);
      expect(plant.ecu.closed).toBe(1);
      expect((await station.records.history.list()).runs[0]?.outcome).toBe("ABORTED");
      await station.stop();
    },
  );

  it("before the start leaves the unit alone", async () => {
    const station = await plant.start();
    const record = await station.run(INPUTS, { signal: AbortSignal.abort() });
    expect(record.outcome).toBe("ABORTED");
    expect(plant.ecu.opened).toBe(0);
    await station.stop();
  });

  it("while the link opens closes a session that comes too late", async () => {
    const abort = new AbortController();
    const station = await plant.start();
    const { openSession } = station.deps;
    const deps = {
      ...station.deps,
      openSession: async (signal: AbortSignal) => {
        plant.clock.timer(10, () => abort.abort());
        await plant.clock.sleep(60_000);
        return openSession(signal);
      },
    };
    const record = await plant.drive(runUnit(deps, { inputs: INPUTS }, { signal: abort.signal }));
    expect(record.outcome).toBe("ABORTED");
    await (plant.clock as VirtualClock).advance(120_000);
    expect([plant.ecu.opened, plant.ecu.closed]).toEqual([1, 1]);
    await station.stop();
  });
});

describe("a step's limit", () => {
  it.each([
    ["listens to its signal", hangs],
    ["is deaf to its signal", deaf],
  ])("ends work that %s as TIMEOUT", async (_, work) => {
    plant.ecu.faults.onCall = (name, signal) => (name === "lock" ? work(signal) : undefined);
    const station = await plant.start();
    const from = plant.clock.now();
    const record = await station.run();
    expect([record.outcome, record.failure?.code, record.failure?.step]).toEqual(["TIMEOUT", "RUN_TIMEOUT", "lock"]);
    expect(plant.clock.now() - from).toBeLessThan(plant.profile.limits.step + 5_000);
    expect(plant.ecu.closed).toBe(1);
    await station.stop();
  });

  it("lets nothing be written by a step that was given up", async () => {
    let wake: () => void = () => undefined;
    plant.ecu.faults.onCall = (name) =>
      name === "lock"
        ? new Promise<void>((resolve) => {
            wake = resolve;
          })
        : undefined;
    const station = await plant.start();
    const record = await station.run();
    wake();
    await (plant.clock as VirtualClock).advance(1_000);
    const journal = (await station.records.history.show(record.runId))?.journal ?? [];
    expect(journal.filter(({ step }) => step === "lock").map(({ event }) => event)).toEqual(["started", "failed"]);
    await station.stop();
  });
});

describe("teardown", () => {
  it("has its own limit when the session does not close", async () => {
    plant.ecu.faults.onClose = deaf;
    const station = await plant.start();
    const from = plant.clock.now();
    const record = await station.run();
    expect(record.outcome).toBe("PASS");
    expect(plant.clock.now() - from).toBeGreaterThanOrEqual(plant.profile.limits.teardown);
    expect(plant.clock.now() - from).toBeLessThan(plant.profile.limits.teardown + 1_000);
    await station.stop();
  });

  it("is done when the journal cannot be written, and the run ends as an ERROR", async () => {
    const station = await plant.start();
    const { runs } = station.deps;
    const deps = {
      ...station.deps,
      runs: {
        ...runs,
        append: async (...args: Parameters<typeof runs.append>) => {
          if (args[1].step === "key:secoc-4")
            throw new StationError("STORE_FAILED", { details: { what: "disk full" } });
          await runs.append(...args);
        },
      },
    };
    const record = await plant.drive(runUnit(deps, { inputs: INPUTS }));
    expect([record.outcome, record.failure?.code]).toEqual(["ERROR", "STORE_FAILED"]);
    expect(plant.ecu.closed).toBe(1);
    await station.stop();
  });

  it("is done when the record cannot be written, and a PASS does not stand without one", async () => {
    const station = await plant.start();
    const finish = () => Promise.reject(new StationError("STORE_FAILED", { details: { what: "disk full" } }));
    const deps = { ...station.deps, runs: { ...station.deps.runs, finish } };
    const record = await plant.drive(runUnit(deps, { inputs: INPUTS }));
    expect([record.outcome, record.failure?.code, record.failure?.step]).toEqual(["ERROR", "STORE_FAILED", "record"]);
    expect(plant.ecu.closed).toBe(1);
    await station.stop();
  });
});

describe("results owed", () => {
  it("are delivered once the KMS is back, and the record says how many were owed", async () => {
    const station = await plant.start();
    plant.kms.report = ((report) => async (result, id) => {
      if (result.kind === "sync") plant.kms.down = true;
      await report.call(plant.kms, result, id);
    })(plant.kms.report);
    const record = await station.run();
    expect([record.outcome, record.owed]).toEqual(["PASS", 1]);
    plant.kms.report = Object.getPrototypeOf(plant.kms).report;
    plant.kms.down = false;
    await (plant.clock as VirtualClock).advance(120_000);
    expect(await station.outbox.waiting({})).toBe(0);
    expect([...plant.kms.results.values()].map(({ keyId }) => keyId)).toEqual(["1", "4", "D", "D"]);
    await station.stop();
  });

  it("of the same ECU stop the next run before anything is changed", async () => {
    const station = await plant.start();
    const { report } = plant.kms;
    const fault = () => Promise.reject(new StationError("KMS_FAULT", { details: { what: "500" } }));
    plant.kms.report = fault;
    const first = await station.run();
    expect([first.outcome, first.failure?.code]).toEqual(["ERROR", "KMS_FAULT"]);
    const held = plant.ecu.stored;
    const second = await station.run();
    expect([second.outcome, second.failure?.code, second.failure?.step]).toEqual([
      "ERROR",
      "OUTBOX_PENDING",
      "identify",
    ]);
    expect(plant.ecu.stored).toBe(held);
    plant.kms.report = report;
    expect((await station.run()).outcome).toBe("PASS");
    await station.stop();
  });
});

describe("a bay", () => {
  it("takes one run at a time, and the next one after it", async () => {
    const station = await plant.start();
    const records = await import("../../../src/records/journal.js");
    const { inlineStores } = await import("../../../src/db/store.js");
    const processes = { self: { pid: 77, process: "" }, alive: () => true };
    const stores = inlineStores();
    const other = await records.openRecords({ stores, file: plant.file, clock: plant.clock, processes });
    const release = await other.ledger.claim("bay-1");
    const busy = { ...station.deps, ledger: other.ledger, runs: other.runs };
    const record = await plant.drive(runUnit(busy, { inputs: INPUTS }));
    expect([record.outcome, record.failure?.code]).toEqual(["ERROR", "RUN_BUSY"]);
    expect(plant.ecu.opened).toBe(0);
    await release();
    expect((await station.run()).outcome).toBe("PASS");
    await stores.close();
    await station.stop();
  });
});
