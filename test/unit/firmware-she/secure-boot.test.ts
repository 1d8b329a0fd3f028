import { describe, expect, it } from "vitest";
import type { SheDevice } from "../../../firmware-sim/she/index.js";
import { fromHex } from "../../../src/shared/bytes.js";
import { SREG } from "../../../src/she/codec/index.js";
import { primitives } from "./published.js";
import { BLOCK, BOOT_PROTECTION, load, makeDevice, withMaster } from "./rig.js";

const sreg = (device: SheDevice) => device.getStatus().sreg;

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
