/** Whole runs on ECUs that are opened by certificates (29, APCE), all of them made by OpenSSL. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { type Made, OpensslPki, pem } from "../unit/firmware-sim/authentication-pki.js";
import { EVCC, externalConfig, recordOf } from "./cases.js";
import { root, run, type Servers, startEcu, startServers, tempFolder } from "./harness.js";

const home = tempFolder("servers");
const pki = new OpensslPki();
let servers: Servers;
let testers: Made;
let ecus: Made;
let issuing: Made;
beforeAll(async () => {
  testers = pki.root("testers");
  ecus = pki.root("ecus");
  issuing = pki.ca("issuing", testers);
  servers = await startServers(["--data", home]);
});
afterAll(async () => {
  pki.close();
  await servers?.stop();
});

interface Sides {
  readonly tester: Made;
  readonly ecu: Made;
  readonly fields?: object;
  /** More PEM for the ECU's anchors. */
  readonly revoked?: string;
  /** Behind the tester's certificate. */
  readonly issuers?: readonly Made[];
}

/** A run on the body ECU; the station's certificate is behind `tester`, the ECU's behind `ecu`. */
async function runWith({ tester, ecu, fields = {}, revoked = "", issuers = [issuing] }: Sides) {
  const folder = tempFolder();
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as object;
  const roles = { station: "OU=end-of-line", ecu: "OU=ecu" };
  const how = { kind: "certificate", algorithm: "ecdsa-p256-sha256", credentials: "line-1", roles, ...fields };
  const profile = join(folder, "profile.yaml");
  writeFileSync(profile, stringify({ ...body, securityAccess: how }));
  const anchors = pki.file("ecu-trusts.pem", pem(testers), revoked);
  const identity = pki.file("ecu-is.pem", pem(ecu), readFileSync(ecu.keyFile, "utf8"));
  const options = ["--clock", "now", "--auth-anchors", anchors, "--auth-identity", identity];
  const sim = await startEcu(profile, options);
  const config = externalConfig(servers, home, {});
  const certificate = pki.file("station.pem", pem(tester), ...issuers.map(pem));
  const files = { certificate, key: tester.keyFile, anchors: pki.file("station-trusts.pem", pem(ecus)) };
  const text = JSON.parse(readFileSync(config, "utf8")) as object;
  writeFileSync(config, JSON.stringify({ ...text, credentials: { "line-1": files } }));
  const places = ["--link", sim.url, "--data", tempFolder(), "--config", config];
  const done = await run("ecustation", ["run", "--profile", profile, "--vin", EVCC.vin, ...places, "--json"]);
  await sim.stop();
  return recordOf(done);
}

const tester = (name: string, role = "end-of-line") => pki.issue(name, issuing, { subject: `/OU=${role}/CN=${name}` });
const ecu = (name: string, issuer = ecus) => pki.issue(name, issuer, { subject: `/OU=ecu/CN=${name}` });

describe("a run with certificates", () => {
  it.each([
    ["both sides prove themselves", {}],
    ["the station alone does, its issuing CA goes ahead", { mutual: false, certificateEvaluationId: 0x0001 }],
  ])("passes: %s", async (_, fields) => {
    const record = await runWith({ tester: tester("good"), ecu: ecu("unit"), fields });
    expect(record.outcome).toBe("PASS");
    expect(JSON.stringify(record)).not.toContain("PRIVATE");
  });

  it.each([
    ["each behind the one that it issued", (inner: Made) => [inner, issuing]],
    ["the other way round", (inner: Made) => [issuing, inner]],
  ])("passes where several issuing CAs go ahead, which stand in the file %s", async (_, order) => {
    const inner = pki.ca("inner", issuing);
    const own = pki.issue("t4", inner, { subject: "/OU=end-of-line/CN=t4" });
    const fields = { mutual: false, certificateEvaluationId: 0x0001 };
    const record = await runWith({ tester: own, ecu: ecu("e4"), fields, issuers: order(inner) });
    expect(record.outcome).toBe("PASS");
  });

  it.each([
    [
      "the ECU is of another anchor",
      () => ({ tester: tester("t1"), ecu: ecu("forged", testers) }),
      "the ECU's own certificate",
    ],
    ["the station's certificate is revoked", revokedTester, "certificateVerificationFailedInvalidCertificate"],
    [
      "the station has another role",
      () => ({ tester: tester("t3", "repair"), ecu: ecu("e3") }),
      "certificateVerificationFailedInvalidScope",
    ],
  ])("fails at the unlocking where %s, and says so", async (_, sides, what) => {
    const record = await runWith(sides());
    expect(record.outcome).toBe("FAIL");
    expect(record.failure).toMatchObject({ code: "UDS_ACCESS_DENIED", step: "unlock" });
    expect(JSON.stringify(record.failure)).toContain(what);
  });
});

function revokedTester(): Sides {
  const lost = tester("t2");
  return { tester: lost, ecu: ecu("e2"), revoked: `${pem(issuing)}${pki.crl(issuing, lost)}` };
}
