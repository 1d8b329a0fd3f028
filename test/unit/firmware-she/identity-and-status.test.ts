import { describe, expect, it } from "vitest";
import { concat } from "../../../src/shared/bytes.js";
import { cmac, DEBUG_KEY_C, kdf, SREG } from "../../../src/she/codec/index.js";
import { BLOCK, DEBUGGER_PROTECTION, load, MASTER, makeDevice, UID, withMaster } from "./rig.js";

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

describe("4.6: SREG", () => {
  it("has BUSY, SECURE_BOOT, BOOT_INIT, BOOT_FINISHED, BOOT_OK, RND_INIT, EXT_DEBUGGER and INT_DEBUGGER from bit 0", async () => {
    const device = await withMaster();
    const now = () => device.getStatus().sreg;
    expect(now()).toBe(0);
    const running = device.initRng();
    expect(now()).toBe(0x01);
    await running;
    expect(now()).toBe(0x20);
    device.setEnvironment({ debugger: true });
    expect(now()).toBe(0x60);
    device.setEnvironment({ debugger: false });
    await load(device, { keyId: 2 });
    await device.secureBoot(BLOCK);
    expect(now()).toBe(0x26);
    device.reset();
    await device.secureBoot(BLOCK);
    expect(now()).toBe(0x12);
    await device.bootOk();
    expect(now()).toBe(0x1a);
    device.reset();
    await device.secureBoot(UID);
    expect(now()).toBe(0x0a);
    await device.initRng();
    const { data } = await device.debugChallenge();
    await device.debugAuthorize(cmac(kdf(MASTER, DEBUG_KEY_C), concat(data, UID)));
    expect(now()).toBe(0x8a);
    device.reset();
    expect(now()).toBe(0);
  });
});

it("CMD_GET_ID is barred with a MASTER_ECU_KEY that is protected, and answers zeros (4.7, 4.4.1.3)", async () => {
  const device = await withMaster({}, DEBUGGER_PROTECTION);
  device.setEnvironment({ debugger: true });
  expect(await device.getId(BLOCK)).toEqual({
    erc: "ERC_KEY_NOT_AVAILABLE",
    uid: new Uint8Array(15),
    sreg: 0,
    mac: new Uint8Array(16),
  });
});
