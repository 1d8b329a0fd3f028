import { describe, expect, it } from "vitest";
import { EVCC, recordsFile, rows } from "./cases.js";
import { run, start, startEcu, tempFolder } from "./harness.js";

describe("ecustation serve", () => {
  it("takes up the run of a station that was killed, ends it with PASS, and stays up until it is told to end", async () => {
    const data = tempFolder();
    const ecu = await startEcu("body-she");
    const unit = ["--profile", "body-she", "--link", ecu.url, "--data", data, "--vin", EVCC.vin];
    const killed = await run("ecustation", ["run", ...unit], {
      env: { ECUSTATION_KILL_AT: "after append key:secoc-4 noted" },
    });
    expect(killed.signal).toBe("SIGKILL");

    const service = start("ecustation", ["serve", "--data", data]);
    const where = JSON.parse(await service.line(() => true)) as { station: string; vpki: string; kms: string };
    expect(where).toMatchObject({ station: "station-1", vpki: expect.stringMatching(/^https:/) });
    expect(await service.line((line) => line.startsWith("PASS"))).toContain(EVCC.vin);
    const ended = await service.stop();
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(rows(recordsFile(data), "SELECT outcome, resumed FROM run")).toEqual([{ outcome: "PASS", resumed: 1 }]);
    expect(rows(recordsFile(data), "SELECT DISTINCT state FROM outbox")).toEqual([{ state: "delivered" }]);
    await ecu.stop();
  });

  it("closes the run of a simulated unit that is gone, with its record", async () => {
    const data = tempFolder();
    const args = ["run", "--profile", "body-she", "--link", "sim:", "--data", data];
    const killed = await run("ecustation", args, { env: { ECUSTATION_KILL_AT: "after append key:master noted" } });
    expect(killed.signal).toBe("SIGKILL");

    const service = start("ecustation", ["serve", "--data", data]);
    expect(await service.line((line) => line.includes("RUN_INTERRUPTED"))).toBeTruthy();
    expect((await service.stop()).code).toBe(0);
    expect(rows(recordsFile(data), "SELECT outcome, code FROM run")).toEqual([
      { outcome: "ERROR", code: "RUN_INTERRUPTED" },
    ]);
  });
});
