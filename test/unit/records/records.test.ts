import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { systemProcesses } from "../../../src/records/processes.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { JournalEntry, RunHeader, RunRecord } from "../../../src/station/ports.js";

let folder: string;
let stores: StoreHost;
let records: Records;
const clock = new VirtualClock();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "records-"));
  stores = inlineStores();
  records = await openRecords({ stores, file: join(folder, "r.db"), clock });
});
afterEach(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const ECU = "ab".repeat(27);

function header(runId: string, more: Partial<RunHeader> = {}): RunHeader {
  return {
    runId,
    bay: "bay-1",
    link: "virtual:x",
    profile: { name: "evcc", version: 1, hash: "0".repeat(64) },
    inputs: { vin: "KMHAAAAAAAA000001" },
    expectedEcuId: undefined,
    startedAt: 1_000,
    programVersion: "1",
    plan: ["open"],
    ...more,
  };
}

function record(own: RunHeader, more: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: 1,
    runId: own.runId,
    header: own,
    identity: undefined,
    steps: [],
    timers: {},
    startedAt: own.startedAt,
    finishedAt: own.startedAt + 500,
    resumed: 0,
    owed: 0,
    outcome: "PASS",
    ...more,
  };
}

const entry = (step: string, event: JournalEntry["event"], data = {}): JournalEntry => ({ step, event, at: 5, data });

const result = (keyId: string, ecuId = ECU) =>
  ({
    kind: "key",
    type: "SecOCKey",
    ecuId,
    keyId,
    status: "Success",
    message: "",
    correlationId: "c1",
  }) as const;

const load = (reportId: string, m4: string) => ({
  load: { reportId, ecuId: ECU, slot: 4, type: "SecOCKey", keyId: "4", m4, m5: "00", correlationId: "c1" },
});

describe("the journal", () => {
  it("gives back a run that never finished, with its entries in order", async () => {
    await records.runs.begin(header("a"));
    await records.runs.append("a", entry("open", "started"));
    await records.runs.append("a", entry("open", "finished", { x: 1 }));
    const [run] = await records.runs.interrupted("bay-1");
    expect(run?.header).toEqual(JSON.parse(JSON.stringify(header("a"))));
    expect(run?.entries.map(({ event, data }) => [event, data])).toEqual([
      ["started", {}],
      ["finished", { x: 1 }],
    ]);
    expect(await records.runs.interrupted("bay-2")).toEqual([]);
  });

  it("counts how often a run was taken up", async () => {
    await records.runs.begin(header("a"));
    await records.runs.resume("a");
    await records.runs.resume("a");
    expect((await records.runs.interrupted("bay-1"))[0]?.resumed).toBe(2);
  });

  it("takes nothing more once the run is over", async () => {
    await records.runs.begin(header("a"));
    await records.runs.finish(record(header("a")));
    expect(await records.runs.interrupted("bay-1")).toEqual([]);
    await expect(records.runs.append("a", entry("open", "started"))).rejects.toMatchObject({ code: "STORE_FAILED" });
    await expect(records.runs.resume("a")).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("writes an entry and what it owes together or not at all", async () => {
    await records.runs.begin(header("a"));
    await records.runs.append("a", entry("key:x", "finished"), [{ id: "r1", result: result("4") }]);
    const twice = records.runs.append("a", entry("key:y", "finished"), [{ id: "r1", result: result("5") }]);
    await expect(twice).rejects.toMatchObject({ code: "STORE_FAILED" });
    const shown = await records.history.show("a");
    expect(shown?.journal.map(({ step }) => step)).toEqual(["key:x"]);
    expect(shown?.outbox.map(({ id, state }) => [id, state])).toEqual([["r1", "waiting"]]);
  });

  it("knows the loads on an ECU that nobody reported, the last set of each", async () => {
    await records.runs.begin(header("a"));
    await records.runs.append("a", entry("key:x", "noted", load("r1", "01")));
    await records.runs.append("a", entry("key:x", "noted", load("r1", "02")));
    await records.runs.append("a", entry("key:y", "noted", load("r2", "03")));
    await records.runs.append("a", entry("key:y", "finished"), [{ id: "r2", result: result("4") }]);
    await records.runs.finish(record(header("a"), { outcome: "FAIL" }));
    const loads = await records.ledger.unsettled(ECU);
    expect(loads.map(({ reportId, m4, step, runId }) => [reportId, m4, step, runId])).toEqual([
      ["r1", "02", "key:x", "a"],
    ]);
    expect(await records.ledger.unsettled("cd".repeat(27))).toEqual([]);
  });
});

describe("the history", () => {
  const ids = ["a", "b", "c", "d", "e"];
  beforeEach(async () => {
    for (const [i, id] of ids.entries()) {
      const own = header(id, { startedAt: 1_000 * i, inputs: { vin: i % 2 === 0 ? "EVEN" : "ODD" } });
      await records.runs.begin(own);
      const identity = { ecuId: i === 4 ? ECU : "ff", serialNumber: `SN${i}`, vin: undefined } as never;
      await records.runs.finish(record(own, { outcome: i === 3 ? "FAIL" : "PASS", identity }));
    }
  });
  const listed = async (query: Parameters<Records["history"]["list"]>[0]) =>
    (await records.history.list(query)).runs.map(({ runId }) => runId);

  it("is searched by VIN, EcuID of any case, serial number, outcome and time", async () => {
    expect(await listed({ vin: "ODD" })).toEqual(["d", "b"]);
    expect(await listed({ ecuId: ECU.toUpperCase() })).toEqual(["e"]);
    expect(await listed({ serialNumber: "SN1" })).toEqual(["b"]);
    expect(await listed({ outcome: "FAIL" })).toEqual(["d"]);
    expect(await listed({ from: 1_000, to: 3_000 })).toEqual(["c", "b"]);
    expect(await listed({ vin: "' OR 1=1 --" })).toEqual([]);
  });

  it("comes in pages that neither skip nor repeat", async () => {
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await records.history.list({ limit: 2, ...(after === undefined ? {} : { after }) });
      seen.push(...page.runs.map(({ runId }) => runId));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual([...ids].reverse());
  });

  it("shows one run, and nothing for an unknown id", async () => {
    expect((await records.history.show("d"))?.record?.outcome).toBe("FAIL");
    expect(await records.history.show("nope")).toBeUndefined();
  });
});

describe("a bay's claim", () => {
  const open = async (pid: number, alive: boolean) => {
    const processes = { self: { pid, process: "" }, alive: () => alive };
    return openRecords({ stores, file: join(folder, "r.db"), clock, processes });
  };

  it("is refused while its holder lives, and free after it is given back", async () => {
    const [one, two] = [await open(1, true), await open(2, true)];
    const release = await one.ledger.claim("bay-1");
    await expect(two.ledger.claim("bay-1")).rejects.toMatchObject({ code: "RUN_BUSY" });
    await expect(one.ledger.claim("bay-1")).rejects.toMatchObject({ code: "RUN_BUSY" });
    await (await two.ledger.claim("bay-2"))();
    await release();
    await (await two.ledger.claim("bay-1"))();
  });

  it("is taken over from a dead process, whose late release does not free it", async () => {
    const dead = await open(1, true);
    const late = await dead.ledger.claim("bay-1");
    const heir = await open(2, false);
    await heir.ledger.claim("bay-1");
    await late();
    await expect((await open(3, true)).ledger.claim("bay-1")).rejects.toMatchObject({ code: "RUN_BUSY" });
  });

  it("tells living processes from dead ones and from others that got the pid since", () => {
    const processes = systemProcesses();
    expect(processes.alive(processes.self)).toBe(true);
    expect(processes.alive({ pid: 0x3ffffff, process: "" })).toBe(false);
    if (processes.self.process !== "") {
      expect(processes.alive({ pid: process.pid, process: "another-boot/1" })).toBe(false);
    }
  });
});
