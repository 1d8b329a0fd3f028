/** Free texts in a long history: what the index finds is what a plain LIKE finds, whatever was written, changed and deleted before. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { migrate, type OpenDatabase, openDatabase, type Value } from "../../../src/db/database.js";
import { markOf } from "../../../src/records/history-query.js";
import { searchRuns } from "../../../src/records/history-search.js";
import { store } from "../../../src/records/store.js";
import { FILL_TEXTS, indexTexts, SEARCHED } from "../../../src/records/text-index.js";
import type { HistoryQuery } from "../../../src/records/types.js";

let database: OpenDatabase;
beforeEach(async () => {
  database = openDatabase(":memory:");
  await migrate(database, store.migrations);
});
afterEach(() => database.close());

interface Run {
  readonly started_at: number;
  readonly bay: string;
  readonly vin: string | null;
  readonly ecu_id: string | null;
  readonly serial: string | null;
  readonly code: string | null;
  readonly profile: string;
  readonly run_id: string;
}

const COLUMNS = ["started_at", "bay", ...SEARCHED] as const;

async function put(run: Run): Promise<void> {
  const values = COLUMNS.map((column) => run[column as keyof Run]);
  await database.run(
    `INSERT INTO run (${COLUMNS.join(", ")}, header, outcome) VALUES (${COLUMNS.map(() => "?").join(", ")}, '{}', 'PASS')`,
    ...values,
  );
}

const found = async (query: HistoryQuery, lookedAt = 0, limit = 1_000) =>
  searchRuns<Run>(database, COLUMNS.map((column) => `run.${column}`).join(", "), query, { limit, lookedAt });

/** As the search was before it had an index. */
async function model({ text = "", bay, from, to }: HistoryQuery): Promise<Run[]> {
  const pattern = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
  const either = SEARCHED.map((column) => `${column} LIKE ? ESCAPE '\\'`).join(" OR ");
  const values: Value[] = [...SEARCHED.map(() => pattern), bay ?? null, bay ?? null, from ?? 0, to ?? 1e15];
  return database.all<Run>(
    `SELECT ${COLUMNS.join(", ")} FROM run WHERE (${either}) AND (? IS NULL OR bay = ?) AND started_at >= ? AND started_at < ?
     ORDER BY started_at DESC, run_id DESC`,
    ...values,
  );
}

/** Few letters, so that texts are met; among them what LIKE, JSON, lines and full-text queries know. */
const LETTERS = [..."AABb01%_\\\"'*^ \n가é", "𝒳"];
const text = (least: number, most: number) =>
  fc.array(fc.constantFrom(...LETTERS), { minLength: least, maxLength: most }).map((letters) => letters.join(""));
const maybe = fc.option(text(0, 8));
const run = fc.record({
  // Several runs a second, a clock that goes back.
  started_at: fc.integer({ min: 0, max: 9_999 }),
  bay: fc.constantFrom("1", "2"),
  vin: maybe,
  ecu_id: maybe,
  serial: maybe,
  code: maybe,
  profile: text(1, 3),
});
const query = fc.record(
  {
    text: text(0, 5),
    bay: fc.constantFrom("1", "2", "3"),
    from: fc.integer({ min: 0, max: 5_000 }),
    to: fc.integer({ min: 2_000, max: 12_000 }),
  },
  { requiredKeys: ["text"] },
);

it("finds what LIKE finds, in its order, wherever the runs that are looked at one by one end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(run, { maxLength: 40 }),
      fc.array(query, { minLength: 5, maxLength: 5 }),
      fc.nat(20),
      async (runs, queries, lookedAt) => {
        await database.exec("DELETE FROM run; INSERT INTO run_text (run_text) VALUES ('delete-all')");
        for (const [i, one] of runs.entries()) {
          await put({ ...one, run_id: `r${i}` });
          await indexTexts(database, one.started_at);
        }
        for (const one of queries) expect(await found(one, lookedAt), JSON.stringify(one)).toEqual(await model(one));
      },
    ),
    { numRuns: 60 },
  );
});

it("is the same whether it was filled at once or run by run, with runs that changed and runs that are gone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 30 }), fc.nat(), async (runs, seed) => {
      await database.exec("DELETE FROM run; INSERT INTO run_text (run_text) VALUES ('delete-all')");
      for (const [i, one] of runs.entries()) {
        await put({ ...one, run_id: `r${i}` });
        await indexTexts(database, one.started_at);
      }
      for (const [i, { started_at }] of runs.entries()) {
        if ((seed + i) % 3 === 0) await database.run("DELETE FROM run WHERE run_id = ?", `r${i}`);
        if ((seed + i) % 3 === 1) await database.run("UPDATE run SET serial = 'Other' WHERE run_id = ?", `r${i}`);
        await indexTexts(database, started_at);
      }
      const pieces = () => database.all("SELECT term, doc FROM run_text_piece ORDER BY term");
      await database.exec("INSERT INTO run_text (run_text) VALUES ('optimize')");
      const kept = await pieces();
      await database.exec(`INSERT INTO run_text (run_text) VALUES ('delete-all'); ${FILL_TEXTS}`);
      await database.exec("INSERT INTO run_text (run_text) VALUES ('optimize')");
      expect(kept).toEqual(await pieces());
    }),
    { numRuns: 50 },
  );
});

it("finds nothing by a text with U+0000, which no run has", async () => {
  await put({ started_at: 1, bay: "1", vin: "AB", ecu_id: null, serial: null, code: null, profile: "p", run_id: "r1" });
  expect(await found({ text: "A\0B" })).toEqual([]);
  expect(await found({ text: "\0" })).toEqual([]);
});

it("goes on page by page through thousands of runs of one text, each once", async () => {
  const rows = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
    INSERT INTO run (run_id, bay, profile, vin, header, started_at)
    SELECT printf('r%05d', i * 7919 % 3000), '1', 'p', iif(i % 3, 'OTHER', 'WANTED'), '{}', i * 700 FROM n`;
  await database.exec(`${rows}; ${FILL_TEXTS}`);
  const all = await model({ text: "wanted" });
  expect(all).toHaveLength(1_000);
  const paged: Run[] = [];
  for (let last: Run | undefined; ; last = paged.at(-1)) {
    const after = last && { after: markOf({ startedAt: last.started_at, runId: last.run_id }) };
    const page = await found({ text: "wanted", ...after }, 10, 70);
    paged.push(...page);
    if (page.length < 70) break;
  }
  expect(paged).toEqual(all);
});
