import { describe, expect, it } from "vitest";
import { memoryStorage, type SheDevice } from "../../../firmware-sim/she/index.js";
import { concat, fromHex, toHex } from "../../../src/shared/bytes.js";
import { cmac, DEBUG_KEY_C, kdf, SREG } from "../../../src/she/codec/index.js";
import { primitives } from "./published.js";
import {
  BLANK,
  BLOCK,
  BOOT_PROTECTION,
  DEBUGGER_PROTECTION,
  load,
  MASTER,
  makeDevice,
  OTHER,
  UID,
  WRITE_PROTECTION,
  withMaster,
} from "./rig.js";

const sreg = (device: SheDevice) => device.getStatus().sreg;

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
