import { describe, expect, it } from "vitest";
import type { SheDevice } from "../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { cbcEncrypt, cmac, ecbEncrypt } from "../../../src/she/codec/index.js";
import { BLOCK, KEY, KEY_USAGE, load, makeDevice, withMaster } from "./rig.js";

describe("4.4: use of keys (Table 4.4)", () => {
  const uses = {
    cipher: async (device: SheDevice, slot: number) => [
      (await device.encEcb(slot, BLOCK)).erc,
      (await device.decEcb(slot, BLOCK)).erc,
      (await device.encCbc(slot, BLOCK, BLOCK)).erc,
      (await device.decCbc(slot, BLOCK, BLOCK)).erc,
    ],
    generate: async (device: SheDevice, slot: number) => [(await device.generateMac(slot, BLOCK)).erc],
    verify: async (device: SheDevice, slot: number) => [(await device.verifyMac(slot, BLOCK, BLOCK)).erc],
  };
  const table: [string, number, number, (keyof typeof uses)[]][] = [
    ["SECRET_KEY nothing", 0, 0, []],
    ["MASTER_ECU_KEY nothing", 1, 0, []],
    ["BOOT_MAC_KEY verifies", 2, 0, ["verify"]],
    ["BOOT_MAC nothing", 3, 0, []],
    ["KEY_1 with KEY_USAGE 0 ciphers", 4, 0, ["cipher"]],
    ["KEY_10 with KEY_USAGE 1 makes and verifies MACs", 13, KEY_USAGE, ["generate", "verify"]],
    ["RAM_KEY all", 14, 0, ["cipher", "generate", "verify"]],
    ["slot F nothing", 15, 0, []],
  ];
  it.each(table)("%s", async (_, slot, flags, allowed) => {
    const device = await withMaster();
    if (slot >= 2 && slot <= 13) await load(device, { keyId: slot, flags });
    await device.loadPlainKey(KEY);
    for (const [use, run] of Object.entries(uses)) {
      const expected = allowed.includes(use as keyof typeof uses) ? "ERC_NO_ERROR" : "ERC_KEY_INVALID";
      for (const erc of await run(device, slot)) expect(`${use}: ${erc}`).toBe(`${use}: ${expected}`);
    }
  });

  it("an empty slot is ERC_KEY_EMPTY with an output of 0", async () => {
    const device = makeDevice();
    for (const slot of [4, 13, 14]) {
      expect(await device.encEcb(slot, BLOCK)).toEqual({ erc: "ERC_KEY_EMPTY", data: new Uint8Array(16) });
      expect(await device.generateMac(slot, BLOCK)).toEqual({ erc: "ERC_KEY_EMPTY", data: new Uint8Array(16) });
    }
  });
});

describe("4.7.1 to 4.7.6: ciphers and MACs", () => {
  it("ECB and CBC are those of FIPS 197 and SP 800-38A", async () => {
    const device = makeDevice();
    await device.loadPlainKey(fromHex("000102030405060708090a0b0c0d0e0f"));
    expect(toHex((await device.encEcb(14, BLOCK)).data)).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
    await device.loadPlainKey(fromHex("2b7e151628aed2a6abf7158809cf4f3c"));
    const iv = fromHex("000102030405060708090a0b0c0d0e0f");
    const plain = fromHex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    const { data } = await device.encCbc(14, iv, plain);
    expect(toHex(data)).toBe("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
    expect((await device.decCbc(14, iv, data)).data).toEqual(plain);
    expect((await device.decEcb(14, (await device.encEcb(14, plain)).data)).data).toEqual(plain);
  });

  it("the MAC is RFC 4493's, compared over its leading macLength bits", async () => {
    const device = makeDevice();
    await device.loadPlainKey(fromHex("2b7e151628aed2a6abf7158809cf4f3c"));
    const message = fromHex("6bc1bee22e409f96e93d7e117393172a");
    const { data: mac } = await device.generateMac(14, message);
    expect(toHex(mac)).toBe("070a16b46b4d4144f79bdd9dd04a287c");
    expect((await device.verifyMac(14, message, mac)).verified).toBe(true);
    expect((await device.verifyMac(14, message, mac.slice(0, 4), 32)).verified).toBe(true);
    const wrongBit37 = mac.slice();
    wrongBit37[4] = (mac[4] ?? 0) ^ 0x08;
    expect((await device.verifyMac(14, message, wrongBit37, 36)).verified).toBe(true);
    expect((await device.verifyMac(14, message, wrongBit37, 37)).verified).toBe(false);
    expect(() => device.verifyMac(14, message, mac.slice(0, 4), 33)).toThrow("33");
  });

  it("half blocks are the caller's mistake", async () => {
    const device = makeDevice();
    await device.loadPlainKey(KEY);
    expect(() => device.encEcb(14, new Uint8Array(15))).toThrow(RangeError);
  });
});

it("CBC of the device is the codec's, so that a wrong IV length is refused", async () => {
  const device = makeDevice();
  await device.loadPlainKey(KEY);
  expect((await device.encCbc(14, BLOCK, BLOCK)).data).toEqual(cbcEncrypt(KEY, BLOCK, BLOCK));
  expect(() => device.encCbc(14, new Uint8Array(8), BLOCK)).toThrow("iv");
});

describe("4.4.1.5: KEY_USAGE", () => {
  it("0 is a key for ciphers, 1 one for MACs; the other use is ERC_KEY_INVALID with outputs of 0", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: 0 });
    await load(device, { keyId: 5, flags: KEY_USAGE });
    const zeros = new Uint8Array(16);
    expect((await device.encEcb(4, BLOCK)).data).toEqual(ecbEncrypt(KEY, BLOCK));
    expect(await device.generateMac(4, BLOCK)).toEqual({ erc: "ERC_KEY_INVALID", data: zeros });
    expect(await device.verifyMac(4, BLOCK, zeros)).toEqual({ erc: "ERC_KEY_INVALID", verified: false });
    expect((await device.generateMac(5, BLOCK)).data).toEqual(cmac(KEY, BLOCK));
    expect(await device.decCbc(5, BLOCK, BLOCK)).toEqual({ erc: "ERC_KEY_INVALID", data: zeros });
  });

  it("is no flag of the other slots: BOOT_MAC_KEY verifies without it", async () => {
    const device = await withMaster();
    await load(device, { keyId: 2, flags: 0 });
    expect((await device.verifyMac(2, BLOCK, cmac(KEY, BLOCK))).verified).toBe(true);
  });
});
