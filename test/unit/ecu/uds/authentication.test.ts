import { cmac } from "@noble/ciphers/aes.js";
import { describe, expect, it } from "vitest";
import type { ChallengeResponse } from "../../../../src/ecu/uds/authentication.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { ecuBench, MAP, RFC4493_KEY } from "./ecu.js";

const INDICATOR = "06092b0601040181b0010100000000ff";
const SERVER = "5e".repeat(16);
const ASK = `290500${INDICATOR}`;
const mac = (hex: string) => toHex(cmac(fromHex(hex), fromHex(RFC4493_KEY)));

/** An ECU that answers the challenge request with `challenge` and a proof with what `judge` makes of it. */
function bench(
  options: Partial<ChallengeResponse>,
  judge: (proof: string, challengeClient: string) => string,
  challenge = `690500${INDICATOR}0010${SERVER}0000`,
) {
  return ecuBench(
    (request) => {
      if (request.startsWith("10")) return `50${request.slice(2, 4)}003201f4`;
      if (request === ASK) return challenge;
      if (request === "2900") return "690010";
      const found = /^290[67].{32}0010(.{32})00..(.*)0000$/.exec(request);
      return found === null ? "7f2913" : judge(found[1] ?? "", found[2] ?? "");
    },
    {
      ...MAP,
      securityAccess: { kind: "challenge-response", algorithm: "aes-cmac", algorithmIndicator: INDICATOR, ...options },
    },
  );
}

const ecuProof = (value: string) => `690712${INDICATOR}0010${value}0000`;

describe("authentication", () => {
  it("proves that we have the secret and takes the ECU's proof", async () => {
    const b = bench({}, (proof, client) =>
      proof === mac(client + SERVER) ? ecuProof(mac(SERVER + client)) : "7f2958",
    );
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire.map((request) => request.slice(0, 4))).toEqual(["1003", "2905", "2907"]);
  });

  it("proves it alone where the profile is not mutual", async () => {
    const b = bench({ mutual: false }, (proof, client) =>
      client === "" && proof === mac(SERVER) ? `690612${INDICATOR}0000` : "7f2958",
    );
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire.map((request) => request.slice(0, 4))).toEqual(["1003", "2905", "2906"]);
  });

  it("makes another challenge each time, as long as the profile says", async () => {
    const challenges: string[] = [];
    const b = bench({ challengeLength: 24 }, (_, client) => {
      challenges.push(client);
      return ecuProof(mac(SERVER + client));
    });
    await b.drive(b.session.unlock(b.signal));
    await b.drive(b.session.unlock(b.signal));
    expect(challenges.map((challenge) => challenge.length)).toEqual([48, 48]);
    expect(challenges[0]).not.toBe(challenges[1]);
  });

  it.each([
    ["our own proof sent back", (proof: string) => ecuProof(proof)],
    ["a proof of another challenge", () => ecuProof(mac(SERVER + SERVER))],
    ["no proof at all", () => `690712${INDICATOR}00000000`],
  ])("does not trust an ECU with %s", async (_, judge) => {
    const b = bench({}, judge);
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: "the ECU's own proof is wrong" },
    });
  });

  it.each(["24", "58", "37", "59"])("says that the proof was refused (NRC %s)", async (nrc) => {
    const b = bench({}, () => `7f29${nrc}`);
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "UDS_ACCESS_DENIED" });
  });

  it("says that the ECU did not complete it", async () => {
    const b = bench({}, (_, client) => ecuProof(mac(SERVER + client)).replace("690712", "690711"));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: "certificateVerifiedOwnershipVerificationNecessary" },
    });
  });

  it.each([
    ["a challenge so short that its proof could be made of ours", `690500${INDICATOR}000101${"0000"}`],
    ["another algorithm", `690500${"00".repeat(16)}0010${SERVER}0000`],
    ["an additional parameter", `690500${INDICATOR}0010${SERVER}000101`],
    ["a length that does not add up", `690500${INDICATOR}0011${SERVER}0000`],
  ])("refuses %s", async (_, challenge) => {
    const b = bench({}, () => "7f2958", challenge);
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "UDS_UNEXPECTED_RESPONSE" });
    expect(b.wire).toHaveLength(2);
  });

  it("is given up at the end of the session", async () => {
    const b = bench({}, (_, client) => ecuProof(mac(SERVER + client)));
    await b.drive(b.session.unlock(b.signal));
    await b.drive(b.session.close(b.signal));
    expect(b.wire.slice(3)).toEqual(["2900", "1001"]);
  });
});
