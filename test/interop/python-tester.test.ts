/** ecu-sim, asked by a tester that was written from the interface page alone. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { requirePython, requireTool, works } from "../require.js";
import { root } from "../system/harness.js";
import { type Checked, checkLines, failures } from "./lines.js";

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
  let seen: Checked = { lines: [], errors: "", summary: {} };

  beforeAll(async () => {
    const program = [process.execPath, join(root, "bin/ecu-sim.js")].map((word) => `'${word}'`).join(" ");
    const start = `${program} --profile evcc --link slcan+listen://127.0.0.1:0 --state {state}`;
    seen = await checkLines("tester.py", ["--start", start], 110_000);
  });

  for (const area of areas) {
    it(`${area}: every check is ok`, () => {
      const own = seen.lines.filter((line) => line.startsWith(`ok ${area}: `) || line.startsWith(`FAIL ${area}: `));
      expect(own.length, `no check was made; ${seen.errors}`).toBeGreaterThan(0);
      expect(failures(own)).toEqual([]);
    });
  }

  it("ends with a summary that counts no failure", () => {
    expect(seen.summary, seen.errors).toMatchObject({ failed: 0 });
    expect(seen.summary.passed).toBeGreaterThan(500);
  });
});
