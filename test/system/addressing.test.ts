/** A whole run in every addressing format, and on CAN FD: the profile alone says so to both sides. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressedProfile } from "./addressed.js";
import { EVCC, externalConfig, recordOf } from "./cases.js";
import { run, type Servers, startEcu, startServers, tempFolder } from "./harness.js";
import { startProxy } from "./proxy.js";

const ids = { requestId: 0x6f1, responseId: 0x612, functionalId: 0x6f1 };
const addresses = { testerAddress: 0xf1, ecuAddress: 0x12, functionalAddress: 0xdf };

/** Fields of `can`, and what the station's frames begin with as slcan text: physical ones, and functional ones (the keep-alive). */
const FORMATS = [
  ["normal-fixed", addresses, /^T18DA12F18/, /^T18DBDFF18/],
  ["extended", { ...ids, ...addresses }, /^t6F1812/, /^t6F18DF/],
  ["mixed", { ...ids, functionalId: 0x6f0, addressExtension: 0x55 }, /^t6F1855/, /^t6F0855/],
  ["mixed-29", { ...addresses, addressExtension: 0x55 }, /^T18CE12F1855/, /^T18CDDFF1855/],
  [
    "normal-fixed",
    { ...addresses, fd: { dataBitrate: 2_000_000, TX_DL: { station: 64, ecu: 32 } }, duplex: "half" },
    /^B18DA12F1[89A-F]/,
    /^B18DBDFF18/,
  ],
] as const;

const home = tempFolder("servers");
let servers: Servers;
beforeAll(async () => {
  servers = await startServers(["--data", home]);
});
afterAll(() => servers?.stop());

describe("a run", () => {
  it.each(FORMATS)("with %s addressing: %j", async (addressing, fields, physical, functional) => {
    const profile = addressedProfile(addressing, fields);
    const ecu = await startEcu(profile);
    const proxy = await startProxy(ecu.url);
    const station = [
      "--link",
      proxy.url,
      "--data",
      tempFolder(),
      "--config",
      externalConfig(servers, home, {}),
      "--json",
    ];
    const done = await run("ecustation", ["run", "--profile", profile, "--vin", EVCC.vin, ...station]);
    await proxy.close();
    await ecu.stop();
    expect([recordOf(done).outcome, done.stderr]).toEqual(["PASS", ""]);
    const frames = proxy
      .sent()
      .split("\r")
      .filter((line) => /^[tTdDbB]/.test(line));
    expect(frames.length).toBeGreaterThan(20);
    expect(frames.filter((line) => !physical.test(line) && !functional.test(line))).toEqual([]);
    expect(frames.some((line) => physical.test(line))).toBe(true);
  });
});
