import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProfile } from "../../../src/profiles/loader.js";
import { packageRoot } from "../../../src/shared/paths.js";

const load = (name: string) =>
  loadProfile(readFileSync(join(packageRoot(), "hw-profiles", `${name}.yaml`), "utf8"), `${name}.yaml`).profile;

/** The reference ECU's numbers (its diagnostic interface), one row an ECU kind. */
const KINDS = [
  { name: "evcc", request: 0x7e0, response: 0x7e8, system: "EVCC", part: "91950-EV000", keys: 11 },
  { name: "ccu", request: 0x7e2, response: 0x7ea, system: "CCU", part: "95400-CU000", keys: 10 },
  { name: "body-she", request: 0x7e4, response: 0x7ec, system: "BODY", part: "95400-BD000", keys: 10 },
];

describe.each(KINDS)("the profile $name", ({ name, request, response, system, part, keys }) => {
  const profile = load(name);

  it("has the reference ECU's link", () => {
    expect(profile.can).toMatchObject({
      bitrate: 500_000,
      requestId: request,
      responseId: response,
      functionalId: 0x7df,
      padding: { station: 0xcc, ecu: 0xaa },
      flowControl: { station: { BS: 0, STmin: 0 }, ecu: { BS: 0, STmin: 0 } },
    });
    expect(profile.uds).toMatchObject({ P2: 50, P2star: 5_000, S3: 5_000, session: 3 });
  });

  it("has its numbers", () => {
    expect(profile.dids).toEqual({
      partNumber: 0xf187,
      hwVersion: 0xf191,
      swVersion: 0xf195,
      systemName: 0xf197,
      serialNumber: 0xf18c,
      vin: 0xf190,
      ecuId: 0xf1a0,
      provisioningState: 0xf1a2,
      certificate: 0xf1c0,
      csr: 0xf1d0,
      clock: 0xf1b0,
    });
    expect(profile.routines).toEqual({
      loadKey: 0x210,
      generateMac: 0x211,
      getId: 0x212,
      makeKeyPair: 0x220,
      installCertificate: 0x221,
      provePossession: 0x222,
      lock: 0x230,
    });
    expect(profile.download).toEqual({ address: 0x10000000, maxLength: 16 * 1024 });
    expect(profile.securityAccess).toMatchObject({ level: 0x11, seedLength: 16 });
    expect(profile.expect).toEqual({ partNumber: part, hwVersion: "HW-*", swVersion: "SW-*", systemName: system });
  });

  it("loads the master key first, then the others with KEY_USAGE", () => {
    expect(profile.keys).toHaveLength(keys);
    expect(profile.keys[0]).toMatchObject({ type: "EcuMasterKey", keyId: "1", slot: 1, flags: 0x0d });
    for (const key of profile.keys.slice(1)) {
      expect(key.flags).toBe(0x0f);
      expect(key.slot).toBe(Number.parseInt(key.keyId, 16));
    }
    const secOC = profile.keys.filter((key) => key.type === "SecOCKey");
    expect(secOC.map((key) => key.keyId)).toEqual(["4", "5", "6", "7", "8", "9", "A", "B", "C"]);
    for (const key of secOC) expect(key.secOC).toMatchObject({ supplierSecret: "simulator-cluster", counter: 1 });
  });
});

it("the EVCC takes three certificates, and a supplier key whose sync value is checked", () => {
  const { certificates, keys, order } = load("evcc");
  expect(certificates.map(({ type, slot, subject }) => [type, slot, subject.join(",")])).toEqual([
    ["prov-15118-2", 0, "DC=OEM,O=HKMC,OU=ECC,OU=C001,OU=P001,CN=${pcid}"],
    ["prov-15118-20", 1, "DC=OEM20,O=HKMC,OU=ECC,OU=C001,OU=P001,CN=${pcid}"],
    ["vehicle-15118-20", 2, "DC=EV,O=HKMC,OU=ECC,OU=C001,OU=P001,CN=${evccid}"],
  ]);
  expect(keys.at(-1)).toMatchObject({ type: "SupplierSymmKey", keyId: "D", slot: 0xd, syncValue: true });
  expect(order).toEqual(["vin", "clock", "certificates", "keys", "sync", "lock"]);
});

it("the CCU takes both of its certificates with the attributes of their requests", () => {
  const { certificates } = load("ccu");
  expect(certificates.map(({ type, slot }) => [type, slot])).toEqual([
    ["ccu-sha256", 0],
    ["ccu-sha512", 1],
  ]);
  for (const { subject, attributes } of certificates) {
    expect(subject.join(",")).toBe("C=KR,O=HKMC,OU=ECC,OU=C001,OU=P001,CN=${hostName}");
    expect(attributes).toEqual([
      { oid: "1.3.6.1.1.1.1.18", type: "utf8", value: "17" },
      { oid: "1.3.6.1.1.1.1.19", type: "utf8", value: "${ip}" },
      { oid: "1.3.6.1.1.1.1.22", type: "utf8", value: "${mac}" },
      { oid: "1.2.840.113549.1.9.7", type: "ia5", value: "Test Challenge Password!" },
    ]);
  }
});

it("the body ECU takes keys alone, over K-Line or CAN", () => {
  const profile = load("body-she");
  expect(profile.certificates).toEqual([]);
  expect(profile.kline).toMatchObject({ baud: 10_400, testerAddress: 0xf1, ecuAddress: 0x10 });
});
