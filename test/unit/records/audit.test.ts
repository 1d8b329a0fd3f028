import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate, openDatabase } from "../../../src/db/database.js";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { store } from "../../../src/records/store.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { JournalEntry, RunHeader, RunRecord } from "../../../src/station/ports.js";
import { soundRows } from "../audit/helpers.js";

let folder: string;
let stores: StoreHost;
let records: Records;
const clock = new VirtualClock();
const file = () => join(folder, "r.db");

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "records-audit-"));
  stores = inlineStores();
  records = await openRecords({ stores, file: file(), clock });
});
afterEach(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const ECU = "ab".repeat(27);
const header: RunHeader = {
  runId: "run-1",
  bay: "bay-1",
  link: "virtual:x",
  profile: { name: "evcc", version: 1, hash: "0".repeat(64) },
  inputs: { vin: "KMHAAAAAAAA000001" },
  expectedEcuId: undefined,
  startedAt: 1_000,
  programVersion: "1",
  plan: ["open"],
};
const record: RunRecord = {
  schema: 1,
  runId: "run-1",
  header,
  identity: undefined,
  steps: [],
  timers: {},
  startedAt: 1_000,
  finishedAt: 1_500,
  resumed: 1,
  owed: 0,
  outcome: "PASS",
};
const entry: JournalEntry = { step: "key:x", event: "finished", at: 5, data: {} };
const owed = (id: string) => ({
  id,
  result: {
    kind: "key",
    type: "SecOCKey",
    ecuId: ECU,
    keyId: "4",
    status: "Success",
    message: "",
    correlationId: "c1",
  } as const,
});

async function rows() {
  const database = openDatabase(file());
  try {
    return (await soundRows(database)).slice(1).map((row) => ({
      what: `${row.actor} ${row.action} ${row.subject} ${row.outcome}`,
      at: row.at,
      details: JSON.parse(String(row.details)) as Record<string, unknown>,
    }));
  } finally {
    database.close();
  }
}

describe("the station's chain", () => {
  it("tells how a run began, was taken up again and ended, and ties the stored record to it", async () => {
    await records.runs.begin(header);
    await records.runs.append("run-1", entry);
    await records.runs.resume("run-1");
    await records.runs.finish(record);
    const found = await rows();
    expect(found.map(({ what }) => what)).toEqual([
      "bay-1 begin run-1 begun",
      "bay-1 resume run-1 resumed",
      "bay-1 finish run-1 PASS",
    ]);
    expect(found.map(({ at }) => at)).toEqual([1_000, clock.now(), 1_500]);
    const database = openDatabase(file());
    const stored = (await database.get<{ record: string }>("SELECT record FROM run"))?.record ?? "";
    database.close();
    expect(found[2]?.details.record).toBe(createHash("sha256").update(stored).digest("hex"));
  });

  it("tells of a result when it has arrived and when it was refused for good, once each", async () => {
    await records.runs.begin(header);
    await records.runs.append("run-1", entry, [owed("a"), owed("b")]);
    const call = records.store.call;
    await call("outboxPostponed", { id: "a", nextAt: 9, error: "no server" });
    for (let time = 0; time < 2; time++) await call("outboxDelivered", { id: "a", now: 10 });
    for (let time = 0; time < 2; time++) await call("outboxQuarantined", { id: "b", now: 11, error: "refused: why" });
    expect((await rows()).slice(1)).toEqual(
      [
        ["delivered", 10, { id: "a", attempts: 2 }],
        ["quarantined", 11, { id: "b", attempts: 1, error: "refused: why" }],
      ].map(([outcome, at, more]) => ({
        what: `outbox report run-1 ${outcome}`,
        at,
        details: { kind: "key", type: "SecOCKey", keyId: "4", ecuId: ECU, status: "Success", ...(more as object) },
      })),
    );
  });

  it("tells nothing of what did not happen", async () => {
    await records.runs.begin(header);
    await expect(records.runs.begin(header)).rejects.toThrow();
    await expect(records.runs.resume("run-2")).rejects.toThrow();
    expect(await rows()).toHaveLength(1);
  });

  it("of a store from before begins with what that held", async () => {
    const database = openDatabase(join(folder, "old.db"));
    await migrate(database, store.migrations.slice(0, 1));
    await database.exec(`INSERT INTO run (run_id, bay, profile, header, started_at) VALUES ('r', 'b', 'p', '{}', 1)`);
    await migrate(database, store.migrations);
    const found = await soundRows(database);
    expect(found).toHaveLength(1);
    expect(JSON.parse(String(found[0]?.details))).toMatchObject({ before: { run: 1, outbox: 0 } });
    database.close();
  });
});
