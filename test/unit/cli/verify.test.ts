import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { migrate, openDatabase } from "../../../src/db/database.js";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { store } from "../../../src/records/store.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { RunHeader, RunRecord } from "../../../src/station/ports.js";
import { rowsIn } from "../audit/helpers.js";
import { ran } from "./io-helper.js";

let sample = "";
let folder = "";
const file = () => join(folder, "records.sqlite");

const header = (runId: string): RunHeader => ({
  runId,
  bay: "1",
  link: "sim:",
  profile: { name: "evcc", version: 1, hash: "ab".repeat(32) },
  inputs: { vin: "KMHEV41DBPA000001" },
  expectedEcuId: undefined,
  startedAt: 1_000,
  programVersion: "0.0.0",
  plan: ["identify"],
});
const record = (runId: string): RunRecord => ({
  schema: 1,
  runId,
  header: header(runId),
  outcome: "PASS",
  identity: undefined,
  steps: [],
  timers: {},
  startedAt: 1_000,
  finishedAt: 6_000,
  resumed: 0,
  owed: 0,
});

async function withRecords(path: string, work: (records: Records, stores: StoreHost) => Promise<void>): Promise<void> {
  const stores = inlineStores();
  await work(await openRecords({ stores, file: path, clock: new VirtualClock() }), stores);
  await stores.close();
  // The statements of a closed store live until they are collected, and the connection with them: its file alone would not be all.
  const database = openDatabase(path);
  await database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

/** The chain's first row, and two of each of three runs. */
const ROWS = 7;
beforeAll(async () => {
  sample = await mkdtemp(join(tmpdir(), "verify-"));
  await withRecords(join(sample, "records.sqlite"), async ({ runs }) => {
    for (let n = 1; n <= 3; n++) {
      await runs.begin(header(`run-${n}`));
      await runs.finish(record(`run-${n}`));
    }
  });
});
afterAll(() => rm(sample, { recursive: true }));
beforeEach(fresh);
afterAll(async () => {
  for (const made of folders) await rm(made, { recursive: true });
});

const folders: string[] = [];
/** A folder of its own with the sample's store and head. */
async function fresh(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "verify-"));
  folders.push(folder);
  for (const name of ["records.sqlite", "records.sqlite.head"]) await copyFile(join(sample, name), join(folder, name));
}

async function tamper(...sql: string[]): Promise<void> {
  const database = openDatabase(file());
  await database.exec("PRAGMA synchronous = OFF");
  for (const one of sql) await database.exec(one);
  database.close();
}

interface Report {
  ok: boolean;
  chains: { store: string; state: string; rows: number; head: { seq: number; hash: string }; bad: null | Bad }[];
}
interface Bad {
  row: number;
  fault: string;
  what: string;
}

async function verify(...argv: string[]): Promise<{ code: number; report: Report }> {
  const { code, out, err } = await ran(["records", "verify", "--json", "--data", folder, ...argv]);
  expect(err).toBe("");
  return { code, report: JSON.parse(out) as Report };
}

async function bad(...argv: string[]): Promise<Bad | null | undefined> {
  const { code, report } = await verify(...argv);
  expect([code, report.ok]).toEqual(report.chains.some((chain) => chain.bad !== null) ? [1, false] : [0, true]);
  return report.chains[0]?.bad;
}

describe("records verify", () => {
  it("prints a line a chain with rows and head, exit 0", async () => {
    const { code, out, err } = await ran(["records", "verify", "--data", folder]);
    expect(out).toMatch(
      /^OK {6}records\.sqlite {2}7 rows, head [0-9a-f]{64}\nOK {6}records\.sqlite {2}\d+ records, 0 signed\n$/,
    );
    expect([code, err]).toEqual([0, ""]);
  });

  it("prints the first bad row, exit 1", async () => {
    await tamper("UPDATE audit SET outcome = 'FAIL' WHERE seq = 5", "UPDATE audit SET outcome = 'FAIL' WHERE seq = 6");
    const { code, out } = await ran(["records", "verify", "--data", folder]);
    expect(out).toMatch(/^BROKEN {2}records\.sqlite {2}row 5 was changed: .* \(4 rows hold, head [0-9a-f]{64}\)\n$/);
    expect(code).toBe(1);
  });

  it("changes nothing in the folder", async () => {
    const before = await readFile(file());
    await verify();
    expect((await readFile(file())).equals(before)).toBe(true);
  });

  it("reads the rows of a program that is running, and does not disturb it", async () => {
    await withRecords(file(), async ({ runs }) => {
      await runs.begin(header("run-4"));
      expect((await verify()).report.chains[0]).toMatchObject({ state: "ok", rows: ROWS + 1 });
      await runs.finish(record("run-4"));
      expect((await verify()).report.chains[0]).toMatchObject({ state: "ok", rows: ROWS + 2 });
    });
  });
});

describe("a store that was tampered with", () => {
  const columns = ["at", "actor", "action", "subject", "outcome", "details", "hash"] as const;
  it.each(columns)("shows every row whose %s was changed", async (column) => {
    const value = column === "at" ? "at + 1" : `'x' || ${column}`;
    for (let row = 1; row <= ROWS; row++) {
      await fresh();
      await tamper(`UPDATE audit SET ${column} = ${value} WHERE seq = ${row}`);
      expect(await bad()).toMatchObject({ row, fault: "changed" });
    }
  });

  it("shows every row that was deleted, with all that follow or alone", async () => {
    for (let row = 1; row <= ROWS; row++) {
      for (const which of ["=", ">="]) {
        await fresh();
        await tamper(`DELETE FROM audit WHERE seq ${which} ${row}`);
        const fault = row === ROWS || which === ">=" ? "truncated" : "missing";
        expect(await bad()).toMatchObject({ row, fault });
      }
    }
  });

  it("shows two rows that changed places", async () => {
    for (let row = 1; row < ROWS; row++) {
      await fresh();
      await tamper(
        `UPDATE audit SET seq = -1 WHERE seq = ${row}`,
        `UPDATE audit SET seq = ${row} WHERE seq = ${ROWS}`,
        `UPDATE audit SET seq = ${ROWS} WHERE seq = -1`,
      );
      expect(await bad()).toMatchObject({ row, fault: "reordered" });
    }
  });

  it("shows a row that was appended, and a number that was changed", async () => {
    const columnsOf = "at, actor, action, subject, outcome, details, hash";
    await tamper(`INSERT INTO audit SELECT ${ROWS + 1}, ${columnsOf} FROM audit WHERE seq = ${ROWS}`);
    expect(await bad()).toMatchObject({ row: ROWS + 1, fault: "forged" });
    await fresh();
    await tamper("UPDATE audit SET seq = 99 WHERE seq = 4");
    expect(await bad()).toMatchObject({ row: 4, fault: "reordered", what: "stands as row 99" });
  });

  it.each([
    ["its head was deleted", "DELETE FROM audit_head", { row: ROWS + 1, fault: "head" }],
    ["its head was changed", "UPDATE audit_head SET hash = '00'", { row: ROWS, fault: "changed" }],
    ["its rows were all deleted", "DELETE FROM audit", { row: 1, fault: "truncated" }],
    ["its log was taken out", "DROP TABLE audit", { row: 1, fault: "unreadable" }],
    ["its log and head were taken out", "DROP TABLE audit; DROP TABLE audit_head", { row: 1, fault: "unreadable" }],
  ])("shows that %s", async (_, sql, expected) => {
    await tamper(sql);
    expect(await bad()).toMatchObject(expected);
  });

  it("shows pages that are damaged", async () => {
    const bytes = await readFile(file());
    bytes.fill(0x5a, 4096);
    await writeFile(file(), bytes);
    expect(await bad()).toMatchObject({ row: 1, fault: "unreadable" });
  });
});

describe("the head beside the store", () => {
  const cut = (from: number) => [
    `DELETE FROM audit WHERE seq >= ${from}`,
    `UPDATE audit_head SET seq = ${from - 1}, hash = (SELECT hash FROM audit WHERE seq = ${from - 1})`,
  ];

  it("shows rows that were cut off with the store's own head put back", async () => {
    await tamper(...cut(4));
    expect(await bad()).toMatchObject({ row: 4, fault: "truncated" });
  });

  it("still shows it when programs have gone on in that store", async () => {
    await tamper(...cut(4));
    await withRecords(file(), async ({ runs }) => {
      for (let n = 0; n < 10; n++) await runs.begin(header(`later-${n}`));
    });
    expect(await bad()).toMatchObject({ row: ROWS, fault: "changed" });
  });

  it("shows an older copy of the store that was put back", async () => {
    await withRecords(file(), ({ runs }) => runs.begin(header("later")));
    const newer = await readFile(`${file()}.head`);
    await fresh();
    await writeFile(`${file()}.head`, newer);
    expect(await bad()).toMatchObject({ row: ROWS + 1, fault: "truncated" });
  });

  it("may be older than the store: a process was killed between the two", async () => {
    const old = await readFile(`${file()}.head`);
    await withRecords(file(), ({ runs }) => runs.begin(header("later")));
    await writeFile(`${file()}.head`, old);
    expect(await bad()).toBeNull();
  });

  it("must be there and whole, and is made again by the next program where there is none", async () => {
    await writeFile(`${file()}.head`, "no head\n");
    expect(await bad()).toMatchObject({ fault: "head", what: expect.stringContaining("is damaged") });
    await rm(`${file()}.head`);
    expect(await bad()).toMatchObject({ fault: "head", what: expect.stringContaining("is not there") });
    await withRecords(file(), async () => undefined);
    expect(await bad()).toBeNull();
    expect((await stat(`${file()}.head`)).mode & 0o777).toBe(0o600);
  });

  it("shows that a store is gone", async () => {
    await mkdir(join(folder, "servers", "kms"), { recursive: true });
    await copyFile(`${file()}.head`, join(folder, "servers", "kms", "kms.sqlite.head"));
    const { code, report } = await verify();
    expect(code).toBe(1);
    expect(report.chains[1]).toMatchObject({
      store: "servers/kms/kms.sqlite",
      state: "broken",
      bad: { fault: "missing" },
    });
  });
});

describe("--heads", () => {
  it("shows a chain that was made anew with all that lies beside it", async () => {
    const kept = join(folder, "kept.json");
    await writeFile(kept, (await ran(["records", "verify", "--json", "--data", folder])).out);
    expect(await bad("--heads", kept)).toBeNull();
    for (const name of await readdir(folder)) if (name !== "kept.json") await rm(join(folder, name));
    await withRecords(file(), async ({ runs }) => {
      for (let n = 0; n < ROWS; n++) await runs.begin(header(`made-up-${n}`));
    });
    expect(await bad()).toBeNull();
    expect(await bad("--heads", kept)).toMatchObject({ row: ROWS, fault: "changed" });
  });

  it("shows that a chain is gone", async () => {
    const kept = join(folder, "kept.json");
    await writeFile(kept, (await ran(["records", "verify", "--json", "--data", folder])).out);
    await rm(file());
    await rm(`${file()}.head`);
    expect(await bad("--heads", kept)).toMatchObject({ fault: "missing" });
  });
});

describe("a store from before the audit log", () => {
  const old = store.migrations.slice(0, 1);
  it("has no chain yet, which is no fault, and has one when a program has opened it", async () => {
    for (const name of await readdir(folder)) await rm(join(folder, name));
    const database = openDatabase(file());
    await migrate(database, old);
    database.close();
    const before = await ran(["records", "verify", "--data", folder]);
    expect(before).toMatchObject({ code: 0, out: expect.stringMatching(/^NONE {4}records\.sqlite {2}from before/) });
    await withRecords(file(), async () => undefined);
    expect((await verify()).report.chains).toMatchObject([{ state: "ok", rows: 1 }]);
  });

  it("cannot be feigned beside a head that was kept", async () => {
    const newer = await readFile(`${file()}.head`);
    for (const name of await readdir(folder)) await rm(join(folder, name));
    const database = openDatabase(file());
    await migrate(database, old);
    database.close();
    await writeFile(`${file()}.head`, newer);
    expect(await bad()).toMatchObject({ row: 1, fault: "unreadable" });
  });
});

describe("--file", () => {
  it("checks one store wherever it is, with or without its head beside it", async () => {
    const copy = join(folder, "copy.sqlite");
    await copyFile(file(), copy);
    const { code, out } = await ran(["records", "verify", "--file", copy]);
    expect([code, out.slice(0, 6)]).toEqual([0, "OK    "]);
    const database = openDatabase(copy);
    await database.exec("UPDATE audit SET details = '{}' WHERE seq = 2");
    expect(await rowsIn(database)).toHaveLength(ROWS);
    database.close();
    expect((await ran(["records", "verify", "--file", copy])).code).toBe(1);
  });
});

describe("bad input is one line, exit 2", () => {
  it.each([
    ["a folder without a chain", () => ["--data", join(folder, "empty")], /there is no audit chain in .*empty/],
    ["a file that is not there", () => ["--file", join(folder, "no.sqlite")], /no\.sqlite: there is no such file/],
    [
      "a file that is no store",
      () => ["--file", join(folder, "records.sqlite.head")],
      /is no store with an audit chain/,
    ],
    ["heads that are not there", () => ["--data", folder, "--heads", "/nosuch.json"], /nosuch\.json: there is no such/],
    ["heads that are none", () => ["--data", folder, "--heads", `${file()}.head`], /is not what records verify --json/],
  ])("%s", async (_, argv, text) => {
    const { code, out, err } = await ran(["records", "verify", ...argv()]);
    expect(err).toMatch(/^ecustation: [^\n]+\n$/);
    expect(err).toMatch(text);
    expect([code, out]).toEqual([2, ""]);
  });
});
