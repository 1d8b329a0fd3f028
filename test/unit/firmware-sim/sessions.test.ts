import { afterEach, describe, expect, it } from "vitest";
import { Bench, keyFor } from "./bench.js";

describe("sessions and resets", () => {
  let bench: Bench;
  afterEach(() => bench.close());
  /** 2E is not there in the default session, and locked in the extended one. */
  const inDefault = async () => (await bench.ask("2ef1900000000000000000000000000000000000")) === "7f2e7f";

  it("enters the default and the extended session and says P2 and P2*", async () => {
    bench = await Bench.start();
    expect(await bench.ask("1003")).toBe("5003003201f4");
    expect(await inDefault()).toBe(false);
    expect(await bench.ask("1001")).toBe("5001003201f4");
    expect(await inDefault()).toBe(true);
  });

  it.each([
    ["1002", "7f1012"],
    ["1000", "7f1012"],
    ["10", "7f1013"],
    ["100300", "7f1013"],
    ["3e01", "7f3e12"],
    ["3e", "7f3e13"],
    ["3e0000", "7f3e13"],
    ["1102", "7f1112"],
    ["11", "7f1113"],
    ["110100", "7f1113"],
    ["14ffffff", "7f1411"],
    ["190201", "7f1911"],
    ["2800", "7f2811"],
    ["8502", "7f8511"],
    ["00", "7f0011"],
    ["7f", "7f7f11"],
  ])("answers %s with %s", async (request, answer) => {
    bench = await Bench.start();
    expect(await bench.ask(request)).toBe(answer);
  });

  it("falls back to the default session 5 s after the last answer, and not before", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    await bench.clock.advance(4_800);
    expect(await bench.ask("3e00")).toBe("7e00");
    await bench.clock.advance(4_800);
    expect(await inDefault()).toBe(false);
    await bench.clock.advance(5_100);
    expect(await inDefault()).toBe(true);
  });

  it("is kept in the session by 3E 80, physically and functionally, without an answer", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    await bench.clock.advance(4_500);
    expect(await bench.hear("3e80", false, 10)).toEqual([]);
    await bench.clock.advance(4_500);
    expect(await bench.hear("3e80", true, 10)).toEqual([]);
    await bench.clock.advance(4_500);
    expect(await inDefault()).toBe(false);
  });

  it("suppresses positive answers alone", async () => {
    bench = await Bench.start();
    expect(await bench.hear("1083")).toEqual([]);
    expect(await bench.hear("10830000")).toEqual(["7f1013"]);
    expect(await bench.hear("1082")).toEqual(["7f1012"]);
    expect(await inDefault()).toBe(false);
  });

  it("resets in every session, locked too: answers first, is silent, and is back within 500 ms in the default session", async () => {
    bench = await Bench.start();
    expect(await bench.ask("1101")).toBe("5101");
    expect(await bench.hear("22f197", false, 20)).toEqual([]);
    await bench.clock.advance(480);
    expect(await bench.ask("22f197")).toBe("62f19745564343");
    await bench.unlock();
    expect(await bench.ask("1101")).toBe("5101");
    await bench.clock.advance(500);
    expect(await inDefault()).toBe(true);
    await bench.ask("1003");
    expect(await bench.ask("31010230")).toBe("7f3133");
  });

  it("resets without an answer where that is suppressed", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    expect(await bench.hear("1181")).toEqual([]);
    await bench.clock.advance(500);
    expect(await inDefault()).toBe(true);
  });

  it("forgets a seed with a reset", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    const seed = (await bench.ask("2711")).slice(4);
    await bench.ask("1101");
    await bench.clock.advance(500);
    await bench.ask("1003");
    expect(await bench.ask(`2712${keyFor(seed)}`)).toBe("7f2724");
  });
});

describe("functional addressing", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  it("serves 10, 22 and 3E", async () => {
    bench = await Bench.start();
    expect(await bench.ask("1003", true)).toBe("5003003201f4");
    expect(await bench.ask("22f197", true)).toBe("62f19745564343");
    expect(await bench.ask("3e00", true)).toBe("7e00");
  });

  it.each(["1101", "2711", "31010230", "37", "14ffffff", "2ef19000"])(
    "does not answer %s, nor do it",
    async (request) => {
      bench = await Bench.start();
      await bench.unlock();
      expect(await bench.hear(request, true)).toEqual([]);
      expect(await bench.ask("22f1a2")).toBe("62f1a200000000");
      expect(await bench.ask("2711")).toBe(`6711${"00".repeat(16)}`);
    },
  );

  it.each(["1002", "3e01", "220100"])("withholds NRC 12 and 31 to %s", async (request) => {
    bench = await Bench.start();
    expect(await bench.hear(request, true)).toEqual([]);
  });

  it.each([
    ["10", "7f1013"],
    ["22f1", "7f2213"],
  ])("sends other NRCs: %s is answered %s", async (request, answer) => {
    bench = await Bench.start();
    expect(await bench.hear(request, true)).toEqual([answer]);
  });
});

describe("one request at a time", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  it("serves a request that comes right behind another after it", async () => {
    bench = await Bench.start();
    await Promise.all([bench.send("3e80", true), bench.send("22f197")]);
    await bench.clock.advance(10);
    expect(bench.heard).toEqual(["62f19745564343"]);
  });

  it("answers another request during long work with 21, and TesterPresent as ever", async () => {
    bench = await Bench.start({ faults: ["slow:1000"] });
    await bench.send("22f18c");
    // Waits behind the first until that has sent its 0x78.
    expect(await bench.hear("22f197", false, 40)).toEqual(["7f2278", "7f2221"]);
    for (const [request, functional] of [
      ["22f18c", false],
      ["3e80", false],
      ["3e00", false],
      ["22f18c", true],
    ] as const)
      await bench.send(request, functional);
    await bench.clock.advance(3_000);
    const answers = bench.heard.filter((answer) => answer !== "7f2278");
    expect(answers).toEqual(["7f2221", "7f2221", "7e00", "62f18c534e30303031"]);
  });

  it("sends 0x78 before P2 and again before P2* while it works", async () => {
    bench = await Bench.start({ faults: ["slow:12000"] });
    expect(await bench.hear("22f197", false, 49)).toEqual(["7f2278"]);
    await bench.clock.advance(12_000);
    expect(bench.heard.length).toBeGreaterThanOrEqual(4);
    expect(bench.heard.at(-1)).toBe("62f19745564343");
  });

  it("answers a request that suppresses the answer once it has sent 0x78", async () => {
    bench = await Bench.start({ faults: ["slow:100"] });
    expect(await bench.hear("3e80", false, 500)).toEqual(["7f3e78", "7e00"]);
  });
});
