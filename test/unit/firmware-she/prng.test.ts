import { describe, expect, it } from "vitest";
import { memoryStorage, type SheDevice } from "../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { ecbEncrypt, SREG } from "../../../src/she/codec/index.js";
import { primitives } from "./published.js";
import { BLOCK, BOOT_PROTECTION, DEBUGGER_PROTECTION, makeDevice, withMaster } from "./rig.js";

const sreg = (device: SheDevice) => device.getStatus().sreg;

describe("4.5: PRNG", () => {
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

  it("INIT_RNG ignores the protection that SECRET_KEY has from MASTER_ECU_KEY (4.7.10)", async () => {
    const device = await withMaster({}, BOOT_PROTECTION | DEBUGGER_PROTECTION);
    device.setEnvironment({ debugger: true, bootFailed: true });
    expect((await device.initRng()).erc).toBe("ERC_NO_ERROR");
    expect((await device.rnd()).erc).toBe("ERC_NO_ERROR");
    await device.loadPlainKey(BLOCK);
    expect((await device.exportRamKey()).erc).toBe("ERC_KEY_NOT_AVAILABLE");
  });
});
