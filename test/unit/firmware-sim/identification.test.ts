import { afterEach, describe, expect, it } from "vitest";
import { asciiHex, Bench, ECU_ID } from "./bench.js";

describe("the simulated ECU's identification", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  it.each([
    ["f187", asciiHex("91950-EV000")],
    ["f197", asciiHex("EVCC")],
    ["f191", asciiHex("HW-1.0")],
    ["f195", asciiHex("SW-1.0")],
    ["f18c", asciiHex("SN0001")],
    ["f190", "ff".repeat(17)],
    ["f1a0", ECU_ID],
    ["f1a2", "00000000"],
  ])("answers 22 %s in the default session without security", async (did, value) => {
    bench = await Bench.start();
    expect(await bench.ask(`22${did}`)).toBe(`62${did}${value}`);
  });

  it("answers several identifiers in the order of the request, also twice the same", async () => {
    bench = await Bench.start();
    expect(await bench.ask("22f197f18cf197")).toBe(
      `62f197${asciiHex("EVCC")}f18c${asciiHex("SN0001")}f197${asciiHex("EVCC")}`,
    );
  });

  it("leaves out identifiers it has not, and refuses with 31 when none is there", async () => {
    bench = await Bench.start();
    expect(await bench.ask("22f1c0f197")).toBe(`62f197${asciiHex("EVCC")}`);
    expect(await bench.ask("220100")).toBe("7f2231");
    expect(await bench.ask("22f1c0f1d7")).toBe("7f2231");
  });

  it("refuses half an identifier and none with 13", async () => {
    bench = await Bench.start();
    expect(await bench.ask("22f1")).toBe("7f2213");
    expect(await bench.ask("22")).toBe("7f2213");
    expect(await bench.ask("22f197f1")).toBe("7f2213");
  });

  it("makes its own EcuID for a new flash: type 0003 and supplier 0001 in front of the UID's serial", async () => {
    bench = await Bench.start({ ecu: { unit: {} } });
    const id = (await bench.ask("22f1a0")).slice(6);
    expect(id).toMatch(/^[0-9a-f]{24}00030001[0-9a-f]{22}$/);
    await bench.powerCycle();
    expect(await bench.ask("22f1a0")).toBe(`62f1a0${id}`);
  });
});

describe("the VIN", () => {
  let bench: Bench;
  afterEach(() => bench.close());
  const VIN = asciiHex("KMHXX00XXXX000001");

  it("is written and rewritten in the extended session, unlocked, and stays", async () => {
    bench = await Bench.start();
    expect(await bench.ask(`2ef190${VIN}`)).toBe("7f2e7f");
    await bench.ask("1003");
    expect(await bench.ask(`2ef190${VIN}`)).toBe("7f2e33");
    await bench.unlock();
    expect(await bench.ask(`2ef190${asciiHex("0".repeat(17))}`)).toBe("6ef190");
    expect(await bench.ask(`2ef190${VIN}`)).toBe("6ef190");
    await bench.powerCycle();
    expect(await bench.ask("22f190")).toBe(`62f190${VIN}`);
  });

  it("refuses other characters with 31, other lengths with 13, and what cannot be written with 31", async () => {
    bench = await Bench.start();
    await bench.unlock();
    expect(await bench.ask(`2ef190${asciiHex("kMHXX00XXXX000001")}`)).toBe("7f2e31");
    expect(await bench.ask(`2ef190${"ff".repeat(17)}`)).toBe("7f2e31");
    expect(await bench.ask(`2ef190${VIN}30`)).toBe("7f2e13");
    expect(await bench.ask("2ef190")).toBe("7f2e13");
    expect(await bench.ask(`2ef197${asciiHex("EVCC")}`)).toBe("7f2e31");
    expect(await bench.ask("22f190")).toBe(`62f190${"ff".repeat(17)}`);
  });
});

describe("the clock", () => {
  let bench: Bench;
  afterEach(() => bench.close());
  const seconds = (answer: string) => BigInt(`0x${answer.slice(6)}`);

  it("of a new ECU is long past", async () => {
    bench = await Bench.start();
    expect(Number(seconds(await bench.ask("22f1b0")))).toBeLessThan(Date.UTC(2015, 0, 1) / 1000);
  });

  it("runs on from what is written, over a reset and a power cut too", async () => {
    bench = await Bench.start();
    expect(await bench.ask("2ef1b00000000069000000")).toBe("7f2e7f");
    await bench.unlock();
    expect(await bench.ask("2ef1b00000000069000000")).toBe("6ef1b0");
    expect(await bench.ask("2ef1b069000000")).toBe("7f2e13");
    await bench.clock.advance(3_000);
    const before = seconds(await bench.ask("22f1b0"));
    expect(before - 0x69000000n).toBeGreaterThanOrEqual(3n);
    expect(before - 0x69000000n).toBeLessThanOrEqual(4n);
    await bench.ask("1101");
    await bench.clock.advance(10_000);
    expect(seconds(await bench.ask("22f1b0")) - before).toBeGreaterThanOrEqual(10n);
    await bench.powerCycle();
    await bench.clock.advance(60_000);
    expect(seconds(await bench.ask("22f1b0")) - before).toBeGreaterThanOrEqual(70n);
  });

  it("takes every eight-byte number", async () => {
    bench = await Bench.start();
    await bench.unlock();
    expect(await bench.ask("2ef1b0ffffffffffffff00")).toBe("6ef1b0");
    expect(await bench.ask("22f1b0")).toMatch(/^62f1b0ffffffffffffff0[0-9]$/);
    expect(await bench.ask("2ef1b00000000000000000")).toBe("6ef1b0");
    expect(await bench.ask("22f1b0")).toMatch(/^62f1b0000000000000000[0-9]$/);
  });
});
