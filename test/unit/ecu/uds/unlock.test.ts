import { describe, expect, it } from "vitest";
import { ecuBench, MAP, table } from "./ecu.js";

// RFC 4493 §4, example 2: AES-CMAC of one block.
const SEED = "6bc1bee22e409f96e93d7e117393172a";
const KEY = "070a16b46b4d4144f79bdd9dd04a287c";
const SESSION = { "1003": "5003003201f4" };

describe("unlocking", () => {
  it("opens the session and answers the seed with its CMAC", async () => {
    const b = ecuBench(table({ ...SESSION, "2711": `6711${SEED}`, [`2712${KEY}`]: "6712" }));
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711", `2712${KEY}`]);
  });

  it("sends no key to a seed of zeros", async () => {
    const b = ecuBench(table({ ...SESSION, "2711": `6711${"00".repeat(16)}` }));
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711"]);
  });

  it.each([
    ["35", "invalidKey"],
    ["36", "exceededNumberOfAttempts"],
    ["37", "requiredTimeDelayNotExpired"],
  ])("says that the key was refused (NRC %s)", async (nrc, name) => {
    const b = ecuBench(table({ ...SESSION, "2711": `6711${SEED}`, [`2712${KEY}`]: `7f27${nrc}` }));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: name },
    });
    expect(b.wire).toHaveLength(3);
  });

  it("answers a new seed where another one had voided the first, as a request that comes twice does", async () => {
    const seeds = [[`6711${SEED}`, `6711${"22".repeat(16)}`], [`6711${SEED}`]];
    const keys = ["7f2735", "6712"];
    const b = ecuBench((request) => {
      if (request === "1003") return SESSION["1003"];
      return request === "2711" ? seeds.shift() : keys.shift();
    });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711", `2712${KEY}`, "2711", `2712${KEY}`]);
  });

  it("hears of the other seed also while the key is made", async () => {
    const own = { ...MAP, securityAccess: { level: 0x11, algorithm: "./own.mjs", seedLength: 2 } };
    const seeds = [["67110102", "67110304"], ["67110506"]];
    const say = (request: string) =>
      request === "2711" ? seeds.shift() : table({ ...SESSION, "27120102": "7f2735", "27120506": "6712" })(request);
    const b = ecuBench(say, own, {
      async keyFunction({ seed }) {
        await b.clock.sleep(100);
        return seed.slice();
      },
    });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711", "27120102", "2711", "27120506"]);
  });

  it.each([
    ["no key was judged (24)", [`6711${SEED}`], "24", "requestSequenceError"],
    ["two seeds came", [`6711${SEED}`, `6711${"22".repeat(16)}`], "35", "invalidKey"],
  ])("sends a second key where %s, and never a third one", async (_why, seeds, nrc, name) => {
    const b = ecuBench(table({ ...SESSION, "2711": seeds, [`2712${KEY}`]: `7f27${nrc}` }));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: name },
    });
    expect(b.wire).toEqual(["1003", "2711", `2712${KEY}`, "2711", `2712${KEY}`]);
  });

  it("sends no second key behind two seeds where the delay has begun (36)", async () => {
    const seeds = [`6711${SEED}`, `6711${"22".repeat(16)}`];
    const b = ecuBench(table({ ...SESSION, "2711": seeds, [`2712${KEY}`]: "7f2736" }));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "UDS_ACCESS_DENIED" });
    expect(b.wire).toHaveLength(3);
  });

  it("takes a level for open that gives a seed of zeros behind such a refusal", async () => {
    const seeds = [`6711${SEED}`, `6711${"00".repeat(16)}`];
    const b = ecuBench((request) => {
      if (request === "1003") return SESSION["1003"];
      return request === "2711" ? seeds.shift() : "7f2724";
    });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711", `2712${KEY}`, "2711"]);
  });

  it.each([
    [10_000, {}],
    [60_000, { delay: 60_000 }],
  ])("waits out a delay of %i ms that wrong keys of another tester began, in the open session", async (delay, told) => {
    const map = { ...MAP, securityAccess: { level: 0x11, algorithm: "aes-cmac", seedLength: 16, ...told } };
    const b = ecuBench((request) => {
      if (request === "2711" && b.clock.monotonic() < delay) return "7f2737";
      return table({ ...SESSION, "2711": `6711${SEED}`, [`2712${KEY}`]: "6712" })(request);
    }, map);
    await b.drive(b.session.unlock(b.signal));
    const [opened, asked, ...rest] = b.wire;
    expect([opened, asked]).toEqual(["1003", "2711"]);
    expect(rest.filter((request) => request !== "3e80")).toEqual(["2711", `2712${KEY}`]);
    expect(rest.filter((request) => request === "3e80").length).toBeGreaterThan(delay / MAP.uds.S3);
  });

  it("says that the ECU still delays where the delay lasts longer than it may", async () => {
    const b = ecuBench(table({ ...SESSION, "2711": "7f2737" }));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({
      code: "UDS_ACCESS_DENIED",
      details: { what: "requiredTimeDelayNotExpired" },
    });
    expect(b.wire.filter((request) => request === "2711")).toHaveLength(2);
  });

  it("refuses a seed of another length", async () => {
    const b = ecuBench(table({ ...SESSION, "2711": "671101020304" }));
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "UDS_UNEXPECTED_RESPONSE" });
  });

  it("answers the seed with the plant's own algorithm where there is one", async () => {
    const own = { ...MAP, securityAccess: { level: 0x11, algorithm: "./own.mjs", seedLength: 2 } };
    const say = table({ ...SESSION, "2711": "67110102", "2712fefd": "6712" });
    const b = ecuBench(say, own, { keyFunction: async ({ seed }) => seed.map((byte) => byte ^ 0xff) });
    await b.drive(b.session.unlock(b.signal));
    expect(b.wire).toEqual(["1003", "2711", "2712fefd"]);
  });

  it("asks for no seed where the plant's own algorithm was not loaded", async () => {
    const own = { ...MAP, securityAccess: { level: 0x11, algorithm: "./own.mjs", seedLength: 2 } };
    const b = ecuBench(table({ ...SESSION }), own);
    await expect(b.drive(b.session.unlock(b.signal))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(b.wire).toEqual(["1003"]);
  });

  it("keeps the session alive until it is closed, and closes the link", async () => {
    const b = ecuBench(table({ ...SESSION, "2711": `6711${"00".repeat(16)}`, "1001": "5001003201f4" }));
    await b.drive(b.session.unlock(b.signal));
    await b.clock.advance(4_500);
    expect(b.wire.slice(2)).toEqual(["3e80", "3e80"]);
    await b.drive(b.session.close(b.signal));
    await b.clock.advance(10_000);
    expect(b.wire.slice(4)).toEqual(["1001"]);
    await expect(b.stationLink.send({ id: 1, extended: false, data: new Uint8Array(0) })).rejects.toThrow();
    expect(b.clock.pending).toBe(0);
  });

  it("closing never rejects, also with the link gone", async () => {
    const b = ecuBench(() => undefined);
    b.stationLink.unplug();
    await b.drive(b.session.close(b.signal));
    await b.drive(b.session.close(b.signal));
  });
});
