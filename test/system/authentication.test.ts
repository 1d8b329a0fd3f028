/** Whole runs on ECUs that are opened by Authentication (29), or by a key algorithm of the plant's own: the profile alone says so to both sides. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { EVCC, externalConfig, recordOf } from "./cases.js";
import { root, run, type Servers, startEcu, startServers, tempFolder } from "./harness.js";

const home = tempFolder("servers");
let servers: Servers;
beforeAll(async () => {
  servers = await startServers(["--data", home]);
});
afterAll(() => servers?.stop());

/** The body ECU with challenge-response. */
function challengeResponse(fields: object, key = "00112233445566778899aabbccddeeff"): string {
  return profileWith({
    kind: "challenge-response",
    algorithm: "aes-cmac",
    key: { hex: key },
    algorithmIndicator: "06092b0601040181b001010000000000",
    ...fields,
  });
}

function profileWith(securityAccess: object, folder = tempFolder()): string {
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as object;
  const file = join(folder, "profile.yaml");
  writeFileSync(file, stringify({ ...body, securityAccess }));
  return file;
}

async function runOn(ecuProfile: string, stationProfile: string) {
  const ecu = await startEcu(ecuProfile);
  const places = ["--link", ecu.url, "--data", tempFolder(), "--config", externalConfig(servers, home, {})];
  const done = await run("ecustation", ["run", "--profile", stationProfile, "--vin", EVCC.vin, ...places, "--json"]);
  await ecu.stop();
  return recordOf(done);
}

describe("a run with Authentication", () => {
  it.each([{}, { mutual: false, communicationConfiguration: 3, challengeLength: 32 }])("passes: %j", async (fields) => {
    const profile = challengeResponse(fields);
    const record = await runOn(profile, profile);
    expect(record.outcome).toBe("PASS");
  });

  it("fails at the unlocking where the ECU has another secret", async () => {
    const record = await runOn(challengeResponse({}, "ffeeddccbbaa99887766554433221100"), challengeResponse({}));
    expect(record.outcome).toBe("FAIL");
    expect(JSON.stringify(record)).toContain("UDS_ACCESS_DENIED");
  });
});

describe("a run with a key algorithm of the plant's own", () => {
  it("passes: a module beside the profile makes the key", async () => {
    const folder = tempFolder();
    writeFileSync(
      join(folder, "own.mjs"),
      "export const securityKey = ({ seed, secret, level }) => seed.map((byte, i) => (byte + secret[i] + level) & 0xff);",
    );
    const key = { hex: "00112233445566778899aabbccddeeff" };
    const profile = profileWith({ level: 0x21, algorithm: "./own.mjs", key, seedLength: 8 }, folder);
    expect((await runOn(profile, profile)).outcome).toBe("PASS");
  });
});
