import { cmac } from "@noble/ciphers/aes.js";
import { afterEach, describe, expect, it } from "vitest";
import { type FlashStep, PowerCut } from "../../../firmware-sim/flash/flash.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { Bench, UID } from "./bench.js";
import { MASTER, proof, update, V7, V7_ANSWER, V7_LOAD, ZERO_KEY } from "./updates.js";

const SLOT4 = { keyId: 4, authKeyId: 1, authKey: MASTER, key: "a1".repeat(16), counter: 1, flags: 0x0f };
/** KEY_USAGE clear: a cipher key. */
const SLOT5 = { ...SLOT4, keyId: 5, key: "b2".repeat(16), flags: 0x0d };
const RAM = { keyId: 0xe, authKeyId: 4, authKey: SLOT4.key, key: "c3".repeat(16), counter: 0 };

let bench: Bench;
afterEach(() => bench.close());

async function unlocked(options = {}): Promise<void> {
  bench = await Bench.start(options);
  await bench.unlock();
}

async function withKeys(): Promise<void> {
  await unlocked();
  expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
  expect(await bench.ask(`31010210${update(SLOT4)}`)).toBe(`7101021000${proof(SLOT4)}`);
}

const mac = (key: string, data: string) => toHex(cmac(fromHex(data), fromHex(key)));

describe("load SHE key (0210)", () => {
  it("stores the key and answers M4 and M5 of the published vector", async () => {
    await unlocked();
    expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
    expect(await bench.ask("22f1a2")).toBe("62f1a200000200");
  });

  it("answers a status alone where the SHE refuses", async () => {
    await unlocked();
    expect(await bench.ask(`31010210${update(SLOT4)}`)).toBe("7101021004");
    await bench.ask(V7_LOAD);
    expect(await bench.ask(V7_LOAD)).toBe("7101021007");
    expect(await bench.ask(`31010210${update({ ...SLOT4, keyId: 0 })}`)).toBe("7101021003");
    expect(await bench.ask(`31010210${update({ ...SLOT4, keyId: 0xf })}`)).toBe("7101021003");
    expect(await bench.ask(`31010210${update({ ...SLOT4, uid: `${UID.slice(0, -1)}3` })}`)).toBe("7101021007");
    expect(await bench.ask(`31010210${update({ ...SLOT4, authKey: ZERO_KEY })}`)).toBe("7101021007");
  });

  it("needs a counter of at least 1 over an empty slot", async () => {
    await unlocked();
    const first = { keyId: 1, authKeyId: 1, authKey: ZERO_KEY, key: MASTER, counter: 0 };
    expect(await bench.ask(`31010210${update(first)}`)).toBe("7101021007");
  });

  it("refuses a write-protected slot with 06", async () => {
    await withKeys();
    expect(await bench.ask(`31010210${update({ ...SLOT5, flags: 0x10 })}`)).toMatch(/^7101021000/);
    expect(await bench.ask(`31010210${update({ ...SLOT5, counter: 2 })}`)).toBe("7101021006");
  });

  it("takes other than 64 bytes for a wrong length, and no stop", async () => {
    await unlocked();
    expect(await bench.ask(V7_LOAD.slice(0, -2))).toBe("7f3113");
    expect(await bench.ask(`${V7_LOAD}00`)).toBe("7f3113");
    expect(await bench.ask("31010210")).toBe("7f3113");
    expect(await bench.ask("3102021001")).toBe("7f3112");
    expect(await bench.ask("3104021001")).toBe("7f3112");
  });

  it("gives M4 and M5 of the last stored load again, over resets and power cuts; a refused load changes nothing", async () => {
    await unlocked();
    expect(await bench.ask("3103021001")).toBe("7f3131");
    await bench.ask(V7_LOAD);
    await bench.ask(`31010210${update(SLOT4)}`);
    expect(await bench.ask(V7_LOAD)).toBe("7101021007");
    const results = `7103021000${V7.m4}${V7.m5}`;
    expect(await bench.ask("3103021001")).toBe(results);
    expect(await bench.ask("3103021004")).toBe(`7103021000${proof(SLOT4)}`);
    await bench.ask("1101");
    await bench.clock.advance(500);
    await bench.unlock();
    expect(await bench.ask("3103021001")).toBe(results);
    await bench.powerCycle();
    await bench.unlock();
    expect(await bench.ask("3103021001")).toBe(results);
    expect(await bench.ask("31030210")).toBe("7f3113");
    expect(await bench.ask("310302100100")).toBe("7f3113");
    expect(await bench.ask("3103021005")).toBe("7f3131");
    expect(await bench.ask("3103021014")).toBe("7f3131");
  });

  it("keeps the results of slot E until the reset", async () => {
    await withKeys();
    expect(await bench.ask(`31010210${update(RAM)}`)).toBe(`7101021000${proof(RAM)}`);
    expect(await bench.ask("310302100e")).toBe(`7103021000${proof(RAM)}`);
    expect(await bench.ask("22f1a2")).toBe("62f1a200001200");
    await bench.ask("1101");
    await bench.clock.advance(500);
    await bench.unlock();
    expect(await bench.ask("310302100e")).toBe("7f3131");
    expect(await bench.ask("310102110e00")).toBe("7101021104");
  });

  it("uses 16 × FF for an empty slot where it is set so", async () => {
    await unlocked({ ecu: { blankKey: new Uint8Array(16).fill(0xff) } });
    expect(await bench.ask(V7_LOAD)).toBe("7101021007");
    const first = { keyId: 1, authKeyId: 1, authKey: "ff".repeat(16), key: MASTER, counter: 1 };
    expect(await bench.ask(`31010210${update(first)}`)).toBe(`7101021000${proof(first)}`);
  });

  it("has the key and its M4 and M5 both or neither after a power cut at any step of the write", async () => {
    for (const cutAt of ["write", "sync", "done"]) {
      let cutting = false;
      const onStep = ({ count, kind, size }: FlashStep) => {
        if (cutting && kind === cutAt) throw new PowerCut(count, size - 1);
      };
      await unlocked({ flash: { onStep } });
      cutting = true;
      expect(await bench.hear(V7_LOAD)).toEqual([]);
      cutting = false;
      await bench.powerCycle();
      await bench.unlock();
      const stored = cutAt !== "write";
      expect(await bench.ask("3103021001")).toBe(stored ? `7103021000${V7.m4}${V7.m5}` : "7f3131");
      expect(await bench.ask("22f1a2")).toBe(stored ? "62f1a200000200" : "62f1a200000000");
      expect(await bench.ask(V7_LOAD)).toBe(stored ? "7101021007" : V7_ANSWER);
      await bench.close();
    }
  });
});

describe("generate MAC (0211)", () => {
  it("makes a CMAC with a MAC key and with RAM_KEY, over no data too", async () => {
    await withKeys();
    expect(await bench.ask("3101021104")).toBe(`7101021100${mac(SLOT4.key, "")}`);
    expect(await bench.ask("3101021104a0a1a2")).toBe(`7101021100${mac(SLOT4.key, "a0a1a2")}`);
    const long = "5a".repeat(5_000);
    expect(await bench.ask(`3101021104${long}`)).toBe(`7101021100${mac(SLOT4.key, long)}`);
    await bench.ask(`31010210${update(RAM)}`);
    expect(await bench.ask("310102110ea0")).toBe(`7101021100${mac(RAM.key, "a0")}`);
  });

  it("refuses other slots with 03, a cipher key too, and empty ones with 04", async () => {
    await withKeys();
    await bench.ask(`31010210${update(SLOT5)}`);
    for (const slot of ["00", "01", "02", "03", "05", "0f", "14", "ff"])
      expect(await bench.ask(`31010211${slot}00`)).toBe("7101021103");
    for (const slot of ["06", "0d", "0e"]) expect(await bench.ask(`31010211${slot}00`)).toBe("7101021104");
    expect(await bench.ask("31010211")).toBe("7f3113");
    expect(await bench.ask("3103021104")).toBe("7f3112");
  });
});

describe("get id (0212)", () => {
  const challenge = "000102030405060708090a0b0c0d0e0f";

  it("answers UID, SREG and, without a master key, a MAC of zeros", async () => {
    await unlocked();
    expect(await bench.ask(`31010212${challenge}`)).toBe(`7101021200${UID}00${"00".repeat(16)}`);
  });

  it("proves the master key over challenge, UID and SREG", async () => {
    await withKeys();
    const expected = mac(MASTER, `${challenge}${UID}00`);
    expect(await bench.ask(`31010212${challenge}`)).toBe(`7101021200${UID}00${expected}`);
    expect(await bench.ask("31010212")).toBe("7f3113");
    expect(await bench.ask(`31010212${challenge}00`)).toBe("7f3113");
  });
});

describe("lock (0230)", () => {
  it("moves the life cycle for good, and everything still works", async () => {
    await unlocked();
    expect(await bench.ask("3101023000")).toBe("7f3113");
    expect(await bench.ask("31030230")).toBe("7f3112");
    expect(await bench.ask("31010230")).toBe("7101023000");
    expect(await bench.ask("22f1a2")).toBe("62f1a201000000");
    expect(await bench.ask("31010230")).toBe("7101023000");
    expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
    await bench.powerCycle();
    expect(await bench.ask("22f1a2")).toBe("62f1a201000200");
  });
});

describe("routine control", () => {
  it("checks session, id, lock, sub-function and length in this order", async () => {
    bench = await Bench.start();
    expect(await bench.ask("31010210")).toBe("7f317f");
    expect(await bench.ask("310102")).toBe("7f317f");
    await bench.ask("1003");
    expect(await bench.ask("310102")).toBe("7f3113");
    expect(await bench.ask("3101ff00")).toBe("7f3131");
    expect(await bench.ask("31050210")).toBe("7f3133");
    expect(await bench.ask("31010210")).toBe("7f3133");
    await bench.unlock();
    expect(await bench.ask("31020212")).toBe("7f3112");
    expect(await bench.ask("3101ff00")).toBe("7f3131");
    expect(await bench.ask("31010212")).toBe("7f3113");
  });

  it("suppresses the answer of 31 81, not of a refusal, and does the work", async () => {
    await unlocked();
    expect(await bench.hear("31810230")).toEqual([]);
    expect(await bench.ask("22f1a2")).toBe("62f1a201000000");
    expect(await bench.hear("318102")).toEqual(["7f3113"]);
  });
});
