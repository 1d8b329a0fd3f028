import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import type { BenchRow } from "../../../src/cli/bench/row.js";
import { benchCommand } from "../../../src/cli/bench.js";
import type { Io } from "../../../src/cli/io.js";

const good: BenchRow = {
  name: "good",
  value: 25_000.4,
  unit: "sets/s",
  limit: 30_000,
  ratio: 0.8333,
  bar: ">= 20000/s",
  ok: true,
};
const bad: BenchRow = { name: "bad", value: 10, unit: "units/h", bar: ">= 20", ok: false };

async function bench(argv: readonly string[], suites: Record<string, () => Promise<BenchRow[]>>) {
  const stdout = new PassThrough();
  const io: Io = { stdin: stdout, stdout, stderr: stdout, env: {}, signal: new AbortController().signal };
  await benchCommand(io, suites)
    .exitOverride()
    .parseAsync([...argv], { from: "user" });
  return { code: io.exitCode ?? 0, out: String(stdout.read() ?? "") };
}

it("prints one line a row", async () => {
  const { code, out } = await bench([], { a: async () => [good], b: async () => [good] });
  expect(out).toBe("ok    good: 25,000 sets/s, 83.3 % of the limit (>= 20000/s)\n".repeat(2));
  expect(code).toBe(0);
});

it("exits with 1 when a row misses its bar", async () => {
  const { code, out } = await bench([], { a: async () => [good, bad] });
  expect(out).toContain("MISS  bad: 10 units/h (>= 20)\n");
  expect(code).toBe(1);
});

it("measures the suites that were asked for alone", async () => {
  const { code, out } = await bench(["a", "--json"], { a: async () => [good], b: async () => [bad] });
  const { machine, ...rest } = JSON.parse(out) as { machine: { cores: number } };
  expect(rest).toEqual({ ok: true, rows: [good], failed: [] });
  expect(machine.cores).toBeGreaterThan(0);
  expect(code).toBe(0);
});

it("goes on behind a row set that cannot be measured, and exits with 3", async () => {
  const broken = async () => {
    throw new Error("no servers");
  };
  const { code, out } = await bench(["--all"], { a: broken, b: async () => [bad] });
  expect(out).toBe("ecustation: bench a: no servers\nMISS  bad: 10 units/h (>= 20)\n");
  expect(code).toBe(3);
});

it("prints the table of the documents", async () => {
  const { out } = await bench(["--markdown"], { a: async () => [good, bad] });
  expect(out.split("\n").slice(2, 4)).toEqual([
    "| good | 25,000 sets/s | 30,000 | 83.3 % | >= 20000/s | ok |",
    "| bad | 10 units/h |  |  | >= 20 | MISS |",
  ]);
});

it("refuses a soak that is neither a time nor a number of units", async () => {
  for (const text of ["0", "1d", "an hour", "1.5h", "-1"])
    await expect(bench(["--soak", text], {}), text).rejects.toThrow("expected a time like 1h, 30m, 90s");
});
