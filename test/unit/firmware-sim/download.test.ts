import { afterEach, describe, expect, it } from "vitest";
import { Bench, hex2 } from "./bench.js";

let bench: Bench;
afterEach(() => bench.close());

async function unlocked(): Promise<void> {
  bench = await Bench.start();
  await bench.unlock();
}

const request = (length: string) => `34004410000000${length}`;

describe("request download", () => {
  it("needs the extended session and security access", async () => {
    bench = await Bench.start();
    for (const [sid, text] of [
      ["34", request("00000010")],
      ["36", "3601aa"],
      ["37", "37"],
    ] as const) {
      await bench.ask("1001");
      expect(await bench.ask(text)).toBe(`7f${sid}7f`);
      await bench.ask("1003");
      expect(await bench.ask(text)).toBe(`7f${sid}33`);
    }
  });

  it("announces blocks of 0FFE hex, and takes 1 byte to 16 KiB", async () => {
    await unlocked();
    expect(await bench.ask(request("00000001"))).toBe("74200ffe");
    expect(await bench.ask(request("00004000"))).toBe("74200ffe");
  });

  it.each([
    ["another address", "3400441000000100000010"],
    ["another data format", "3410441000000000000010"],
    ["another address format", "34003310000000000010"],
    ["a short address format", "3400111010"],
    ["length 0", request("00000000")],
    ["a length above 16 KiB", request("00004001")],
    ["the longest length", request("ffffffff")],
  ])("refuses %s with 31", async (_, text) => {
    await unlocked();
    expect(await bench.ask(text)).toBe("7f3431");
    expect(await bench.ask("3601aa")).toBe("7f3624");
  });

  it.each(["34", "3400", "340044", "34004410000000000010", `${request("00000010")}00`])(
    "refuses the length of %s with 13",
    async (text) => {
      await unlocked();
      expect(await bench.ask(text)).toBe("7f3413");
    },
  );
});

describe("transfer data", () => {
  it("refuses blocks and the exit out of place with 24", async () => {
    await unlocked();
    expect(await bench.ask("3601aa")).toBe("7f3624");
    expect(await bench.ask("37")).toBe("7f3724");
    await bench.ask(request("00000002"));
    expect(await bench.ask("37")).toBe("7f3724");
    expect(await bench.ask("3601aa")).toBe("7601");
    expect(await bench.ask("37")).toBe("7f3724");
    expect(await bench.ask("3602bb")).toBe("7602");
    expect(await bench.ask("3700")).toBe("7f3713");
    expect(await bench.ask("37")).toBe("77");
    expect(await bench.ask("37")).toBe("7f3724");
    expect(await bench.ask("3602bb")).toBe("7f3624");
  });

  it("counts from 01, refuses another counter with 73, and goes on afterwards", async () => {
    await unlocked();
    await bench.ask(request("00000003"));
    expect(await bench.ask("3600aa")).toBe("7f3673");
    expect(await bench.ask("3602aa")).toBe("7f3673");
    expect(await bench.ask("3601aa")).toBe("7601");
    expect(await bench.ask("3603bb")).toBe("7f3673");
    expect(await bench.ask("3602bb")).toBe("7602");
    expect(await bench.ask("3601aa")).toBe("7f3673");
  });

  it("acknowledges the block received last again without storing it", async () => {
    await unlocked();
    await bench.ask(request("00000003"));
    expect(await bench.ask("3601aabb")).toBe("7601");
    expect(await bench.ask("3601aabb")).toBe("7601");
    expect(await bench.ask("3602cc")).toBe("7602");
    expect(await bench.ask("3602cc")).toBe("7602");
    expect(await bench.ask("37")).toBe("77");
  });

  it("refuses more than announced with 71", async () => {
    await unlocked();
    await bench.ask(request("00000002"));
    expect(await bench.ask("3601aabbcc")).toBe("7f3671");
    expect(await bench.ask("3601aa")).toBe("7601");
    expect(await bench.ask("3602bbcc")).toBe("7f3671");
    expect(await bench.ask("3602bb")).toBe("7602");
    expect(await bench.ask("3603dd")).toBe("7f3671");
    expect(await bench.ask("37")).toBe("77");
  });

  it("refuses a block without data, and one longer than announced, with 13", async () => {
    await unlocked();
    await bench.ask(request("00004000"));
    expect(await bench.ask("36")).toBe("7f3613");
    expect(await bench.ask("3601")).toBe("7f3613");
    expect(await bench.ask(`3601${"00".repeat(4093)}`)).toBe("7f3613");
    expect(await bench.ask(`3601${"00".repeat(4092)}`)).toBe("7601");
  });

  it("goes on from counter FF to 00", async () => {
    await unlocked();
    await bench.ask(request("00000102"));
    for (let n = 1; n <= 0x102; n++) expect(await bench.ask(`36${hex2(n % 256)}aa`)).toBe(`76${hex2(n % 256)}`);
    expect(await bench.ask("37")).toBe("77");
  });

  it("begins anew with another request", async () => {
    await unlocked();
    await bench.ask(request("00000002"));
    await bench.ask("3601aa");
    expect(await bench.ask(request("00000001"))).toBe("74200ffe");
    expect(await bench.ask("3601bb")).toBe("7601");
    expect(await bench.ask("37")).toBe("77");
  });

  it("is given up with the session", async () => {
    await unlocked();
    await bench.ask(request("00000001"));
    await bench.unlock();
    expect(await bench.ask("3601aa")).toBe("7f3624");
  });
});
