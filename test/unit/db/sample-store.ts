import type { Database } from "../../../src/db/database.js";

export const store = {
  migrations: ["CREATE TABLE item (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT"],
  operations: {
    async put(db: Database, item: { name: string; value: number }): Promise<number> {
      await db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      return (await db.get<{ n: number }>("SELECT count(*) AS n FROM item"))?.n ?? 0;
    },
    async putThenThrow(db: Database, item: { name: string; value: number }): Promise<never> {
      await db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      throw new Error("thought better of it");
    },
    async putThenDie(db: Database, item: { name: string; value: number }): Promise<void> {
      await db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      process.exit(1);
    },
    async names(db: Database, _: null): Promise<string[]> {
      const rows = await db.all<{ name: string }>("SELECT name FROM item ORDER BY name");
      return rows.map((row) => row.name);
    },
    /** Reads, waits until the first number of `shared` is not 0, and reads again. */
    async namesTwice(db: Database, shared: SharedArrayBuffer): Promise<unknown[]> {
      const names = () => db.all("SELECT name FROM item ORDER BY name");
      const first = await names();
      const state = new Int32Array(shared);
      Atomics.add(state, 1, 1);
      Atomics.notify(state, 1);
      Atomics.wait(state, 0, 0);
      return [first, await names()];
    },
  },
  reads: ["names", "namesTwice"],
};
