/** Stores that former versions of the program wrote: test/vectors/stores has one of each schema version, as SQL. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { verifyFile } from "../../../src/cli/chains.js";
import { type Database, openDatabase, openReader, type Row } from "../../../src/db/database.js";
import { inlineStores, type StoreDefinition, type StoreHost, type StoreSource } from "../../../src/db/store.js";
import { searchRuns } from "../../../src/records/history-search.js";
import { openRecords } from "../../../src/records/journal.js";
import { recordsSource } from "../../../src/records/store.js";
import { kmsStore } from "../../../src/servers/kms/store/store.js";
import { vpkiStore } from "../../../src/servers/vpki/store/store.js";
import { systemClock } from "../../../src/shared/clock.js";
import { packageRoot } from "../../../src/shared/paths.js";

const VECTORS = join(packageRoot(), "test", "vectors", "stores");

interface Kind {
  readonly name: string;
  readonly source: StoreSource<StoreDefinition>;
  /** What the program does with such a store. */
  readonly use: (stores: StoreHost, file: string) => Promise<void>;
}

const KINDS: readonly Kind[] = [
  {
    name: "records",
    source: recordsSource,
    async use(stores, file) {
      const records = await openRecords({ stores, file, clock: systemClock });
      const interrupted = await records.unfinished();
      expect(interrupted.map(({ profile }) => profile.name)).toEqual(["evcc"]);
      const { runs } = await records.history.list();
      expect(new Set(runs.map(({ outcome }) => outcome))).toEqual(new Set(["PASS", undefined]));
      const passed = runs.find(({ outcome }) => outcome === "PASS");
      expect((await records.history.show(passed?.runId ?? ""))?.record).toMatchObject({ outcome: "PASS" });
      await reading(file, async (_, database) => {
        for (const { runId } of runs) {
          const query = { text: runId.slice(3, 20) };
          const found = await searchRuns(database, "run.run_id", query, { limit: 10, lookedAt: 0 });
          expect(found).toEqual([{ run_id: runId }]);
        }
      });
    },
  },
  {
    name: "vpki",
    source: vpkiStore,
    async use(stores, file) {
      const [first] = await reading(file, (all) => all("SELECT type, name_key, serial FROM certificates"));
      const { type, name_key: nameKey, serial } = first as { type: string; name_key: string; serial: string };
      const store = await stores.open(vpkiStore, file);
      const listed = await store.call("listCertificates", { type, nameKey });
      expect(listed.map((certificate) => certificate.serial)).toContain(serial);
    },
  },
  {
    name: "kms",
    source: kmsStore,
    async use(stores, file) {
      const store = await stores.open(kmsStore, file);
      const all = { phase: "Prod", prefix: "", after: "", limit: 10 };
      const [ecu] = await store.call("ledgerEcus", all);
      expect(ecu?.sets).toBe(3);
      const { sets } = await store.call("ledger", { phase: "Prod", uid: ecu?.uid ?? "", limit: 10 });
      expect(sets.map(({ state, counter }) => [state, counter])).toEqual(Array(3).fill(["confirmed", 1]));
    },
  },
];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "former-"));
  folders.push(folder);
  return join(folder, "store.sqlite");
}

async function former(name: string, version: number): Promise<string> {
  const file = tempFile();
  const database = openDatabase(file);
  await database.exec(readFileSync(join(VECTORS, `${name}-${version}.sql`), "utf8"));
  database.close();
  return file;
}

/** @param file is closed again at once, so that nothing waits for it */
function reading<T>(
  file: string,
  read: (all: (sql: string) => Promise<Row[]>, database: Database) => Promise<T>,
): Promise<T> {
  const database = openReader(file);
  return read((sql) => database.all(sql), database).finally(() => database.close());
}

/** Tables and indices as they are kept, and the version. */
const schemaOf = (file: string) =>
  reading(file, async (all) => [
    ...(await all("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")),
    ...(await all("PRAGMA user_version")),
  ]);

async function opened(source: StoreSource<StoreDefinition>, file: string): Promise<string> {
  const stores = inlineStores();
  await stores.open(source, file);
  await stores.close();
  return file;
}

/** Rows of every table but the audit log, whose form changed, by table. */
const contentOf = (file: string) =>
  reading(file, async (all) => {
    const tables = await all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%audit%'");
    const content = new Map<string, Row[]>();
    for (const { name } of tables) content.set(String(name), await all(`SELECT * FROM ${name}`));
    return content;
  });

describe.each(KINDS)("a store of the $name", ({ name, source, use }) => {
  const { migrations } = source.definition;
  const versions = migrations.slice(1).map((_, i) => i + 1);

  it("stands here as every former version had it", () => {
    const there = readdirSync(VECTORS).filter((file) => file.startsWith(`${name}-`));
    expect(there.sort()).toEqual(versions.map((version) => `${name}-${version}.sql`).sort());
  });

  it.each(versions)("of version %i becomes what a new one is, keeps all that it held, and works", async (version) => {
    const file = await former(name, version);
    const before = await contentOf(file);
    await opened(source, file);
    expect(await schemaOf(file)).toEqual(await schemaOf(await opened(source, tempFile())));

    const after = await contentOf(file);
    for (const [table, rows] of before) {
      const columns = Object.keys(rows[0] ?? {}).filter((column) => column in (after.get(table)?.[0] ?? {}));
      const picked = (all: readonly Row[] = []) => all.map((row) => columns.map((column) => [column, row[column]]));
      expect([table, picked(after.get(table))]).toEqual([table, picked(rows)]);
    }
    expect(await verifyFile({ store: name, since: 0, heads: [] }, file, true)).toMatchObject({ state: "ok" });
    const stores = inlineStores();
    await use(stores, file);
    await stores.close();
  });
});

it("a store that a newer program wrote is left alone", async () => {
  const file = await opened(recordsSource, tempFile());
  const database = openDatabase(file);
  await database.exec("PRAGMA user_version = 99");
  database.close();
  await expect(opened(recordsSource, file)).rejects.toThrow(/schema 99, this program knows \d+: use the newer program/);
});
