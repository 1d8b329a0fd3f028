/** A whole run over a serial line: station and ecu-sim, each a process of its own, at the two ends of a pty pair. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { EVCC, recordOf } from "./cases.js";
import { run, start, tempFolder } from "./harness.js";

const socat = requireTool("socat", () => works("socat", ["-V"]), "apt-get install -y socat");

describe.skipIf(!socat)("a run on slcan through serialport", () => {
  const folder = tempFolder("pty");
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  let cable: ChildProcess;

  beforeAll(async () => {
    const ends = [a, b].map((end) => `pty,raw,echo=0,link=${end}`);
    const child = spawn("socat", ["-d", "-d", ...ends], { stdio: ["ignore", "ignore", "pipe"] });
    cable = child;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (line.includes("starting data transfer loop")) resolve();
      });
      child.once("exit", () => reject(new Error("socat ended at once")));
    });
  });
  afterAll(() => cable?.kill("SIGTERM"));

  it("provisions an ECU behind an adapter at a serial device", async () => {
    const ecu = start("ecu-sim", ["--profile", "body-she", "--link", `slcan-adapter:${a}`], { limit: 300_000 });
    await ecu.line((line) => line.startsWith('{"listening"'));
    const unit = ["--profile", "body-she", "--vin", EVCC.vin, "--link", `slcan:${b}?adapter=lawicel`];
    const done = await run("ecustation", ["run", ...unit, "--data", tempFolder(), "--json"]);
    await ecu.stop();
    const record = recordOf(done);
    expect([record.outcome, record.failure?.code, done.stderr]).toEqual(["PASS", undefined, ""]);
    expect(record.steps.map(({ step }) => step)).toContain("key:secoc-c");
  });
});
