import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.js";
import type { PostgresConfig } from "../../src/db/postgres/config.js";
import { postgresStores } from "../../src/db/postgres/store.js";
import type { StoreHost } from "../../src/db/store.js";
import { Cluster, PASSWORD, requirePostgres } from "./cluster.js";

const store = {
  migrations: ["CREATE TABLE item (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"],
  operations: {
    put: async (db: Database, item: { name: string; value: number }): Promise<number> => {
      await db.run("INSERT INTO item (name, value) VALUES (?, ?)", item.name, item.value);
      return (await db.get<{ n: number }>("SELECT count(*) AS n FROM item"))?.n ?? 0;
    },
    /** Reads, thinks, writes: right only where nobody else does meanwhile. */
    next: async (db: Database, name: string): Promise<number> => {
      const value = ((await db.get<{ value: number }>("SELECT value FROM item WHERE name = ?", name))?.value ?? 0) + 1;
      await new Promise((resolve) => setImmediate(resolve));
      await db.run(
        "INSERT INTO item VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
      );
      return value;
    },
    putThenThrow: async (db: Database, name: string): Promise<never> => {
      await db.run("INSERT INTO item (name, value) VALUES (?, 1)", name);
      throw new Error("thought better of it");
    },
    hang: (db: Database, seconds: number) => db.all("SELECT pg_sleep(?)", seconds),
    backend: async (db: Database, _: null) =>
      (await db.get<{ pid: number }>("SELECT pg_backend_pid() AS pid"))?.pid ?? 0,
    names: async (db: Database, _: null): Promise<string[]> =>
      (await db.all<{ name: string }>("SELECT name FROM item ORDER BY name")).map(({ name }) => name),
    value: (db: Database, name: string) => db.get<{ value: number }>("SELECT value FROM item WHERE name = ?", name),
    writeAsRead: (db: Database, name: string) => db.run("INSERT INTO item (name, value) VALUES (?, 1)", name),
  },
  reads: ["names", "value", "writeAsRead"],
} as const;
/** Forwards to `port`; once armed, the connection that sends `end` is cut off when the server has answered to that. */
async function cuttingProxy(port: number, end: string): Promise<{ port: number; arm(): void; close(): Promise<void> }> {
  let armed = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, "127.0.0.1");
    let cut = false;
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => void [client.destroy(), target.destroy()]);
    }
    client.on("data", (chunk) => {
      if (armed && chunk.includes(end)) [cut, armed] = [true, false];
      target.write(chunk);
    });
    target.on("data", (chunk) => void (cut ? client.destroy() : client.write(chunk)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    arm: () => {
      armed = true;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

const source = { definition: store, module: new URL(import.meta.url) };

describe.runIf(requirePostgres())("a store in PostgreSQL", () => {
  let cluster: Cluster;
  let folder: string;
  const hosts: StoreHost[] = [];
  beforeAll(async () => {
    cluster = await Cluster.start();
    folder = mkdtempSync(join(tmpdir(), "pg-store-"));
  });
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.close()));
    await cluster?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (config: PostgresConfig, definition: typeof store = store) => {
    const host = postgresStores(config);
    hosts.push(host);
    return host.open({ ...source, definition }, join(folder, "sample.sqlite"));
  };
  const code = (expected: string) => ({ code: expected });

  it("keeps what was written, in a schema of its own", async () => {
    const config = await cluster.database();
    const first = await open(config);
    expect(await first.call("put", { name: "one", value: 1 })).toBe(1);
    expect(await (await open(config)).call("names", null)).toEqual(["one"]);
    expect(await cluster.query(config.database, "SELECT value FROM sample.item")).toEqual([{ value: "1" }]);
  });

  it("takes back a call that throws or breaks a rule of the database, and no other of its group", async () => {
    const items = await open(await cluster.database());
    const outcomes = await Promise.allSettled([
      items.call("put", { name: "a", value: 1 }),
      items.call("putThenThrow", "b"),
      items.call("put", { name: "a", value: 2 }),
      items.call("put", { name: "c", value: 3 }),
    ]);
    expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason.code))).toEqual([
      1,
      "STORE_FAILED",
      "STORE_FAILED",
      2,
    ]);
    expect(await items.call("names", null)).toEqual(["a", "c"]);
  });

  it("is made by replicas that start at once, and migrated once", async () => {
    const config = await cluster.database();
    const stores = await Promise.all(Array.from({ length: 6 }, () => open(config)));
    await Promise.all(stores.map((items, i) => items.call("put", { name: `item ${i}`, value: i })));
    expect(await cluster.query(config.database, "SELECT version FROM sample.store_schema")).toEqual([{ version: "1" }]);
    expect(await stores[0]?.call("names", null)).toHaveLength(6);
  });

  it("counts without a gap or a double over several replicas that read and write at once", async () => {
    const config = await cluster.database();
    const stores = await Promise.all([open(config), open(config), open(config)]);
    const calls = Array.from({ length: 300 }, (_, i) => stores[i % 3]?.call("next", "counter"));
    const values = (await Promise.all(calls)).map(Number).sort((a, b) => a - b);
    expect(values).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  });

  it("reads while another replica holds the lock, and only reads then", async () => {
    const config = await cluster.database();
    const items = await open(config);
    await items.call("put", { name: "a", value: 1 });
    const holder = await cluster.connect(config.database);
    await holder.query("BEGIN; SELECT version FROM sample.store_schema FOR UPDATE");
    expect(await items.call("value", "a")).toEqual({ value: 1 });
    await expect(items.call("writeAsRead", "b")).rejects.toMatchObject(code("STORE_UNAVAILABLE"));
    const writing = items.call("put", { name: "b", value: 1 });
    await holder.query("ROLLBACK");
    await holder.end();
    expect(await writing).toBe(2);
  });

  it("gives numbers, and names beyond 2^53 rather than round them", async () => {
    const items = await open(await cluster.database());
    for (const value of [0, -1, Number.MAX_SAFE_INTEGER]) {
      await items.call("put", { name: String(value), value });
      expect(await items.call("value", String(value))).toEqual({ value });
    }
    await items.call("put", { name: "big", value: (2n ** 53n) as unknown as number });
    await expect(items.call("value", "big")).rejects.toMatchObject(code("STORE_FAILED"));
  });

  it("takes every text, also one with U+0000, and finds it again", async () => {
    const items = await open(await cluster.database());
    for (const name of ["a\0b", "ㅎ\u{1f600}", "'; DROP TABLE item; --", "?"]) {
      await items.call("put", { name, value: 1 });
      expect(await items.call("value", name)).toEqual({ value: 1 });
    }
    expect(await items.call("value", "ab")).toBeUndefined();
  });

  it("refuses a schema of a newer program, and stops writing when one comes while it runs", async () => {
    const config = await cluster.database();
    const items = await open(config);
    const newer = { ...store, migrations: [...store.migrations, "CREATE TABLE more (x INTEGER)"] };
    await open(config, newer as unknown as typeof store);
    await expect(items.call("put", { name: "a", value: 1 })).rejects.toThrow(/version 2, this program knows 1/);
    await expect(open(config)).rejects.toThrow(/newer program/);
  });

  it("is not made anew in a schema without tables while what was kept beside it is there", async () => {
    const config = await cluster.database();
    await cluster.query(config.database, "CREATE SCHEMA sample");
    const remains = (beside: string) => `${beside}.head`;
    const used = { ...store, remains } as typeof store;
    await expect(open(config, used)).rejects.toMatchObject({
      code: "STORE_LOST",
      details: { store: "postgresql/sample", head: join(folder, "sample.postgres.head") },
    });
    await (await open(config)).call("put", { name: "a", value: 1 });
    expect(await (await open(config, used)).call("names", null)).toEqual(["a"]);
  });

  it("ends the transaction of a replica that hangs, so that the others go on", async () => {
    const limits = { idleInTransaction: 300, lock: 5_000, statement: 5_000, answer: 6_000 };
    const config = { ...(await cluster.database()), limits };
    const items = await open(config);
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const hang = () => {
      begin();
      return new Promise(() => undefined);
    };
    const stuck = { ...store, operations: { ...store.operations, hang } };
    // Never answers: its host cannot be closed, and is not.
    const hanging = await postgresStores(config).open({ ...source, definition: stuck }, join(folder, "sample.sqlite"));
    void hanging.call("hang", 1);
    await begun;
    expect(await items.call("put", { name: "a", value: 1 })).toBe(1);
  });

  it("ends a statement at its limit and says that the database is not available", async () => {
    const limits = { idleInTransaction: 200, lock: 300, statement: 400, answer: 5_000 };
    const config = { ...(await cluster.database()), limits };
    const items = await open(config);
    await expect(items.call("hang", 30)).rejects.toMatchObject(code("STORE_UNAVAILABLE"));
    const holder = await cluster.connect(config.database);
    await holder.query("BEGIN; SELECT version FROM sample.store_schema FOR UPDATE");
    await expect(items.call("put", { name: "a", value: 1 })).rejects.toMatchObject(code("STORE_UNAVAILABLE"));
    await holder.end();
    expect(await items.call("put", { name: "a", value: 1 })).toBe(1);
  });

  it("does again what a broken connection had not committed, without its caller noticing", async () => {
    const config = await cluster.database();
    const items = await open(config);
    for (let round = 0; round < 3; round++) {
      const pid = await items.call("backend", null);
      await cluster.query("postgres", `SELECT pg_terminate_backend(${pid})`);
      expect(await items.call("put", { name: `item ${round}`, value: 1 })).toBe(round + 1);
    }
  });

  it("says that a call may have been done whose COMMIT had no answer", async () => {
    const config = await cluster.database();
    const proxy = await cuttingProxy(config.port, "COMMIT\0");
    const items = await open({ ...config, port: proxy.port });
    proxy.arm();
    await expect(items.call("put", { name: "a", value: 1 })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      details: { what: expect.stringContaining("may have been done") },
    });
    expect(await items.call("names", null)).toEqual(["a"]);
    await proxy.close();
  });

  it("fails at once while the database is away and works when it is back", async () => {
    const config = await cluster.database();
    const items = await open(config);
    await items.call("put", { name: "before", value: 1 });
    for (const how of ["SIGINT", "SIGQUIT"] as const) {
      await cluster.pause(how);
      const calls = [items.call("put", { name: how, value: 1 }), items.call("names", null), items.call("value", "x")];
      for (const outcome of await Promise.allSettled(calls))
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } });
      await cluster.resume();
      expect(await items.call("value", "before")).toEqual({ value: 1 });
      expect(await items.call("put", { name: `${how} again`, value: 1 })).toBeGreaterThan(1);
    }
  });

  it("never says its password", async () => {
    const config = await cluster.database();
    const wrong = { ...config, user: "nobody" };
    const error: unknown = await open(wrong).catch((cause: unknown) => cause);
    expect(error).toMatchObject(code("STORE_UNAVAILABLE"));
    const said = (value: unknown): string =>
      value instanceof Error ? `${value.stack} ${JSON.stringify(value)} ${said(value.cause)}` : String(value);
    expect(said(error)).toContain("nobody");
    expect(said(error)).not.toContain(PASSWORD);
  });
});
