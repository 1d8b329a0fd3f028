import { cmac } from "@noble/ciphers/aes.js";
import { afterEach, describe, expect, it } from "vitest";
import type { Profile } from "../../../src/profiles/schema.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { Bench, EVCC } from "./bench.js";

const SECRET = "00112233445566778899aabbccddeeff";
const INDICATOR = "06092b0601040181b0010100000000ff";
const CLIENT = "c1".repeat(16);

type ChallengeResponse = Extract<Profile["securityAccess"], { kind: "challenge-response" }>;

const withAuthentication = (more: Partial<ChallengeResponse> = {}): Profile => ({
  ...EVCC,
  securityAccess: {
    kind: "challenge-response",
    algorithm: "aes-cmac",
    key: { hex: SECRET },
    algorithmIndicator: INDICATOR,
    ...more,
  },
});

const mac = (hex: string) => toHex(cmac(fromHex(hex), fromHex(SECRET)));
const proof = (sub: string, mac16: string, challenge = CLIENT, additional = "0000") =>
  `29${sub}${INDICATOR}0010${mac16}00${(challenge.length / 2).toString(16).padStart(2, "0")}${challenge}${additional}`;

describe("authentication by challenge-response", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  async function start(more: Partial<ChallengeResponse> = {}): Promise<void> {
    bench = await Bench.start({ ecu: { profile: withAuthentication(more) } });
    await bench.ask("1003");
  }

  async function challenge(): Promise<string> {
    const answer = await bench.ask(`290500${INDICATOR}`);
    expect(answer).toMatch(new RegExp(`^690500${INDICATOR}0010[0-9a-f]{32}0000$`));
    return answer.slice(42, 74);
  }

  it("opens the lock for the right proof and proves itself", async () => {
    await start();
    expect(await bench.ask("31010230")).toBe("7f3134");
    const server = await challenge();
    const answer = await bench.ask(proof("07", mac(CLIENT + server)));
    expect(answer).toBe(`690712${INDICATOR}0010${mac(server + CLIENT)}0000`);
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("asks the tester alone where the profile is not mutual", async () => {
    await start({ mutual: false });
    const server = await challenge();
    expect(await bench.ask(proof("07", mac(server), ""))).toBe("7f2912");
    expect(await bench.ask(proof("06", mac(server), ""))).toBe(`690612${INDICATOR}0000`);
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("refuses a proof without a challenge, a second one, and a wrong one", async () => {
    await start();
    expect(await bench.ask(proof("07", "00".repeat(16)))).toBe("7f2924");
    const server = await challenge();
    expect(await bench.ask(proof("07", "00".repeat(16)))).toBe("7f2958");
    expect(await bench.ask(proof("07", mac(CLIENT + server)))).toBe("7f2924");
  });

  it("gives no challenge for ten seconds after three wrong proofs", async () => {
    await start();
    for (let i = 0; i < 3; i++) {
      await challenge();
      expect(await bench.ask(proof("07", "00".repeat(16)))).toBe("7f2958");
    }
    expect(await bench.ask(`290500${INDICATOR}`)).toBe("7f2937");
    await bench.clock.advance(10_100);
    await bench.ask("1003");
    await challenge();
  });

  it("says how it authenticates, and closes the lock when told", async () => {
    await start();
    expect(await bench.ask("2908")).toBe("690804");
    const server = await challenge();
    await bench.ask(proof("07", mac(CLIENT + server)));
    expect(await bench.ask("2900")).toBe("690010");
    expect(await bench.ask("31010230")).toBe("7f3134");
  });

  it("locks with the session", async () => {
    await start();
    const server = await challenge();
    await bench.ask("1003");
    expect(await bench.ask(proof("07", mac(CLIENT + server)))).toBe("7f2924");
  });

  it.each([
    ["2905", "13"],
    ["290500", "13"],
    [`290501${INDICATOR}`, "31"],
    [`290500${"00".repeat(16)}`, "31"],
    ["290000", "13"],
    ["2909", "12"],
    ["2901000000", "12"],
    [`2907${INDICATOR}`, "13"],
    [proof("07", "00".repeat(16), CLIENT, ""), "13"],
    [proof("07", "00".repeat(16), CLIENT, "0001"), "13"],
    [proof("07", "00".repeat(16), CLIENT, "000000"), "13"],
    [proof("07", "00".repeat(16), ""), "13"],
    [proof("07", "00".repeat(16), CLIENT, "0001aa"), "31"],
  ])("refuses %s with NRC %s", async (request, nrc) => {
    await start();
    await challenge();
    expect(await bench.ask(request)).toBe(`7f29${nrc}`);
  });

  it("is not there in the default session, and 27 is not there at all", async () => {
    await start();
    expect(await bench.ask("2711")).toBe("7f2711");
    await bench.ask("1001");
    expect(await bench.ask(`290500${INDICATOR}`)).toBe("7f297f");
  });
});
