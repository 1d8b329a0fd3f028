/** Whole runs of the station against ecu-sim over the kernel's CAN interfaces; the programs are processes of their own. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { externalConfig, runEvcc } from "../system/cases.js";
import { type Running, type Servers, startEcu, startServers, tempFolder } from "../system/harness.js";
import { controllerState, errorFrame, ip, slcanNetdev, until, vcan } from "./bus.js";
import { ecuOn, expectPass, guestProfile, station } from "./station.js";

/** Answers come after 40 ms: what is done to the bus is done before the run is over. */
const SLOW = ["--fault", "slow:40"];
const home = tempFolder("servers");
let servers: Servers;
let config = "";
const body = guestProfile("body-she");
const ecus: Running[] = [];
beforeAll(async () => {
  servers = await startServers(["--data", home]);
  config = externalConfig(servers, home, {});
});
afterEach(async () => {
  for (const ecu of ecus.splice(0)) await ecu.stop();
});
afterAll(() => servers?.stop());

async function ecu(name: string, profile: string, args: readonly string[] = []): Promise<void> {
  ecus.push(await ecuOn(`socketcan:${name}`, profile, args));
}

/** A run that is at the unit: the ECU has let it in. */
async function runAtWork(name: string, data: string): Promise<Running> {
  const run = station(name, body, data, config);
  await run.line((line) => line.startsWith("✓") && line.includes("unlock"));
  return run;
}

/** How the run ended by what was done to it, and that the next one of the same unit passes. */
async function expectLoss(run: Running, code: string, name: string, data: string, repair: () => void): Promise<void> {
  const done = await run.finished;
  expect([done.code, done.stdout]).toEqual([3, expect.stringContaining(code)]);
  repair();
  expectPass(await station(name, body, data, config, ["--json"]).finished);
}

describe("a run over SocketCAN", () => {
  it("provisions an EVCC over vcan", async () => {
    const name = vcan();
    const profile = guestProfile("evcc");
    await ecu(name, profile);
    const done = await runEvcc(`socketcan:${name}`, tempFolder(), ["--config", config, "--profile", profile]);
    const record = expectPass(done);
    expect(record.steps.map(({ step }) => step)).toContain("cert:vehicle-20");
  });

  it("provisions an ECU on CAN FD", async () => {
    const name = vcan();
    const fd = { dataBitrate: 2_000_000, TX_DL: { station: 64, ecu: 32 } };
    const profile = guestProfile("body-she", { fd });
    await ecu(name, profile);
    expectPass(await station(name, profile, tempFolder(), config, ["--json"]).finished);
  });

  it("ends at once when the interface goes down, and is taken up again when it is back", async () => {
    const name = vcan();
    const data = tempFolder();
    await ecu(name, body, SLOW);
    const run = await runAtWork(name, data);
    ip("link", "set", name, "down");
    await expectLoss(run, "LINK_INTERFACE_DOWN", name, data, () => ip("link", "set", name, "up"));
  });

  it("ends at once when the interface is unplugged", async () => {
    const name = vcan();
    const data = tempFolder();
    const state = `${tempFolder()}/unit.flash`;
    await ecu(name, body, ["--state", state, ...SLOW]);
    const run = await runAtWork(name, data);
    ip("link", "del", name);
    const done = await run.finished;
    expect([done.code, done.stdout]).toEqual([3, expect.stringContaining("LINK_INTERFACE_MISSING")]);
    // The simulator's end is gone as well.
    expect((await ecus[0]?.finished)?.code).toBe(0);
    const next = vcan();
    await ecu(next, body, ["--state", state]);
    expectPass(await station(next, body, data, config, ["--json"]).finished);
  });

  it("ends with bus-off when the controller says so by an error frame", async () => {
    const name = vcan();
    const data = tempFolder();
    await ecu(name, body, SLOW);
    const run = await runAtWork(name, data);
    errorFrame(name, 0x40);
    await expectLoss(run, "LINK_BUS_OFF", name, data, () => errorFrame(name, 0x100));
  });

  it("provisions over the kernel's slcan driver, and again after a real bus-off", async () => {
    const sim = await startEcu(body, SLOW);
    ecus.push(sim);
    const { name, say } = await slcanNetdev(sim.url);
    const data = tempFolder();
    const run = await runAtWork(name, data);
    say("sb000256");
    await until("BUS-OFF", () => controllerState(name) === "BUS-OFF");
    await expectLoss(run, "LINK_BUS_OFF", name, data, () => {
      ip("link", "set", name, "down");
      ip("link", "set", name, "up");
    });
  });
});
