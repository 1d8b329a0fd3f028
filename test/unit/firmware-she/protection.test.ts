import { describe, expect, it } from "vitest";
import { memoryStorage, type SheDevice } from "../../../firmware-sim/she/index.js";
import { SREG } from "../../../src/she/codec/index.js";
import {
  BLOCK,
  BOOT_PROTECTION,
  DEBUGGER_PROTECTION,
  KEY_USAGE,
  load,
  WILDCARD,
  WRITE_PROTECTION,
  withMaster,
} from "./rig.js";

const sreg = (device: SheDevice) => device.getStatus().sreg;

describe("4.4.1.1, 4.11: WRITE_PROTECTION", () => {
  it("WRITE_PROTECTION is irreversible (4.4.1.1)", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: WRITE_PROTECTION });
    device.reset();
    expect((await load(device, { keyId: 4, counter: 2 })).erc).toBe("ERC_KEY_WRITE_PROTECTED");
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });
});

describe("4.4.1.2, 4.9.1: BOOT_PROTECTION", () => {
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
});

describe("4.4.1.3, Table 4.3: DEBUGGER_PROTECTION", () => {
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

describe("4.4.1: not-applicable flag", () => {
  it("a flag that the slot does not store is ignored (Table 4.3)", async () => {
    const storage = memoryStorage();
    const device = await withMaster({ storage }, 0x1f & ~WRITE_PROTECTION);
    await load(device, { keyId: 2, flags: 0x0f });
    await load(device, { keyId: 3, flags: 0x0f });
    await load(device, { keyId: 4, flags: 0x0f });
    const stored = Object.fromEntries(storage.load()?.keys.map(({ slot, flags }) => [slot, flags]) ?? []);
    const common = DEBUGGER_PROTECTION | WILDCARD;
    expect(stored).toEqual({
      1: common | BOOT_PROTECTION,
      2: common,
      3: common,
      4: common | BOOT_PROTECTION | KEY_USAGE,
    });
  });
});
