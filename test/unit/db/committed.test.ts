import { expect, it } from "vitest";
import type { Connection, Database } from "../../../src/db/database.js";
import { openStore } from "../../../src/db/engine.js";
import { store as sample } from "./sample-store.js";

const counted = (seen: number[]) => ({
  migrations: [...sample.migrations, (db: Connection) => db.exec("INSERT INTO item VALUES ('migrated', 0)")],
  operations: sample.operations,
  committed: async (db: Database) => {
    seen.push((await db.get<{ n: number }>("SELECT count(*) AS n FROM item"))?.n ?? -1);
  },
});
const item = (name: string) => ({ name, value: 1 });

it("a store is told when it was opened and behind each commit, once a batch", async () => {
  const seen: number[] = [];
  const store = await openStore(counted(seen), ":memory:");
  await store.call("put", item("a"));
  await Promise.all([store.call("put", item("b")), store.call("put", item("c"))]);
  expect(seen).toEqual([1, 2, 4]);
  await store.close();
});

it("what is thrown behind a commit reaches no caller: the commit holds", async () => {
  let armed = false;
  const committed = async () => {
    if (armed) throw new Error("no space left");
  };
  const store = await openStore({ ...sample, committed }, ":memory:");
  armed = true;
  expect(await store.call("put", item("a"))).toBe(1);
  expect(await store.call("put", item("b"))).toBe(2);
  await store.close();
});

it("what is thrown when it is opened is told to the opener", async () => {
  const committed = () => Promise.reject(new Error("read-only folder"));
  await expect(openStore({ ...sample, committed }, ":memory:")).rejects.toThrow("read-only folder");
});
