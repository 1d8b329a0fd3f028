/** A whole run on an ECU that is opened by Authentication (29) in place of SecurityAccess: the profile alone says so to both sides. */
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

/** The body ECU with challenge-response; its download has another format too. */
function profileWith(fields: object, key = "00112233445566778899aabbccddeeff"): string {
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as { download: object };
  const securityAccess = {
    kind: "challenge-response",
    algorithm: "aes-cmac",
    key: { hex: key },
    algorithmIndicator: "06092b0601040181b001010000000000",
    ...fields,
  };
  const file = join(tempFolder(), "profile.yaml");
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
    const profile = profileWith(fields);
    const record = await runOn(profile, profile);
    expect(record.outcome).toBe("PASS");
  });

  it("fails at the unlocking where the ECU has another secret", async () => {
    const record = await runOn(profileWith({}, "ffeeddccbbaa99887766554433221100"), profileWith({}));
    expect(record.outcome).toBe("FAIL");
    expect(JSON.stringify(record)).toContain("UDS_ACCESS_DENIED");
  });
});
