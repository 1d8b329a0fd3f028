import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate, openDatabase } from "../../../src/db/database.js";
import { StoreEngine } from "../../../src/db/engine.js";
import { inlineStores } from "../../../src/db/store.js";
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

  it("gives a batch one commit in which a failing call takes back only itself", () => {
    const engine = new StoreEngine();
    const id = engine.open(store, join(folder, "a.db"));
    const seen: string[] = [];
    const call = (name: string, item: string) => ({ id: 0, store: id, name, args: { name: item, value: 1 } });
    engine.runBatch(
      [call("put", "a"), call("putThenThrow", "b"), call("put", "a"), call("put", "c")],
      (done, outcome) => seen.push(`${done.name} ${"error" in outcome ? "failed" : outcome.value}`),
    );
    expect(seen).toEqual(["put 1", "putThenThrow failed", "put failed", "put 2"]);
    engine.close();
  });

  it("refuses a file that a newer program wrote", () => {
    const database = openDatabase(join(folder, "a.db"));
    migrate(database, ["CREATE TABLE a (x)", "CREATE TABLE b (x)"]);
    expect(() => migrate(database, ["CREATE TABLE a (x)"])).toThrow(/newer program/);
    database.close();
  });
});
