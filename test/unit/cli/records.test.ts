import { mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inlineStores } from "../../../src/db/store.js";
import { openRecords } from "../../../src/records/journal.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { KmsResult, RunHeader, RunRecord } from "../../../src/station/ports.js";
import { ran } from "./io-helper.js";

let folder = "";
const empty = () => join(folder, "empty");

const header = (runId: string, vin: string, startedAt: number): RunHeader => ({
  runId,
  bay: "1",
  link: "sim:",
  profile: { name: "evcc", version: 1, hash: "ab".repeat(32) },
  inputs: { vin },
  expectedEcuId: undefined,
  startedAt,
  programVersion: "0.0.0",
  plan: ["identify"],
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "records-"));
  const stores = inlineStores();
  const clock = new VirtualClock();
  const records = await openRecords({ stores, file: join(folder, "records.sqlite"), clock });
  const passed = header("run-1", "KMHEV41DBPA000001", Date.UTC(2026, 0, 1, 8));
  await records.runs.begin(passed);
  const record: RunRecord = {
    schema: 1,
    runId: "run-1",
    header: passed,
    outcome: "PASS",
    identity: undefined,
    steps: [{ step: "identify", state: "done", startedAt: passed.startedAt, ms: 120, facts: { serial: "S1" } }],
    timers: {},
    startedAt: passed.startedAt,
    finishedAt: passed.startedAt + 5_000,
    resumed: 0,
    owed: 0,
  };
  await records.runs.finish(record);
  await records.runs.begin(header("run-2", "KMHEV41DBPA000002", Date.UTC(2026, 0, 2, 8)));
  await stores.close();
});
afterAll(() => rm(folder, { recursive: true }));

interface Page {
  runs: { runId: string; outcome?: string }[];
  next: string | null;
}

async function list(...argv: string[]): Promise<Page> {
  const { out, err } = await ran(["records", "list", "--json", "--data", folder, ...argv]);
  expect(err).toBe("");
  return JSON.parse(out) as Page;
}

describe("records list", () => {
  it("shows the newest run first, one line each", async () => {
    const { code, out } = await ran(["records", "list", "--data", folder]);
    expect(out).toMatch(/^run-2 .*open .*KMHEV41DBPA000002.*\nrun-1 .*PASS .*KMHEV41DBPA000001.*\n$/);
    expect(code).toBe(0);
  });

  it.each([
    [["--vin", "KMHEV41DBPA000001"], ["run-1"]],
    [["--outcome", "PASS"], ["run-1"]],
    [["--from", "2026-01-02"], ["run-2"]],
    [["--to", "2026-01-02"], ["run-1"]],
    [["--vin", "nobody"], []],
    [["--certificate", "01:AB"], []],
    [["--ecu-id", "AB".repeat(27)], []],
  ])("takes %j", async (argv, expected) => {
    expect((await list(...argv)).runs.map((run) => run.runId)).toEqual(expected);
  });

  it("goes on where a page ended", async () => {
    const first = await list("--limit", "1");
    expect(first.runs.map((run) => run.runId)).toEqual(["run-2"]);
    const second = await list("--limit", "1", "--after", first.next ?? "");
    expect(second.runs.map((run) => run.runId)).toEqual(["run-1"]);
  });

  it("of a station without records is empty and makes none", async () => {
    const { code, out } = await ran(["records", "list", "--json", "--data", empty()]);
    expect(JSON.parse(out)).toEqual({ runs: [], next: null, waiting: [], quarantined: [] });
    expect(code).toBe(0);
    await expect(stat(empty())).rejects.toThrow(/ENOENT/);
  });

  it("that cannot be reached are not taken for none", async () => {
    const loop = join(folder, "loop");
    await symlink(loop, loop);
    for (const command of ["list", "verify"]) {
      const { code, out, err } = await ran(["records", command, "--data", loop]);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toMatch(/^ecustation: Configuration error: \S+loop\/records\.sqlite: ELOOP[^\n]*\n$/);
    }
  });
});

describe("results that have not reached the KMS", () => {
  const ECU = "cd".repeat(27);
  const result = (keyId: string): KmsResult => ({
    kind: "key",
    type: "SecOCKey",
    ecuId: ECU,
    keyId,
    status: "Success",
    message: "",
    correlationId: undefined,
  });

  it("stand below the list, refused ones first", async () => {
    const owing = await mkdtemp(join(tmpdir(), "records-owing-"));
    try {
      const stores = inlineStores();
      const records = await openRecords({ stores, file: join(owing, "records.sqlite"), clock: new VirtualClock() });
      await records.runs.begin(header("run-1", "KMHEV41DBPA000001", 0));
      const entry = { step: "key:a", event: "finished" as const, at: 0, data: {} };
      const rows = ["4", "5"].map((keyId) => ({ id: `run-1:${keyId}`, result: result(keyId) }));
      await records.runs.append("run-1", entry, rows);
      await records.store.call("outboxQuarantined", { id: "run-1:5", now: 0, error: "KeyID is unknown" });
      await stores.close();
      const { out } = await ran(["records", "list", "--data", owing]);
      expect(out.split("\n").slice(1)).toEqual([
        `run-1  quarantined  kms  key SecOCKey 5 of ${ECU}, tried 1×: KeyID is unknown`,
        `run-1  waiting  kms  key SecOCKey 4 of ${ECU}, not tried yet`,
        "",
      ]);
      const json = JSON.parse((await ran(["records", "list", "--json", "--data", owing])).out) as Record<
        string,
        unknown[]
      >;
      expect([json.waiting?.length, json.quarantined?.length]).toEqual([1, 1]);
    } finally {
      await rm(owing, { recursive: true });
    }
  });
});

describe("records show", () => {
  it("shows steps and verdict", async () => {
    const { code, out } = await ran(["records", "show", "run-1", "--data", folder]);
    expect(out).toMatch(/^run {6}run-1$/m);
    expect(out).toMatch(/identify +0\.12 s {2}serial S1/);
    expect(out).toContain("PASS");
    expect(code).toBe(0);
  });

  it("shows a run that is not over", async () => {
    expect((await ran(["records", "show", "run-2", "--data", folder])).out).toMatch(/^open: /m);
  });

  it("gives everything as JSON", async () => {
    const { out } = await ran(["records", "show", "run-1", "--json", "--data", folder]);
    expect(JSON.parse(out)).toMatchObject({ header: { runId: "run-1" }, record: { outcome: "PASS" }, outbox: [] });
  });

  it("of a run that is not there is one line, exit 2", async () => {
    const { code, err } = await ran(["records", "show", "run-9", "--data", folder]);
    expect(err).toMatch(/^ecustation: there is no run run-9 in [^\n]+\n$/);
    expect(code).toBe(2);
  });
});
