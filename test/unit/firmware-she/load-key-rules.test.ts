import { describe, expect, it } from "vitest";
import { buildUpdate } from "../../../src/she/update/index.js";
import {
  BLANK,
  BLOCK,
  BOOT_PROTECTION,
  DEBUGGER_PROTECTION,
  KEY,
  load,
  MASTER,
  makeDevice,
  OTHER,
  SECRET,
  UID,
  WRITE_PROTECTION,
  withMaster,
} from "./rig.js";

describe("4.9.1: order in CMD_LOAD_KEY", () => {
  it("write protection comes before an empty authoriser", async () => {
    const device = makeDevice();
    await load(device, { keyId: 4, authKeyId: 4, authKey: BLANK, flags: WRITE_PROTECTION });
    expect((await load(device, { keyId: 4, authKeyId: 1, counter: 2 })).erc).toBe("ERC_KEY_WRITE_PROTECTED");
  });

  it("an empty authoriser is ERC_KEY_EMPTY, also with a wrong M3", async () => {
    expect((await load(makeDevice(), { keyId: 4 })).erc).toBe("ERC_KEY_EMPTY");
  });

  it("a barred authoriser of RAM_KEY comes before M3: ERC_KEY_NOT_AVAILABLE", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: BOOT_PROTECTION });
    device.setEnvironment({ bootFailed: true });
    expect((await load(device, { keyId: 14, authKeyId: 4, authKey: OTHER })).erc).toBe("ERC_KEY_NOT_AVAILABLE");
  });

  it("an update of other slots is not barred by protection of target or authoriser (4.4.1.2, 4.4.1.3)", async () => {
    const flags = BOOT_PROTECTION | DEBUGGER_PROTECTION;
    const device = await withMaster({}, flags);
    await load(device, { keyId: 4, flags });
    device.setEnvironment({ bootFailed: true, debugger: true });
    expect((await load(device, { keyId: 4, counter: 2, flags })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 4, authKeyId: 4, authKey: KEY, counter: 3 })).erc).toBe("ERC_NO_ERROR");
  });

  it("SECRET_KEY inherits MASTER_ECU_KEY's protection when it authorises RAM_KEY (Table 4.3)", async () => {
    const device = await withMaster({}, DEBUGGER_PROTECTION);
    const blob = { keyId: 14, authKeyId: 0, authKey: SECRET };
    expect((await load(device, blob)).erc).toBe("ERC_NO_ERROR");
    device.setEnvironment({ debugger: true });
    expect((await load(device, blob)).erc).toBe("ERC_KEY_NOT_AVAILABLE");
  });

  it("a wrong M3 or another device's UID is ERC_KEY_UPDATE_ERROR and changes nothing", async () => {
    const device = await withMaster();
    const set = buildUpdate({ uid: UID, authKeyId: 1, authKey: MASTER, keyId: 4, newKey: KEY, counter: 1, flags: 0 });
    for (const broken of ["m1", "m2", "m3"] as const) {
      const bytes = set[broken].slice();
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      expect((await device.loadKey({ ...set, [broken]: bytes })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    }
    const foreign = UID.slice();
    foreign[14] = 0xee;
    expect((await load(device, { keyId: 4, uid: foreign })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    expect(device.filledSlots).toBe(0b10);
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
  });
});

describe("4.9.1: blank-key value", () => {
  it.each([
    ["00", new Uint8Array(16)],
    ["ff", new Uint8Array(16).fill(0xff)],
  ])("an empty slot authorises itself by the blank value %s", async (_, blankKey) => {
    for (const keyId of [1, 2, 4, 13]) {
      const device = makeDevice({ blankKey });
      expect((await load(device, { keyId, authKeyId: keyId, authKey: OTHER })).erc).toBe("ERC_KEY_UPDATE_ERROR");
      expect((await load(device, { keyId, authKeyId: keyId, authKey: blankKey })).erc).toBe("ERC_NO_ERROR");
    }
  });
});

describe("4.9.1: counter", () => {
  it("a counter must be greater than the slot's own; an empty slot's is 0", async () => {
    const device = await withMaster();
    expect((await load(device, { keyId: 4, counter: 0 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    expect((await load(device, { keyId: 4, counter: 7 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 4, counter: 7 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    expect((await load(device, { keyId: 4, counter: 8 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 5, counter: 1 })).erc).toBe("ERC_NO_ERROR");
  });

  it("28 bits are the end: nothing follows 0xFFFFFFF", async () => {
    const device = await withMaster();
    expect((await load(device, { keyId: 4, counter: 0xfff_ffff })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 4, counter: 0xfff_ffff })).erc).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("RAM_KEY's counter is ignored", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4 });
    for (const counter of [5, 0, 0]) {
      expect((await load(device, { keyId: 14, authKeyId: 4, authKey: KEY, counter })).erc).toBe("ERC_NO_ERROR");
    }
  });
});
