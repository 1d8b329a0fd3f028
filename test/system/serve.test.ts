import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort } from "../free-port.js";
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

it("ecustation serve ends with its signal while it takes up a run at one of its bays, whose unit goes on the next time", async () => {
  const data = tempFolder();
  const listening = `slcan+listen://127.0.0.1:${await freePort()}`;
  const unit = ["--link", listening, "--state", join(tempFolder(), "unit.flash")];
  const first = await startEcu("body-she", unit);
  const config = join(data, "station.yaml");
  const bay = `{ name: A, link: "${first.url}", profile: body-she }`;
  const secrets = '{ simulator-cluster: { hex: "53494d554c41544f522d534543524554" } }';
  writeFileSync(config, `schema: 1\nmode: simulator\nsecrets: ${secrets}\nstation: { bays: [${bay}] }\n`);
  const global = ["--config", config, "--data", data];
  const args = ["run", ...global, "--profile", "body-she", "--link", first.url, "--vin", EVCC.vin];
  const killed = await run("ecustation", args, { env: { ECUSTATION_KILL_AT: "after append key:secoc-4 noted" } });
  expect(killed.signal).toBe("SIGKILL");
  await first.stop();

  // Each answer takes its time: what is left of the run takes half a minute and more.
  const slow = await startEcu("body-she", [...unit, "--fault", "slow:1500"]);
  const service = start("ecustation", ["serve", ...global, "--jsonl"]);
  await service.line((line) => line.includes('"begun"'));
  const told = performance.now();
  expect((await service.stop()).code).toBe(0);
  expect(performance.now() - told).toBeLessThan(20_000);
  await slow.stop();

  const unitAgain = await startEcu("body-she", unit);
  expect((await run("ecustation", args)).stdout).toContain("PASS");
  await unitAgain.stop();
});
