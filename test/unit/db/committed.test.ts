import { expect, it } from "vitest";
import type { Database, OpenDatabase } from "../../../src/db/database.js";
import { StoreEngine } from "../../../src/db/engine.js";
import { store as sample } from "./sample-store.js";

const counted = (seen: number[]) => ({
  migrations: [...sample.migrations, (db: OpenDatabase) => db.exec("INSERT INTO item VALUES ('migrated', 0)")],
  operations: sample.operations,
  committed: (db: Database) => {
    seen.push(db.get<{ n: number }>("SELECT count(*) AS n FROM item")?.n ?? -1);
  },
});
const put = (store: number, name: string) => ({ id: 0, store, name: "put", args: { name, value: 1 } });

it("a store is told when it was opened and behind each commit, once a batch", () => {
  const seen: number[] = [];
  const engine = new StoreEngine();
  const id = engine.open(counted(seen), ":memory:");
  engine.runNow(put(id, "a"));
  engine.runBatch([put(id, "b"), put(id, "c")], () => undefined);
  expect(seen).toEqual([1, 2, 4]);
  engine.close();
});

it("what is thrown behind a commit reaches no caller: the commit holds", () => {
  let armed = false;
  const engine = new StoreEngine();
  const id = engine.open(
    {
      ...sample,
      committed: () => {
        if (armed) throw new Error("no space left");
      },
    },
    ":memory:",
  );
  armed = true;
  expect(engine.runNow(put(id, "a"))).toBe(1);
  const settled: unknown[] = [];
  engine.runBatch([put(id, "b")], (_, outcome) => settled.push(outcome));
  expect(settled).toEqual([{ value: 2 }]);
  engine.close();
});

it("what is thrown when it is opened is told to the opener", () => {
  const committed = () => {
    throw new Error("read-only folder");
  };
  expect(() => new StoreEngine().open({ ...sample, committed }, ":memory:")).toThrow("read-only folder");
});
