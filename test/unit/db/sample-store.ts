import type { Database } from "../../../src/db/database.js";

export const store = {
  migrations: ["CREATE TABLE item (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT"],
  operations: {
    put(db: Database, item: { name: string; value: number }): number {
      db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      return db.get<{ n: number }>("SELECT count(*) AS n FROM item")?.n ?? 0;
    },
    putThenThrow(db: Database, item: { name: string; value: number }): never {
      db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      throw new Error("thought better of it");
    },
    names(db: Database, _: null): string[] {
      return db.all<{ name: string }>("SELECT name FROM item ORDER BY name").map((row) => row.name);
    },
  },
};
