/** The simulated SHE and the station's builder beside a second SHE, by the same random updates. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requirePython } from "../require.js";
import { root } from "../system/harness.js";
import { checkLines, failures } from "./lines.js";

const present = requirePython();

describe.runIf(present)("the SHE of ecu-sim and the builder of ecustation", () => {
  it("agree with a SHE of another hand over 2,000 random updates and 2,000 generated sets", async () => {
    const program = (name: string) => `'${process.execPath}' '${join(root, "bin", name)}'`;
    const device = `${program("ecu-sim.js")} she`;
    const builder = `${program("ecustation.js")} she generate --jsonl`;
    const seen = await checkLines("she_differential.py", ["--device", device, "--builder", builder], 90_000);
    expect(failures(seen.lines), seen.lines.join("\n")).toEqual([]);
    expect(seen.summary, seen.errors).toMatchObject({ passed: 9, failed: 0 });
  });
});
