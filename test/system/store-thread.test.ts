import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { workerStores as WorkerStores } from "../../src/db/store.js";
import { root, tempFolder } from "./harness.js";

const { workerStores } = (await import(pathToFileURL(join(root, "dist/src/db/store.js")).href)) as {
  workerStores: typeof WorkerStores;
};
const { store } = await import("../unit/db/sample-store.js");
const folder = tempFolder();
const source = { definition: store, module: compiledSample() };

/** The worker needs JavaScript: the same definition, written out. */
function compiledSample(): URL {
  const { migrations, operations } = store;
  const body = Object.entries(operations).map(([name, run]) => `${name}: ({ ${run.toString()} }).${name}`);
  const text = `export const store = { migrations: ${JSON.stringify(migrations)}, operations: { ${body.join(", ")} } };`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
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
});
