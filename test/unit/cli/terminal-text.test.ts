import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stepLine, verdictLines } from "../../../src/cli/progress.js";
import { textOf } from "../../../src/cli/trace/lines.js";
import { inlineStores } from "../../../src/db/store.js";
import { openRecords } from "../../../src/records/journal.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { KmsResult, RunHeader, RunRecord, StepRecord } from "../../../src/station/ports.js";
import { ran } from "./io-helper.js";

/** Sets the window's title, colours, forges a line and turns the reading direction. */
const HOSTILE = "\u001b]0;title\u0007\u001b[31mred\r\nPASS  0.10 s  forged\u202eback";
const HARMLESS = "\\u{1b}]0;title\\u{7}\\u{1b}[31mred PASS  0.10 s  forged\\u{202e}back";
const RAW = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

const header: RunHeader = {
  runId: "run-1",
  bay: "1",
  link: "sim:",
  profile: { name: "evcc", version: 1, hash: "ab".repeat(32) },
  inputs: { vin: "KMHEV41DBPA000001" },
  expectedEcuId: undefined,
  startedAt: 0,
  programVersion: "0.0.0",
  plan: ["identify"],
};
const step: StepRecord = { step: "identify", state: "failed", startedAt: 0, ms: 120, facts: { serial: HOSTILE } };
const refused = (what: string): RunRecord => ({
  ...{ schema: 1, runId: header.runId, header, identity: undefined, steps: [step], timers: {} },
  ...{ startedAt: 0, finishedAt: 100, resumed: 0, owed: 0, outcome: "ERROR" },
  failure: {
    ...{ code: "KMS_REJECTED", layer: "kms", step: "key:master", retryable: false, details: { what } },
    text: { ko: `거부했습니다: ${what}. 관리자에게 알리십시오.`, en: `It refused: ${what}. Tell an engineer.` },
    causes: [what],
  },
});

let folder = "";
const result = {
  kind: "key",
  type: "EcuMasterKey",
  keyId: "1",
  ecuId: "ab",
  status: "Success",
  message: "",
} as KmsResult;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "terminal-"));
  const stores = inlineStores();
  const { runs, store } = await openRecords({
    stores,
    file: join(folder, "records.sqlite"),
    clock: new VirtualClock(),
  });
  await runs.begin(header);
  await runs.append(header.runId, { step: "key:master", event: "finished", at: 0, data: {} }, [{ id: "r1", result }]);
  await runs.finish(refused(HOSTILE));
  await store.call("outboxQuarantined", { id: "r1", now: 1, error: HOSTILE });
  await stores.close();
});
afterAll(() => rm(folder, { recursive: true }));

describe("what a server, an ECU or a file says", () => {
  it.each([
    ["records show", ["records", "show", "run-1"]],
    ["records list", ["records", "list"]],
    ["outbox list", ["outbox", "list"]],
  ])("stands in the lines of %s with the numbers of what would steer the terminal", async (_, argv) => {
    const { code, out } = await ran([...argv, "--data", folder]);
    expect(code).toBe(0);
    expect(out).toContain(HARMLESS);
    expect(out).not.toMatch(RAW);
    expect(out).not.toMatch(/^PASS/m);
  });

  it("stands in JSON exactly as it was said", async () => {
    const show = await ran(["records", "show", "run-1", "--json", "--data", folder]);
    expect(JSON.parse(show.out)).toMatchObject({ record: { failure: { details: { what: HOSTILE } } } });
    const list = await ran(["outbox", "list", "--json", "--data", folder]);
    expect(JSON.parse(list.out)).toMatchObject({ results: [{ lastError: HOSTILE }] });
  });

  it("steers no terminal from a run's steps", () => {
    expect(stepLine(step)).toContain(HARMLESS);
    expect(stepLine(step)).not.toMatch(RAW);
  });

  it("steers no terminal from a trace's notes", () => {
    expect(textOf({ kind: "note", at: 0, text: HOSTILE }, 0)).toContain(HARMLESS);
  });

  it("loses its middle in a verdict where it is very long, and not the advice", () => {
    const lines = verdictLines(refused("장".repeat(3_000)), "both");
    for (const line of lines) expect(line.length).toBeLessThan(520);
    expect(lines.filter((line) => line.includes(" … "))).toHaveLength(3);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}It refused: .*Tell an engineer\.$/));
    expect(lines).toContainEqual(expect.stringMatching(/관리자에게 알리십시오\.$/));
  });
});
