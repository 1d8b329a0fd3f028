import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { workerStores as WorkerStores } from "../../src/db/store.js";
import { root, startCommand, tempFolder } from "./harness.js";

const { workerStores } = (await import(pathToFileURL(join(root, "dist/src/db/store.js")).href)) as {
  workerStores: typeof WorkerStores;
};
const { store } = await import("../unit/db/sample-store.js");
const folder = tempFolder();
const source = { definition: store, module: compiledSample() };

/** The worker needs JavaScript: the same definition, written out. */
function compiledSample(): URL {
  const { migrations, operations, reads } = store;
  const body = Object.entries(operations).map(([name, run]) => `${name}: ({ ${run.toString()} }).${name}`);
  const text = `export const store = { migrations: ${JSON.stringify(migrations)}, operations: { ${body.join(", ")} }, reads: ${JSON.stringify(reads)} };`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** What `namesTwice` of the sample waits on, and how many of them are in their wait. */
function gate() {
  const shared = new SharedArrayBuffer(8);
  const state = new Int32Array(shared);
  return {
    shared,
    async entered() {
      while (Atomics.load(state, 1) === 0) await new Promise((resolve) => setImmediate(resolve));
    },
    open() {
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
    },
  };
}

describe("the store thread", () => {
  it("answers many callers at once, each after its own commit, and keeps all of it", async () => {
    const host = workerStores();
    const items = await host.open(source, join(folder, "a.db"));
    const counts = await Promise.all(
      Array.from({ length: 500 }, (_, i) => items.call("put", { name: `item ${i}`, value: i })),
    );
    expect(new Set(counts).size).toBe(500);
    await host.close();
    const again = workerStores();
    const names = await (await again.open(source, join(folder, "a.db"))).call("names", null);
    expect(names).toHaveLength(500);
    await again.close();
  });

  it("rejects the call that threw and no other", async () => {
    const host = workerStores();
    const items = await host.open(source, join(folder, "b.db"));
    const outcomes = await Promise.allSettled([
      items.call("put", { name: "a", value: 1 }),
      items.call("putThenThrow", { name: "b", value: 1 }),
      items.call("put", { name: "c", value: 1 }),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await items.call("names", null)).toEqual(["a", "c"]);
    await host.close();
  });

  it("rejects what is called after it was closed", async () => {
    const host = workerStores();
    const items = await host.open(source, join(folder, "c.db"));
    await host.close();
    await expect(items.call("names", null)).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("that ends by a fault amid a transaction leaves no trace of it, and is followed by another one", async () => {
    const host = workerStores();
    const [first, second] = await Promise.all(["d.db", "e.db"].map((name) => host.open(source, join(folder, name))));
    await first?.call("put", { name: "before", value: 1 });
    await second?.call("put", { name: "of the other", value: 1 });
    const dying = first?.call("putThenDie", { name: "amid", value: 1 });
    const beside = second?.call("names", null);
    await expect(dying).rejects.toMatchObject({ code: "STORE_FAILED" });
    await Promise.allSettled([beside]);
    expect(await first?.call("put", { name: "after", value: 1 })).toBe(2);
    expect(await first?.call("names", null)).toEqual(["after", "before"]);
    expect(await second?.call("names", null)).toEqual(["of the other"]);
    await host.close();
  });

  it("tells each caller of a store that cannot be opened any more, and serves the others", async () => {
    const host = workerStores();
    const place = join(folder, "away");
    mkdirSync(place);
    const first = await host.open(source, join(place, "f.db"));
    const second = await host.open(source, join(folder, "g.db"));
    rmSync(place, { recursive: true });
    writeFileSync(place, "no folder any more");
    await second.call("putThenDie", { name: "x", value: 1 }).catch(() => undefined);
    for (let times = 0; times < 2; times++)
      await expect(first.call("names", null)).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(await second.call("names", null)).toEqual([]);
    await host.close();
  });

  it("commits while a read goes on, which sees nothing of it, and what is called behind a commit sees it", async () => {
    const host = workerStores();
    const items = await host.open(source, join(folder, "h.db"));
    await items.call("put", { name: "a", value: 1 });
    const { shared, entered, open } = gate();
    const reading = items.call("namesTwice", shared);
    await entered();
    expect(await items.call("put", { name: "b", value: 1 })).toBe(2);
    const behind = items.call("names", null);
    open();
    expect(await reading).toEqual([[{ name: "a" }], [{ name: "a" }]]);
    expect(await behind).toEqual(["a", "b"]);
    await host.close();
  });

  it("commits while another process reads, and the other reads while this one writes", async () => {
    const file = join(folder, "i.db");
    const host = workerStores();
    const items = await host.open(source, file);
    await items.call("put", { name: "a", value: 1 });
    const reader = startCommand(process.execPath, ["--input-type=module", "-e", readerOf(file)]);
    await reader.line((line) => line === "reading");
    expect(await items.call("put", { name: "b", value: 1 })).toBe(2);
    reader.child.stdin.end();
    expect((await reader.finished).stdout).toContain('[["a"],["a"],["a","b"]]');
    await host.close();
  });
});

/** A program that reads the names twice in one call, until its input ends between them, and once more in another call. */
function readerOf(file: string): string {
  return `
    import { once } from "node:events";
    import { inlineStores } from ${JSON.stringify(pathToFileURL(join(root, "dist/src/db/store.js")).href)};
    import { store } from ${JSON.stringify(compiledSample().href)};
    const { names } = store.operations;
    const twice = async (db) => {
      const first = await names(db);
      console.log("reading");
      process.stdin.resume();
      await once(process.stdin, "end");
      return [first, await names(db)];
    };
    const definition = { ...store, operations: { names, twice }, reads: ["names", "twice"] };
    const host = inlineStores();
    const items = await host.open({ definition }, ${JSON.stringify(file)});
    console.log(JSON.stringify([...(await items.call("twice", null)), await items.call("names", null)]));
    await host.close();`;
}
