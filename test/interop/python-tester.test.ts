/** ecu-sim, asked by a tester that was written from the interface page alone. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../system/harness.js";
import { python, requirePython, requireTool, works } from "./require.js";

const areas = [
  "s3",
  "lockout",
  "power cuts",
  "lockout over reset",
  "basic",
  "she",
  "certificates",
  "download",
  "wire",
  "persistence",
];

const present = [
  requirePython(),
  requireTool("openssl", () => works("openssl", ["version"]), "apt-get install -y openssl"),
].every(Boolean);

describe.runIf(present)("ecu-sim under the independent tester", () => {
  const lines: string[] = [];
  let errors = "";
  const child: { kill?: () => void } = {};

  beforeAll(async () => {
    const quote = (word: string) => `'${word}'`;
    const start = [process.execPath, join(root, "bin/ecu-sim.js")].map(quote).join(" ");
    const tester = spawn(
      python,
      [
        join(root, "test/interop/python/tester.py"),
        "--start",
        `${start} --profile evcc --link slcan+listen://127.0.0.1:0 --state {state}`,
      ],
      { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
    );
    child.kill = () => tester.kill("SIGTERM");
    tester.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    createInterface({ input: tester.stdout }).on("line", (line) => lines.push(line));
    await new Promise((resolve) => tester.on("close", resolve));
  }, 115_000);

  afterAll(() => child.kill?.());

  for (const area of areas) {
    it(`${area}: every check is ok`, () => {
      const own = lines.filter((line) => line.startsWith(`ok ${area}: `) || line.startsWith(`FAIL ${area}: `));
      expect(own.length, `no check was made; ${errors}`).toBeGreaterThan(0);
      expect(own.filter((line) => line.startsWith("FAIL "))).toEqual([]);
    });
  }

  it("ends with a summary that counts no failure", () => {
    const summary = JSON.parse(lines.at(-1) ?? "{}") as { passed?: number; failed?: number };
    expect(summary, errors).toMatchObject({ failed: 0 });
    expect(summary.passed).toBeGreaterThan(500);
  });
});
