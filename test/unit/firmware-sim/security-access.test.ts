import { afterEach, describe, expect, it } from "vitest";
import { type FlashStep, PowerCut } from "../../../firmware-sim/flash/flash.js";
import { Bench, keyFor } from "./bench.js";

const WRONG = `2712${"00".repeat(16)}`;

describe("security access", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  async function seed(): Promise<string> {
    const answer = await bench.ask("2711");
    expect(answer).toMatch(/^6711[0-9a-f]{32}$/);
    return answer.slice(4);
  }

  async function wrongKey(): Promise<string> {
    await seed();
    return bench.ask(WRONG);
  }

  it("is not there in the default session", async () => {
    bench = await Bench.start();
    expect(await bench.ask("2711")).toBe("7f277f");
    expect(await bench.ask(WRONG)).toBe("7f277f");
  });

  it("unlocks with the CMAC of the seed, and gives a seed of zeros from then on", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    expect(await bench.ask(`2712${keyFor(await seed())}`)).toBe("6712");
    expect(await bench.ask("2711")).toBe(`6711${"00".repeat(16)}`);
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("gives another seed each time, and the newest counts", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    const first = await seed();
    const second = await seed();
    expect(second).not.toBe(first);
    expect(await bench.ask(`2712${keyFor(first)}`)).toBe("7f2735");
  });

  it("spends the seed with every key: a key without a seed is out of sequence", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    expect(await bench.ask(WRONG)).toBe("7f2724");
    const right = `2712${keyFor(await seed())}`;
    expect(await bench.ask(WRONG)).toBe("7f2735");
    expect(await bench.ask(right)).toBe("7f2724");
  });

  it("has no other level and takes no other length", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    expect(await bench.ask("2701")).toBe("7f2712");
    expect(await bench.ask("2713")).toBe("7f2712");
    expect(await bench.ask("27")).toBe("7f2713");
    expect(await bench.ask("271100")).toBe("7f2713");
    await seed();
    expect(await bench.ask("271200")).toBe("7f2713");
  });

  it("answers the first two wrong keys with 35 and the third with 36, then 37 for ten seconds", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    expect([await wrongKey(), await wrongKey(), await wrongKey()]).toEqual(["7f2735", "7f2735", "7f2736"]);
    expect(await bench.ask("2711")).toBe("7f2737");
    await keepAwake(9_500);
    expect(await bench.ask("2711")).toBe("7f2737");
    await keepAwake(600);
    expect(await wrongKey()).toBe("7f2735");
  });

  it("delays anew after a restart while the count stands", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    for (let i = 0; i < 3; i++) await wrongKey();
    await keepAwake(9_000);
    await bench.powerCycle();
    await bench.ask("1003");
    await keepAwake(9_500);
    expect(await bench.ask("2711")).toBe("7f2737");
    await bench.ask("1101");
    await bench.clock.advance(150);
    await bench.ask("1003");
    await keepAwake(9_500);
    expect(await bench.ask("2711")).toBe("7f2737");
    await keepAwake(600);
    await seed();
  });

  it("forgets the count when the delay is over, so that a later restart delays nothing", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    for (let i = 0; i < 3; i++) await wrongKey();
    await bench.clock.advance(10_100);
    await bench.powerCycle();
    await bench.ask("1003");
    expect([await wrongKey(), await wrongKey(), await wrongKey()]).toEqual(["7f2735", "7f2735", "7f2736"]);
  });

  it("keeps the count over a power cut, and a right key sets it to 0", async () => {
    bench = await Bench.start();
    await bench.ask("1003");
    await wrongKey();
    await wrongKey();
    await bench.powerCycle();
    await bench.ask("1003");
    expect(await bench.ask(`2712${keyFor(await seed())}`)).toBe("6712");
    await bench.ask("1003");
    expect([await wrongKey(), await wrongKey()]).toEqual(["7f2735", "7f2735"]);
    await bench.powerCycle();
    await bench.ask("1003");
    expect(await wrongKey()).toBe("7f2736");
  });

  it("counts a wrong key before it answers: with the power cut after the write nobody gains an attempt", async () => {
    let cutting = false;
    const onStep = ({ count, kind }: FlashStep) => {
      if (cutting && kind === "done") throw new PowerCut(count);
    };
    bench = await Bench.start({ flash: { onStep } });
    await bench.ask("1003");
    await wrongKey();
    await wrongKey();
    await seed();
    cutting = true;
    expect(await bench.hear(WRONG)).toEqual([]);
    expect(bench.fatal).toBeInstanceOf(PowerCut);
    cutting = false;
    await bench.powerCycle();
    await bench.ask("1003");
    expect(await bench.ask("2711")).toBe("7f2737");
  });

  it.each(["1001", "1003"])("locks and forgets the seed with %s", async (session) => {
    bench = await Bench.start();
    await bench.unlock();
    await bench.ask(session);
    if (session === "1001") await bench.ask("1003");
    expect(await bench.ask("31010230")).toBe("7f3133");
    const right = `2712${keyFor(await seed())}`;
    await bench.ask("1003");
    expect(await bench.ask(right)).toBe("7f2724");
  });

  it("locks when S3 runs out", async () => {
    bench = await Bench.start();
    await bench.unlock();
    await bench.clock.advance(5_100);
    await bench.ask("1003");
    expect(await bench.ask("31010230")).toBe("7f3133");
  });

  /** Lets time pass in the extended session. */
  async function keepAwake(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 2_000) {
      await bench.clock.advance(Math.min(left, 2_000));
      await bench.send("3e80");
      await bench.clock.advance(0);
    }
  }
});
