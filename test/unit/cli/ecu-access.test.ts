import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { openEcuAccess } from "../../../src/cli/ecu-access.js";
import { type FoundProfile, findProfile } from "../../../src/cli/profiles.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { fromHex } from "../../../src/shared/bytes.js";
import { systemClock } from "../../../src/shared/clock.js";
import { describe as describeError } from "../../../src/shared/errors.js";
import { type Made, OpensslPki, pem, proof, proves } from "../firmware-sim/authentication-pki.js";

let pki: OpensslPki;
let tester: Made;
let ecu: Made;
let anchors = "";
beforeAll(() => {
  pki = new OpensslPki();
  const root = pki.root("root");
  tester = pki.issue("tester", root);
  ecu = pki.issue("ecu", root, { subject: "/OU=ecu/CN=ecu" });
  anchors = pki.file("anchors.pem", pem(root));
});
afterAll(() => pki.close());

type ByCertificates = Extract<Profile["securityAccess"], { kind: "certificate" }>;

async function open(files: object | undefined, more: Partial<ByCertificates> = {}) {
  const found = await findProfile("body-she");
  const securityAccess = {
    kind: "certificate",
    algorithm: "ecdsa-p256-sha256",
    credentials: "line",
    roles: { ecu: "OU=ecu" },
    ...more,
  } as const;
  const changed: FoundProfile = { ...found, profile: { ...found.profile, securityAccess } };
  const credentials = files === undefined ? {} : { line: files };
  const config = parseConfig(JSON.stringify({ schema: 1, mode: "simulator", credentials }), "station.yaml", "data", {});
  const { access } = await openEcuAccess(changed, config, systemClock);
  if (!("credentials" in access)) throw new Error("no credentials");
  return access.credentials;
}

const files = (more: object = {}) => ({ certificate: tester.certificate, key: tester.keyFile, anchors, ...more });

describe("the station's certificate for ECUs", () => {
  it("signs by its key, and knows the ECU's proof from another", async () => {
    const credentials = await open(files());
    const signature = await credentials.sign(fromHex("0102"));
    expect(proves(tester, "0102", Buffer.from(signature).toString("hex"))).toBe(true);
    const fault = (shown: Made, token: string, by = ecu) =>
      credentials.fault(fromHex(shown.der), fromHex("0a0b"), fromHex(proof(by, token)));
    expect(await fault(ecu, "0a0b")).toBeUndefined();
    expect(await fault(ecu, "0b0a")).toBe("its proof of ownership is wrong");
    expect(await fault(ecu, "0a0b", tester)).toBe("its proof of ownership is wrong");
    expect(await fault(tester, "0a0b", tester)).toBe("its subject has no OU=ecu");
    expect(await credentials.fault(fromHex("30"), fromHex("0a0b"), fromHex("00"))).toBeDefined();
  });

  it("does not trust a certificate that is revoked", async () => {
    const away = pki.root("away");
    const lost = pki.issue("lost", away, { subject: "/OU=ecu/CN=lost" });
    const list = pki.file("lists.pem", pem(away), pki.crl(away, lost));
    const credentials = await open(files({ anchors: list }));
    const fault = await credentials.fault(fromHex(lost.der), fromHex("0a"), fromHex(proof(lost, "0a")));
    expect(fault).toContain("revoked");
  });

  it.each<[string, () => object | undefined, RegExp, Partial<ByCertificates>?]>([
    ["is not in the configuration", () => undefined, /station\.yaml: credentials\.line: is missing, profile body-she/],
    [
      "names no anchors for a mutual profile",
      () => files({ anchors: undefined }),
      /credentials\.line\.anchors: is missing/,
    ],
    ["is a file that is not there", () => files({ certificate: "/none.pem" }), /none\.pem: there is no such file/],
    ["has another key", () => files({ key: ecu.keyFile }), /tester\.pem: .*the key is not the certificate's/],
    ["has no key", () => files({ key: tester.certificate }), /tester\.pem: is no private key in PEM/],
    [
      "is on another curve than the profile's",
      files,
      /the certificate's key is on P-256/,
      { algorithm: "ecdsa-p521-sha512" },
    ],
    ["has anchors that are none", () => files({ anchors: tester.certificate }), /one of the certificates is no CA's/],
  ])("is refused in one line where it %s", async (_, given, what, more) => {
    await expect(open(given(), more)).rejects.toSatisfy((error) => what.test(describeError(error)));
  });

  it("has a key that is not encrypted", async () => {
    const key = join(pki.folder, "encrypted.key");
    execFileSync("openssl", ["pkey", "-in", tester.keyFile, "-aes256", "-passout", "pass:secret", "-out", key]);
    await expect(open(files({ key }))).rejects.toSatisfy((error) =>
      /an encrypted one cannot be read/.test(describeError(error)),
    );
  });
});
