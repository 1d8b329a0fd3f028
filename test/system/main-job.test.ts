import { describe, expect, it } from "vitest";
import { run, tempFolder } from "./harness.js";

describe("the demonstration", () => {
  it("provisions one simulated EVCC over slcan on TCP with both servers over TLS, and says PASS", async () => {
    const done = await run("ecustation", ["demo", "--once", "--data", tempFolder()]);
    expect(done.stderr).toBe("");
    expect(done.code).toBe(0);
    const lines = done.stdout.split("\n");
    const steps = lines.filter((line) => line.startsWith("✓")).map((line) => line.split(/\s+/)[1]);
    expect(steps).toEqual([
      "open",
      "identify",
      "unlock",
      "vin",
      "clock",
      "cert:prov-2",
      "cert:prov-20",
      "cert:vehicle-20",
      "key:master",
      ...["4", "5", "6", "7", "8", "9", "a", "b", "c"].map((id) => `key:secoc-${id}`),
      "key:supplier",
      "sync:supplier",
      "lock",
      "verify",
    ]);
    for (const line of lines.filter((entry) => entry.startsWith("✓"))) expect(line).toMatch(/ \d+\.\d\d s/);
    expect(lines.some((line) => line.startsWith("PASS"))).toBe(true);
  });
});
