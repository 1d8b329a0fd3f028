import { describe, expect, it } from "vitest";
import { buildUpdate } from "../../../src/she/update/index.js";
import { BLOCK, KEY, KEY_USAGE, load, MASTER, makeDevice, UID, withMaster } from "./rig.js";

describe("SHE+: banks", () => {
  it("each bank has slots and constants of its own", async () => {
    const device = await withMaster({ banks: 8 });
    for (let bank = 1; bank <= 8; bank++) {
      expect((await load(device, { keyId: 4, bank })).erc).toBe("ERC_NO_ERROR");
      expect((await device.encEcb(bank * 16 + 4, BLOCK)).erc).toBe("ERC_NO_ERROR");
      expect((await load(device, { keyId: 4, bank, authKeyId: 4, authKey: KEY, counter: 2 })).erc).toBe("ERC_NO_ERROR");
    }
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
    const set = buildUpdate({ uid: UID, authKeyId: 1, authKey: MASTER, keyId: 5, newKey: KEY, counter: 1, flags: 0 });
    expect((await device.loadKey({ ...set, bank: 1 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("a bank that the device has not is ERC_KEY_INVALID; slots 1–3 and E exist in bank 0 alone", async () => {
    expect((await load(await withMaster(), { keyId: 4, bank: 1 })).erc).toBe("ERC_KEY_INVALID");
    const device = await withMaster({ banks: 1 });
    for (const keyId of [1, 2, 3, 14]) {
      expect((await load(device, { keyId, bank: 1, counter: 2 })).erc).toBe("ERC_KEY_INVALID");
    }
  });

  it("a device may have fewer KEY_n, at least three (4.4.2.5)", async () => {
    const device = await withMaster({ keyCount: 3 });
    expect((await load(device, { keyId: 6 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 7 })).erc).toBe("ERC_KEY_INVALID");
    expect(() => makeDevice({ keyCount: 2 })).toThrow("3..10");
  });
});

describe("SHE+: VERIFY_ONLY", () => {
  it("VERIFY_ONLY bars GENERATE_MAC on six-flag devices alone", async () => {
    const six = await withMaster({ verifyOnly: true });
    await load(six, { keyId: 4, flags: KEY_USAGE, verifyOnly: true });
    expect((await six.generateMac(4, BLOCK)).erc).toBe("ERC_KEY_INVALID");
    expect(await six.verifyMac(4, BLOCK, new Uint8Array(16))).toEqual({ erc: "ERC_NO_ERROR", verified: false });
    const five = await withMaster();
    await load(five, { keyId: 4, flags: KEY_USAGE, verifyOnly: true });
    expect((await five.generateMac(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });
});
