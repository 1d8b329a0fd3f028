import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { historyRows } from "../../../src/cli/bench/history.js";
import { migrate, openDatabase } from "../../../src/db/database.js";
import { openStore } from "../../../src/db/engine.js";
import { historySelect } from "../../../src/records/history-query.js";
import { store } from "../../../src/records/store.js";
import type { HistoryQuery } from "../../../src/records/types.js";

const QUERIES: readonly [HistoryQuery, string][] = [
  [{}, "run_time"],
  [{ vin: "V", outcome: "PASS" }, "run_vin"],
  [{ ecuId: "AB", vin: "V" }, "run_ecu"],
  [{ serialNumber: "S", bay: "1" }, "run_serial"],
  [{ code: "X", from: 1, to: 2 }, "run_code"],
  [{ code: "X", bay: "1", outcome: "FAIL" }, "run_bay_code"],
  [{ outcome: "FAIL", bay: "1" }, "run_bay_outcome"],
  [{ outcome: "FAIL", after: "5:a" }, "run_outcome"],
  [{ bay: "1" }, "run_bay"],
  [{ station: "s", from: 1 }, "run_station"],
  [{ text: "123" }, "run_time"],
  [{ text: "123", bay: "1" }, "run_bay"],
  [{ certificate: "01:AB" }, "run_certificate_serial"],
];

it("every search is led by an index, and sorts no more than one certificate's runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "plan-"));
  try {
    await (await openStore(store, join(folder, "r.db"))).close();
    const database = openDatabase(join(folder, "r.db"));
    for (const [query, index] of QUERIES) {
      const { sql, values } = historySelect("run.run_id", query, 50);
      const rows = await database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
      const plan = rows.map(({ detail }) => detail).join("; ");
      expect(plan, JSON.stringify(query)).toContain(`INDEX ${index}`);
      if (query.certificate === undefined) expect(plan, JSON.stringify(query)).not.toContain("TEMP B-TREE");
    }
    database.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("a page is bounded by its marks and not by the time that is searched, however long that is", async () => {
  const database = openDatabase(":memory:");
  await migrate(database, store.migrations);
  const down = { startedAt: 4, runId: "a" };
  const { sql, values } = historySelect("run.run_id", { from: 1, to: 9, after: "5:a" }, 50, { down });
  const rows = await database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
  expect(rows.map(({ detail }) => detail)).toEqual([
    "SEARCH run USING COVERING INDEX run_time ((started_at,run_id)>(?,?) AND (started_at,run_id)<(?,?))",
  ]);
  database.close();
});

it("of a second that the index of texts names, only its own runs are looked at", async () => {
  const database = openDatabase(":memory:");
  await migrate(database, store.migrations);
  const query = { text: "123", from: 1, to: 2, after: "5:a", bay: "1" };
  const { sql, values } = historySelect("run.run_id", query, 50, { seconds: [1, 2] });
  const rows = await database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
  expect(rows.map(({ detail }) => detail)).toEqual([
    expect.stringContaining("SCAN second"),
    "SEARCH run USING INDEX run_time (started_at>? AND started_at<?)",
    expect.stringContaining("ORDER BY"),
  ]);
  database.close();
});

it("the bench row measures a store of its own", async () => {
  const [row] = await historyRows(2_000);
  expect(row).toMatchObject({ unit: "ms", bar: "< 50 ms" });
  expect(row?.name).toContain("2,000 units");
});
