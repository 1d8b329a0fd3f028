import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memoryStorage, type SheDevice } from "../../../firmware-sim/she/index.js";
import { concat, fromHex, toHex } from "../../../src/shared/bytes.js";
import { cbcEncrypt, cmac, DEBUG_KEY_C, ecbEncrypt, kdf, SREG } from "../../../src/she/codec/index.js";
import { buildUpdate } from "../../../src/she/update/index.js";
import {
  BLANK,
  BLOCK,
  BOOT_PROTECTION,
  DEBUGGER_PROTECTION,
  KEY,
  KEY_USAGE,
  load,
  MASTER,
  makeDevice,
  OTHER,
  SECRET,
  UID,
  WRITE_PROTECTION,
  withMaster,
  ZERO,
} from "./rig.js";

const file = new URL("../../vectors/she-published.json", import.meta.url);
const { primitives } = JSON.parse(readFileSync(file, "utf8")) as {
  primitives: {
    aesMp: { message: string };
    prng: Record<"seed" | "state" | "extendedSeed" | "extendedState", string>;
    debug: { challenge: string; authorization: string };
    bootMac: { key: string; data: string; mac: string };
  };
};

const sreg = (device: SheDevice) => device.getStatus().sreg;

describe("Table 4.4: what each slot's key may do", () => {
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

describe("4.4.1.2, 4.4.1.3: protected keys", () => {
  it("BOOT_PROTECTION bars use after a failed boot until the next good one", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: BOOT_PROTECTION });
    await load(device, { keyId: 5 });
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
    device.setEnvironment({ bootFailed: true });
    expect(await device.encEcb(4, BLOCK)).toEqual({ erc: "ERC_KEY_NOT_AVAILABLE", data: new Uint8Array(16) });
    expect((await device.encEcb(5, BLOCK)).erc).toBe("ERC_NO_ERROR");
    device.setEnvironment({ bootFailed: false });
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
    device.reset();
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });

  it("a boot without secure boot counts as good, or as bypassed where set so", async () => {
    const device = await withMaster({ withoutSecureBoot: "bypassed" });
    await load(device, { keyId: 4, flags: BOOT_PROTECTION });
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
  });

  it("DEBUGGER_PROTECTION bars use while a debugger is attached and then until the reset", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: DEBUGGER_PROTECTION | KEY_USAGE });
    device.setEnvironment({ debugger: true });
    expect((await device.generateMac(4, BLOCK)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
    expect(sreg(device) & SREG.EXT_DEBUGGER).not.toBe(0);
    device.setEnvironment({ debugger: false });
    expect((await device.generateMac(4, BLOCK)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
    device.reset();
    expect((await device.generateMac(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });
});

describe("4.4.3.1, 4.7.8, 4.7.9: RAM_KEY", () => {
  it("a plain key can be exported, and the blob loads it again by SECRET_KEY", async () => {
    const device = makeDevice();
    expect((await device.exportRamKey()).erc).toBe("ERC_KEY_EMPTY");
    await device.loadPlainKey(OTHER);
    const blob = await device.exportRamKey();
    const expected = buildUpdate({
      uid: UID,
      authKeyId: 0,
      authKey: SECRET,
      keyId: 14,
      newKey: OTHER,
      counter: 0,
      flags: 0,
    });
    expect({ ...blob, erc: undefined }).toEqual({ ...expected, erc: undefined });
    device.reset();
    const loaded = await device.loadKey(blob);
    expect(loaded).toEqual({ erc: "ERC_NO_ERROR", m4: blob.m4, m5: blob.m5 });
    expect((await device.encEcb(14, BLOCK)).data).toEqual(ecbEncrypt(OTHER, BLOCK));
  });

  it("a secure load clears the plain flag: ERC_KEY_INVALID and outputs of 0", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4 });
    await device.loadPlainKey(OTHER);
    await load(device, { keyId: 14, authKeyId: 4, authKey: KEY, counter: 0 });
    const { erc, m1, m2, m3, m4, m5 } = await device.exportRamKey();
    expect([erc, ...[m1, m2, m3, m4, m5].map(toHex)]).toEqual(["ERC_KEY_INVALID", ...[16, 32, 16, 32, 16].map(ZERO)]);
  });
});

describe("4.5: PRNG, with the published values", () => {
  const entropy = fromHex(primitives.aesMp.message).slice(16);
  const firstSeed = fromHex(primitives.aesMp.message).slice(0, 16);

  it("INIT_RNG, RND and EXTEND_SEED go through the published seed and state", async () => {
    const storage = memoryStorage();
    const device = makeDevice({ storage, random: () => firstSeed });
    expect((await device.initRng()).erc).toBe("ERC_NO_ERROR");
    expect(storage.load()?.prngSeed).toBe(primitives.prng.seed);
    expect(toHex((await device.rnd()).data)).toBe(primitives.prng.state);
    expect((await device.extendSeed(entropy)).erc).toBe("ERC_NO_ERROR");
    expect(storage.load()?.prngSeed).toBe(primitives.prng.extendedSeed);
    const prngKey = fromHex("a1be019264992b2b725a4dd4c7767002");
    expect((await device.rnd()).data).toEqual(ecbEncrypt(prngKey, fromHex(primitives.prng.extendedState)));
  });

  it("needs INIT_RNG once after each reset", async () => {
    const device = makeDevice();
    expect(await device.rnd()).toEqual({ erc: "ERC_RNG_SEED", data: new Uint8Array(16) });
    expect((await device.extendSeed(BLOCK)).erc).toBe("ERC_RNG_SEED");
    await device.initRng();
    expect(sreg(device)).toBe(SREG.RND_INIT);
    expect((await device.initRng()).erc).toBe("ERC_SEQUENCE_ERROR");
    const before = (await device.rnd()).data;
    device.reset();
    expect((await device.rnd()).erc).toBe("ERC_RNG_SEED");
    await device.initRng();
    expect((await device.rnd()).data).not.toEqual(before);
  });
});

describe("4.10: secure boot", () => {
  const image = fromHex(primitives.bootMac.data);
  const bootKey = fromHex(primitives.bootMac.key);
  const withBootKey = async () => {
    const device = await withMaster();
    await load(device, { keyId: 2, newKey: bootKey });
    await load(device, { keyId: 4, flags: BOOT_PROTECTION });
    return device;
  };

  it("without BOOT_MAC_KEY: ERC_NO_SECURE_BOOT, once per reset", async () => {
    const device = makeDevice();
    expect((await device.secureBoot(image)).erc).toBe("ERC_NO_SECURE_BOOT");
    expect((await device.secureBoot(image)).erc).toBe("ERC_SEQUENCE_ERROR");
    expect((await device.bootOk()).erc).toBe("ERC_NO_SECURE_BOOT");
    expect((await device.bootFailure()).erc).toBe("ERC_NO_SECURE_BOOT");
    expect(sreg(device)).toBe(0);
  });

  it("learns the published BOOT_MAC on the first boot and passes on the next", async () => {
    const device = await withBootKey();
    expect((await device.secureBoot(image)).erc).toBe("ERC_NO_ERROR");
    expect(sreg(device)).toBe(SREG.SECURE_BOOT | SREG.BOOT_INIT);
    expect(device.filledSlots & 0b1000).toBe(0b1000);
    device.reset();
    expect((await device.secureBoot(image)).erc).toBe("ERC_NO_ERROR");
    expect(sreg(device)).toBe(SREG.SECURE_BOOT | SREG.BOOT_OK);
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
    expect((await device.secureBoot(image)).erc).toBe("ERC_SEQUENCE_ERROR");
  });

  it("the MAC covers 96 zero bits, the size in bits and the data", async () => {
    const device = await withBootKey();
    await load(device, { keyId: 3, newKey: fromHex(primitives.bootMac.mac) });
    await device.secureBoot(image);
    expect(sreg(device) & SREG.BOOT_OK).toBe(SREG.BOOT_OK);
  });

  it("another image fails: FINISHED, not OK, BOOT_OK and BOOT_FAILURE locked, protected keys barred", async () => {
    const device = await withBootKey();
    await load(device, { keyId: 3, newKey: fromHex(primitives.bootMac.mac) });
    await device.secureBoot(fromHex("efbeaddf"));
    expect(sreg(device)).toBe(SREG.SECURE_BOOT | SREG.BOOT_FINISHED);
    expect((await device.bootOk()).erc).toBe("ERC_SEQUENCE_ERROR");
    expect((await device.bootFailure()).erc).toBe("ERC_SEQUENCE_ERROR");
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
    device.reset();
    await device.secureBoot(image);
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });

  it.each([
    [true, SREG.BOOT_OK, "ERC_NO_ERROR"],
    [false, 0, "ERC_KEY_NOT_AVAILABLE"],
  ] as const)("the later stage's word (ok = %s) ends the boot, once", async (ok, bit, erc) => {
    const device = await withBootKey();
    await load(device, { keyId: 3, newKey: fromHex(primitives.bootMac.mac) });
    await device.secureBoot(image);
    expect((await (ok ? device.bootOk() : device.bootFailure())).erc).toBe("ERC_NO_ERROR");
    expect(sreg(device)).toBe(SREG.SECURE_BOOT | SREG.BOOT_FINISHED | bit);
    expect((await device.bootFailure()).erc).toBe("ERC_SEQUENCE_ERROR");
    expect((await device.encEcb(4, BLOCK)).erc).toBe(erc);
  });
});

describe("4.7.17: CMD_GET_ID", () => {
  it("answers UID, SREG and their CMAC by MASTER_ECU_KEY", async () => {
    const device = await withMaster();
    await device.initRng();
    const { erc, uid, sreg: status, mac } = await device.getId(BLOCK);
    expect([erc, uid, status]).toEqual(["ERC_NO_ERROR", UID, SREG.RND_INIT]);
    expect(mac).toEqual(cmac(MASTER, concat(BLOCK, UID, Uint8Array.of(status))));
  });

  it("an empty MASTER_ECU_KEY makes the MAC 0", async () => {
    expect(await makeDevice().getId(BLOCK)).toEqual({
      erc: "ERC_NO_ERROR",
      uid: UID,
      sreg: 0,
      mac: new Uint8Array(16),
    });
  });
});

describe("4.7.19, 4.11: CMD_DEBUG", () => {
  const answer = (master: Uint8Array, challenge: Uint8Array, uid = UID) =>
    cmac(kdf(master, DEBUG_KEY_C), concat(challenge, uid));

  it("computes the published authorization", () => {
    const { challenge, authorization } = primitives.debug;
    const uid = fromHex("000000000000000000000000000001");
    expect(toHex(answer(MASTER, fromHex(challenge), uid))).toBe(authorization);
  });

  it("needs INIT_RNG, a challenge and no write-protected key", async () => {
    const device = await withMaster();
    expect((await device.debugChallenge()).erc).toBe("ERC_RNG_SEED");
    await device.initRng();
    expect((await device.debugAuthorize(BLOCK)).erc).toBe("ERC_SEQUENCE_ERROR");
    await load(device, { keyId: 4, flags: WRITE_PROTECTION });
    expect(await device.debugChallenge()).toEqual({ erc: "ERC_KEY_WRITE_PROTECTED", data: new Uint8Array(16) });
  });

  it("a wrong authorization is ERC_NO_DEBUGGING and spends the challenge", async () => {
    const device = await withMaster();
    await device.initRng();
    const { data: challenge } = await device.debugChallenge();
    expect((await device.debugAuthorize(BLOCK)).erc).toBe("ERC_NO_DEBUGGING");
    expect((await device.debugAuthorize(answer(MASTER, challenge))).erc).toBe("ERC_SEQUENCE_ERROR");
    expect(device.filledSlots).toBe(0b10);
  });

  it("erases all but SECRET_KEY, UID and PRNG_SEED, despite protected keys", async () => {
    const storage = memoryStorage();
    const device = await withMaster({ storage, banks: 1 }, BOOT_PROTECTION | DEBUGGER_PROTECTION);
    await load(device, { keyId: 4, bank: 1 });
    await device.initRng();
    await device.loadPlainKey(OTHER);
    device.setEnvironment({ debugger: true, bootFailed: true });
    const seed = storage.load()?.prngSeed;
    const { data: challenge } = await device.debugChallenge();
    expect((await device.debugAuthorize(answer(MASTER, challenge))).erc).toBe("ERC_NO_ERROR");
    expect(storage.load()).toEqual({ version: 1, keys: [], prngSeed: seed });
    expect((await device.encEcb(14, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
    expect((await device.rnd()).erc).toBe("ERC_RNG_SEED");
    expect(sreg(device) & (SREG.RND_INIT | SREG.INT_DEBUGGER)).toBe(SREG.INT_DEBUGGER);
    expect((await load(device, { keyId: 1, authKey: BLANK, counter: 1 })).erc).toBe("ERC_NO_ERROR");
  });

  it("an empty MASTER_ECU_KEY counts with its blank value", async () => {
    const device = makeDevice();
    await device.initRng();
    const { data: challenge } = await device.debugChallenge();
    expect((await device.debugAuthorize(answer(BLANK, challenge))).erc).toBe("ERC_NO_ERROR");
  });
});

it("CBC of the device is the codec's, so that a wrong IV length is refused", async () => {
  const device = makeDevice();
  await device.loadPlainKey(KEY);
  expect((await device.encCbc(14, BLOCK, BLOCK)).data).toEqual(cbcEncrypt(KEY, BLOCK, BLOCK));
  expect(() => device.encCbc(14, new Uint8Array(8), BLOCK)).toThrow("iv");
});
