import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { numbered } from "../../../src/db/postgres/connection.js";
import { isStationError } from "../../../src/shared/errors.js";
import { ran } from "./io-helper.js";

const read = (postgres: object, mode = "simulator") =>
  parseConfig(
    JSON.stringify({ schema: 1, mode, servers: { embedded: { database: { postgres } } } }),
    "/plant/s.yaml",
    "/d",
    {},
  );
const fault = (postgres: object, mode?: string): string => {
  try {
    read(postgres, mode);
  } catch (error) {
    if (isStationError(error, "CONFIG_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
};

describe("servers.embedded.database", () => {
  it("has paths that count from the file's folder, and defaults", () => {
    const { servers } = read({ host: "db", passwordFile: "pw", tls: { caFile: "ca.pem" } }, "plant");
    expect(servers).toMatchObject({
      database: {
        postgres: {
          host: "db",
          port: 5432,
          user: "ecustation",
          passwordFile: "/plant/pw",
          tls: { caFile: "/plant/ca.pem" },
        },
      },
    });
  });

  it.each([
    ["a password in the file", { host: "db", password: "x" }, /password/],
    ["no host", { port: 1 }, /host/],
    [
      "a lock that hanging replicas outlast",
      { host: "db", limits: { lock: 1_000 } },
      /limits.lock: is 1000 \(expected above/,
    ],
    ["a statement shorter than its lock", { host: "db", limits: { statement: 5_000 } }, /limits.statement: is 5000/],
    ["an answer shorter than its statement", { host: "db", limits: { answer: 10_000 } }, /limits.answer: is 10000/],
    ["half a client certificate", { host: "db", tls: { caFile: "a", clientKeyFile: "b" } }, /both or none/],
  ])("refuses %s", (_, postgres, text) => {
    expect(fault(postgres)).toMatch(text);
  });

  it("wants TLS of a plant's database on another machine, and on this one none", () => {
    expect(fault({ host: "db.plant" }, "plant")).toMatch(/tls: is missing: db\.plant is another machine/);
    for (const host of ["127.0.0.1", "localhost", "::1", "/run/postgresql"])
      expect(fault({ host }, "plant")).toBe("no error");
  });
});

it("doctor and the servers say that the database is away, in a line, without a stack", async () => {
  const { mkdtempSync, rmSync, writeFileSync } = await import("node:fs");
  const { join } = await import("node:path");
  const { tmpdir } = await import("node:os");
  const folder = mkdtempSync(join(tmpdir(), "database-"));
  const file = join(folder, "station.yaml");
  // A folder without a socket: nobody can listen there.
  const postgres = { host: folder };
  writeFileSync(
    file,
    JSON.stringify({ schema: 1, mode: "simulator", data: folder, servers: { embedded: { database: { postgres } } } }),
  );
  const checked = await ran(["config", "check", file]);
  expect(checked.out).toContain(`stores PostgreSQL ${folder}:5432/ecustation as ecustation`);
  const { err } = await ran(["servers", "--config", file]);
  expect(err).toMatch(/^ecustation: STORE_UNAVAILABLE: [^\n]+\n$/);
  const verified = await ran(["records", "verify", "--config", file]);
  expect(verified.err).toMatch(/^ecustation: STORE_UNAVAILABLE: [^\n]+\n$/);
  const { out } = await ran(["doctor", "--config", file]);
  expect(out).toMatch(/FAILED +database +PostgreSQL/);
  rmSync(folder, { recursive: true, force: true });
});

it("placeholders become numbers, but for those within quotes", () => {
  expect(numbered(`SELECT '?', "a?" FROM t WHERE a = ? AND b IN (?, ?)`)).toBe(
    `SELECT '?', "a?" FROM t WHERE a = $1 AND b IN ($2, $3)`,
  );
});
