import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { CertificateExchange, Credentials } from "../../../../src/ecu/uds/certificates.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { ecuBench, MAP } from "./ecu.js";

const LEAF = "3003020101";
const ISSUING = "3003020102";
const ROOT = "3003020103";
const SERVER = "5e".repeat(16);
const CLIENT = "c1".repeat(32);
const ECU_CERTIFICATE = "3003020109";
const len2 = (hex: string) => (hex.length / 2).toString(16).padStart(4, "0");
const sized = (hex: string) => len2(hex) + hex;
/** A "signature" that names its maker and its token. */
const proofOf = (who: string, token: string) =>
  toHex(new Uint8Array(createHash("sha256").update(`${who}:${token}`).digest()));

const credentials: Credentials = {
  certificates: [fromHex(LEAF), fromHex(ISSUING), fromHex(ROOT)],
  sign: async (token) => fromHex(proofOf("station", toHex(token))),
  fault: async (certificate, token, proof) => {
    if (toHex(certificate) !== ECU_CERTIFICATE) return "no path to an anchor";
    return toHex(proof) === proofOf("ecu", toHex(token)) ? undefined : "its proof of ownership is wrong";
  },
};

const HELLO = `690211${sized(SERVER)}${sized(ECU_CERTIFICATE)}${sized(proofOf("ecu", SERVER + CLIENT))}0000`;

function bench(options: Partial<CertificateExchange>, answers: Readonly<Record<string, string>> = {}) {
  const table: Record<string, string> = { "2900": "690010", "2902": HELLO, "2903": "6903120000", ...answers };
  return ecuBench(
    (request) =>
      request.startsWith("10") ? `50${request.slice(2, 4)}003201f4` : (table[request.slice(0, 4)] ?? "7f2912"),
    { ...MAP, securityAccess: { kind: "certificate", ...options } },
    { access: { credentials }, random: (length) => fromHex("c1".repeat(length)) },
  );
}

describe("authentication by certificates", () => {
  it("shows leaf and issuing CAs, has the ECU prove itself first, then proves that the key is ours", async () => {
    const b = bench({ communicationConfiguration: 5 });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual([
      "1003",
      `290205${sized(LEAF + ISSUING + ROOT)}${sized(CLIENT)}`,
      `2903${sized(proofOf("station", CLIENT + SERVER))}0000`,
    ]);
  });

  it("proves ours alone where the profile is not mutual: no challenge goes out", async () => {
    const b = bench({ mutual: false }, { "2901": `690111${sized(SERVER)}0000` });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire.slice(1)).toEqual([
      `290100${sized(LEAF + ISSUING + ROOT)}0000`,
      `2903${sized(proofOf("station", SERVER))}0000`,
    ]);
  });

  it("sends issuing CAs ahead, one a message and the root's side first, where the profile names their number", async () => {
    const b = bench({ certificateEvaluationId: 0x1234 }, { "2904": "690413" });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire.slice(1, 4)).toEqual([
      `29041234${sized(ROOT)}`,
      `29041234${sized(ISSUING)}`,
      `290200${sized(LEAF)}${sized(CLIENT)}`,
    ]);
  });

  it.each([
    ["whose certificate leads to no anchor", "no path to an anchor", HELLO.replace(ECU_CERTIFICATE, "3003020108")],
    [
      "that proves another challenge",
      "its proof of ownership is wrong",
      HELLO.replace(sized(SERVER), sized("5f".repeat(16))),
    ],
    ["without a certificate", "no path to an anchor", `690211${sized(SERVER)}00000000${"0000"}`],
  ])("proves nothing to an ECU %s", async (_, why, hello) => {
    const b = bench({}, { "2902": hello });
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: `the ECU's own certificate: ${why}` },
    });
    expect(b.wire.map((request) => request.slice(0, 4))).toEqual(["1003", "2902"]);
  });

  it.each([
    ["50", "certificateVerificationFailedInvalidTimePeriod"],
    ["51", "certificateVerificationFailedInvalidSignature"],
    ["52", "certificateVerificationFailedInvalidChainOfTrust"],
    ["53", "certificateVerificationFailedInvalidType"],
    ["54", "certificateVerificationFailedInvalidFormat"],
    ["55", "certificateVerificationFailedInvalidContent"],
    ["56", "certificateVerificationFailedInvalidScope"],
    ["57", "certificateVerificationFailedInvalidCertificate"],
    ["59", "challengeCalculationFailed"],
    ["5c", "configurationDataUsageFailed"],
    ["37", "requiredTimeDelayNotExpired"],
  ])("says why the certificate was refused (NRC %s)", async (nrc, what) => {
    const b = bench({}, { "2902": `7f29${nrc}` });
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what },
    });
  });

  it.each([
    ["58", "ownershipVerificationFailed"],
    ["5a", "settingAccessRightsFailed"],
    ["5b", "sessionKeyCreationOrDerivationFailed"],
  ])("says why the proof was refused (NRC %s)", async (nrc, what) => {
    const b = bench({}, { "2903": `7f29${nrc}` });
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what },
    });
  });

  it.each([
    ["a challenge so short that it repeats", `690211${sized("5e".repeat(15))}${HELLO.slice(6 + 36)}`],
    ["an ephemeral key: there are no session keys", `${HELLO.slice(0, -4)}000101`],
    ["a length that does not add up", `${HELLO}00`],
  ])("refuses %s", async (_, hello) => {
    const b = bench({}, { "2902": hello });
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "UDS_UNEXPECTED_RESPONSE" });
    expect(b.wire).toHaveLength(2);
  });

  it.each([
    ["2902", HELLO.replace("690211", "690212"), "ownershipVerifiedAuthenticationComplete"],
    ["2903", "6903110000", "certificateVerifiedOwnershipVerificationNecessary"],
  ])("is not content with another end of %s", async (sub, answer, what) => {
    const b = bench({}, { [sub]: answer });
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what },
    });
  });

  it("is given up at the end of the session, also by an ECU that cannot (NRC 5D)", async () => {
    const b = bench({}, { "2900": "7f295d" });
    await b.drive(b.session.unlock(b.signal));
    await b.drive(b.session.close(b.signal));
    expect(b.wire.slice(3)).toEqual(["2900", "1001"]);
  });
});
