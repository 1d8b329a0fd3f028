import { afterEach, describe, expect, it } from "vitest";
import { Bench } from "./bench.js";

let bench: Bench;
afterEach(() => bench.close());

async function faulty(...faults: string[]): Promise<void> {
  bench = await Bench.start({ faults });
}

const KIND = "62f19745564343";
/** Answers to single-frame requests, one each. */
async function heardOf(requests: number): Promise<number> {
  let heard = 0;
  for (let i = 0; i < requests; i++) heard += (await bench.hear("22f197", false, 20)).length;
  return heard;
}

describe("the fault drop", () => {
  it("loses frames to the ECU, or of the ECU, as the direction says", async () => {
    await faulty("drop:in:times=1");
    expect(await bench.hear("22f197")).toEqual([]);
    expect(await bench.hear("22f197")).toEqual([KIND]);
    await bench.close();
    await faulty("drop:out:skip=1:times=1");
    expect(await heardOf(3)).toBe(2);
  });

  it("loses every n-th one", async () => {
    await faulty("drop:in:every=3");
    const heard = [];
    for (let i = 0; i < 6; i++) heard.push((await bench.hear("22f197", false, 20)).length);
    expect(heard).toEqual([1, 1, 0, 1, 1, 0]);
  });

  it("loses a share of them, the same ones of the same seed", async () => {
    const runs: string[] = [];
    for (const seed of [1, 1, 2]) {
      await faulty(`drop:in:rate=0.5:seed=${seed}`);
      let run = "";
      for (let i = 0; i < 40; i++) run += (await bench.hear("22f197", false, 20)).length;
      runs.push(run);
      await bench.close();
    }
    expect(runs[0]).toBe(runs[1]);
    expect(runs[0]).not.toBe(runs[2]);
    expect(runs[0]?.replaceAll("0", "").length).toBeGreaterThan(8);
    expect(runs[0]?.replaceAll("1", "").length).toBeGreaterThan(8);
  });

  it("loses the frame of a segmented answer, which then never ends", async () => {
    await faulty("drop:out:skip=1:times=1");
    expect(await bench.hear("22f1a0", false, 3_000)).toEqual([]);
    expect(await bench.ask("22f197")).toBe(KIND);
  });
});

describe("the fault duplicate", () => {
  it("brings requests twice, so that they are answered twice", async () => {
    await faulty("duplicate:in:times=1");
    expect(await bench.hear("22f197")).toEqual([KIND, KIND]);
    expect(await bench.hear("22f197")).toEqual([KIND]);
  });
});

describe("the fault delay", () => {
  it("brings frames late, both ways", async () => {
    await faulty("delay:100:both");
    expect(await bench.hear("22f197", false, 190)).toEqual([]);
    await bench.clock.advance(20);
    expect(bench.heard).toEqual([KIND]);
  });

  it("lets others overtake a frame", async () => {
    await faulty("delay:100:out:times=1");
    await bench.send("22f197");
    expect(await bench.hear("22f18c", false, 200)).toEqual(["62f18c534e30303031".slice(0, 18), KIND]);
  });

  it("leaves no timer behind when the ECU is switched off", async () => {
    await faulty("delay:60000:out");
    await bench.hear("22f197");
    await bench.close();
    expect(bench.clock.pending).toBe(0);
  });
});

describe("the fault corrupt", () => {
  it("alters one bit of the data and no more", async () => {
    await faulty("corrupt:out:seed=5");
    const bits = new Set<number>();
    for (let i = 0; i < 30; i++) {
      const [answer] = await bench.hear("22f197", false, 20);
      if (answer === undefined || answer.length !== KIND.length) continue;
      const difference = BigInt(`0x${answer}`) ^ BigInt(`0x${KIND}`);
      const flipped = [...difference.toString(2)].filter((bit) => bit === "1").length;
      expect(flipped).toBeLessThanOrEqual(1);
      bits.add(Number(difference));
    }
    expect(bits.size).toBeGreaterThan(3);
  });
});

describe("the fault bus-off", () => {
  it("silences the ECU after its n-th frame, and lets it hear nothing, for a time", async () => {
    await faulty("bus-off:1:500");
    expect(await bench.ask("22f197")).toBe(KIND);
    expect(await bench.hear("1003", false, 100)).toEqual([]);
    expect(await bench.hear("3101", false, 350)).toEqual([]);
    await bench.clock.advance(100);
    expect(await bench.ask("22f197")).toBe(KIND);
  });

  it("holds until it is cleared where no time is given", async () => {
    await faulty("bus-off");
    expect(await bench.hear("22f197", false, 60_000)).toEqual([]);
    bench.faults.clear("bus-off");
    expect(await bench.ask("22f197")).toBe(KIND);
  });
});

describe("faults of frames", () => {
  it("see the frames of this ECU alone", async () => {
    await faulty("drop:in:skip=1:times=1");
    expect(await heardOf(1)).toBe(1);
    await bench.sendFrame(0x123, "0322f197");
    expect(await heardOf(1)).toBe(0);
    expect(await heardOf(1)).toBe(1);
  });

  it("compose: what one doubles the next may lose", async () => {
    await faulty("duplicate:in", "drop:in:every=2");
    for (let i = 0; i < 3; i++) expect(await bench.hear("22f197", false, 50)).toEqual([KIND]);
  });
});
