import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Database, migrate, openDatabase } from "../../../src/db/database.js";
import { openStore } from "../../../src/db/engine.js";
import { inlineStores } from "../../../src/db/store.js";
import { describe as describeError } from "../../../src/shared/errors.js";
import { store } from "./sample-store.js";

const source = { definition: store, module: new URL("./sample-store.js", import.meta.url) };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "store-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a store", () => {
  it("keeps what an operation wrote after it is closed and opened again", async () => {
    const first = inlineStores();
    await (await first.open(source, join(folder, "a.db"))).call("put", { name: "one", value: 1 });
    await first.close();
    const second = inlineStores();
    expect(await (await second.open(source, join(folder, "a.db"))).call("names", null)).toEqual(["one"]);
    await second.close();
  });

  it("leaves no trace of an operation that threw, and says which code", async () => {
    const host = inlineStores();
    const items = await host.open(source, join(folder, "a.db"));
    await expect(items.call("putThenThrow", { name: "one", value: 1 })).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(await items.call("names", null)).toEqual([]);
    await host.close();
  });

  it("that is damaged is named by its file, when it is opened and when it is asked", async () => {
    const file = join(folder, "a.db");
    writeFileSync(file, "this is no database, and it is longer than the header of one would be: ".repeat(20));
    const named = { code: "STORE_FAILED", details: { what: `${file}: file is not a database` } };
    const host = inlineStores();
    await expect(host.open(source, file)).rejects.toMatchObject(named);
    rmSync(file);
    const items = await host.open(source, file);
    await expect(items.call("putThenThrow", { name: "one", value: 1 })).rejects.toMatchObject({
      details: { what: `${file}: thought better of it` },
    });
    await host.close();
  });

  it("gives a batch one commit in which a failing call takes back only itself", async () => {
    let commits = 0;
    const committed = async () => void commits++;
    const items = await openStore({ ...store, committed }, join(folder, "a.db"));
    const call = (name: string, item: string) =>
      items.call(name, { name: item, value: 1 }).catch((error: unknown) => describeError(error));
    const calls = [call("put", "a"), call("putThenThrow", "b"), call("put", "a"), call("put", "c")];
    expect(await Promise.all(calls)).toEqual([
      1,
      expect.stringContaining("a.db: thought better of it"),
      expect.stringContaining("UNIQUE"),
      2,
    ]);
    // The first when it was opened.
    expect(commits).toBe(2);
    await items.close();
  });

  it("lets no call into the transaction of another, however long its operation waits", async () => {
    const order: string[] = [];
    const slow = async (db: Database, name: string) => {
      order.push(`${name} begins`);
      for (let turn = 0; turn < 3; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        await db.run("INSERT INTO item (name, value) VALUES (?, 0)", `${name} ${turn}`);
      }
      order.push(`${name} ends`);
      if (name === "b") throw new Error("b is taken back");
    };
    const items = await openStore({ ...store, operations: { ...store.operations, slow } }, join(folder, "a.db"));
    const first = [items.call("slow", "a"), items.call("slow", "b")];
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.allSettled([...first, items.call("slow", "c"), items.call("slow", "d")]);
    expect(order).toEqual(["a", "b", "c", "d"].flatMap((name) => [`${name} begins`, `${name} ends`]));
    const names = ["a", "c", "d"].flatMap((name) => [0, 1, 2].map((turn) => `${name} ${turn}`));
    expect(await items.call("names", null)).toEqual(names);
    await items.close();
  });

  it("is read while another program writes, as it was before", async () => {
    const items = await openStore(store, join(folder, "a.db"));
    await items.call("put", { name: "a", value: 1 });
    const other = openDatabase(join(folder, "a.db"));
    await other.exec("BEGIN IMMEDIATE; DELETE FROM item");
    expect(await Promise.all([items.call("names", null), items.call("names", null)])).toEqual([["a"], ["a"]]);
    await other.exec("COMMIT");
    other.close();
    expect(await items.call("names", null)).toEqual([]);
    await items.close();
  });

  it("on a full disk says so to all of the batch, keeps nothing of it, and goes on once there is room", async () => {
    const page = async (db: Database, most: number) => void (await db.get(`PRAGMA max_page_count = ${most}`));
    const items = await openStore({ ...store, operations: { ...store.operations, page } }, join(folder, "a.db"));
    await items.call("page", 1);
    const full = { name: "x".repeat(100_000), value: 1 };
    const batch = [items.call("put", { name: "a", value: 1 }), items.call("put", full)];
    for (const outcome of await Promise.allSettled(batch))
      expect(outcome).toMatchObject({
        reason: { details: { what: expect.stringContaining("a.db: database or disk is full") } },
      });
    await items.call("page", 1_000);
    expect(await items.call("names", null)).toEqual([]);
    expect(await items.call("put", full)).toBe(1);
    await items.close();
  });

  it("finishes what was called before it closes, and takes nothing after", async () => {
    const items = await openStore(store, join(folder, "a.db"));
    const calls = ["a", "b"].map((name) => items.call("put", { name, value: 1 }));
    await items.close();
    expect(await Promise.all(calls)).toEqual([1, 2]);
    await expect(items.call("names", null)).rejects.toThrow("closed");
  });

  it("refuses a file that a newer program wrote", async () => {
    const database = openDatabase(join(folder, "a.db"));
    await migrate(database, ["CREATE TABLE a (x)", "CREATE TABLE b (x)"]);
    await expect(migrate(database, ["CREATE TABLE a (x)"])).rejects.toThrow(/newer program/);
    database.close();
  });
});
