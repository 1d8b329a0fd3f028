import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../firmware-sim/she/index.js";
import { toHex } from "../../../src/shared/bytes.js";
import { SLOTS } from "../../../src/she/codec/index.js";
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
  WILDCARD,
  WILDCARD_UID,
  WRITE_PROTECTION,
  withMaster,
  ZERO,
} from "./rig.js";

describe("4.8.4, Table 4.5: who may authorise what", () => {
  const authorisers: Record<number, number[]> = {
    1: [1],
    2: [1, 2],
    3: [1, 2],
    14: [0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
  };
  for (let n = 4; n <= 13; n++) authorisers[n] = [1, n];

  it("takes exactly the authorisers of the table when every key is there", async () => {
    for (const { id } of SLOTS) {
      for (let authKeyId = 0; authKeyId < 16; authKeyId++) {
        const device = await withMaster();
        for (const keyId of [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]) await load(device, { keyId, newKey: MASTER });
        await load(device, { keyId: 3, newKey: MASTER });
        const authKey = authKeyId === 0 ? SECRET : MASTER;
        const { erc } = await load(device, { keyId: id, authKeyId, authKey, newKey: OTHER, counter: 2 });
        const allowed = authorisers[id]?.includes(authKeyId) === true;
        expect(`${id} by ${authKeyId}: ${erc}`).toBe(
          `${id} by ${authKeyId}: ${allowed ? "ERC_NO_ERROR" : "ERC_KEY_INVALID"}`,
        );
      }
    }
  });

  it("answers a refusal with outputs of 0 (4.7)", async () => {
    const { erc, m4, m5 } = await load(makeDevice(), { keyId: 0xf });
    expect([erc, toHex(m4), toHex(m5)]).toEqual(["ERC_KEY_INVALID", ZERO(32), ZERO(16)]);
  });
});

describe("4.9.1: the order of CMD_LOAD_KEY", () => {
  it("write protection comes before an empty authoriser", async () => {
    const device = makeDevice();
    await load(device, { keyId: 4, authKeyId: 4, authKey: BLANK, flags: WRITE_PROTECTION });
    expect((await load(device, { keyId: 4, authKeyId: 1, counter: 2 })).erc).toBe("ERC_KEY_WRITE_PROTECTED");
  });

  it("an empty authoriser is ERC_KEY_EMPTY, also with a wrong M3", async () => {
    expect((await load(makeDevice(), { keyId: 4 })).erc).toBe("ERC_KEY_EMPTY");
  });

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

describe("4.9.1: counters", () => {
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

describe("4.4.1.4, 4.4.4.2: the wildcard UID", () => {
  it("a fresh slot takes it, and M4 carries the device's own UID", async () => {
    const device = await withMaster();
    const answer = await load(device, { keyId: 4, uid: WILDCARD_UID });
    const expected = buildUpdate({
      uid: WILDCARD_UID,
      deviceUid: UID,
      authKeyId: 1,
      authKey: MASTER,
      keyId: 4,
      newKey: KEY,
      counter: 1,
      flags: 0,
    });
    expect([answer.erc, toHex(answer.m4), toHex(answer.m5)]).toEqual([
      "ERC_NO_ERROR",
      toHex(expected.m4),
      toHex(expected.m5),
    ]);
  });

  it("a slot whose WILDCARD flag is set refuses it until an update by UID clears the flag", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: WILDCARD });
    expect((await load(device, { keyId: 4, uid: WILDCARD_UID, counter: 2 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    expect((await load(device, { keyId: 4, counter: 2 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 4, uid: WILDCARD_UID, counter: 3 })).erc).toBe("ERC_NO_ERROR");
  });

  it("no device has UID 0", () => {
    expect(() => makeDevice({ uid: WILDCARD_UID })).toThrow("wildcard");
  });
});

describe("4.4.1: flags", () => {
  it("WRITE_PROTECTION is irreversible (4.4.1.1)", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: WRITE_PROTECTION });
    device.reset();
    expect((await load(device, { keyId: 4, counter: 2 })).erc).toBe("ERC_KEY_WRITE_PROTECTED");
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });

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

describe("persistence and CMD_CANCEL (4.7.18)", () => {
  it("the state is saved before M4 and M5 are answered", async () => {
    const order: string[] = [];
    const memory = memoryStorage();
    const storage = {
      load: memory.load,
      save: async (state: Parameters<typeof memory.save>[0]) => {
        await memory.save(state);
        order.push("saved");
      },
    };
    const device = makeDevice({ storage });
    await load(device, { keyId: 1, authKey: BLANK }).then(() => order.push("answered"));
    expect(order).toEqual(["saved", "answered"]);
  });

  it("keys, counters and the last M4/M5 survive a restart, RAM_KEY does not", async () => {
    const storage = memoryStorage();
    const device = await withMaster({ storage });
    const loaded = await load(device, { keyId: 4, counter: 3 });
    await device.loadPlainKey(OTHER);
    const again = makeDevice({ storage });
    expect(await again.encEcb(4, BLOCK)).toEqual(await device.encEcb(4, BLOCK));
    expect(again.lastLoad(4)).toEqual({ m4: loaded.m4, m5: loaded.m5 });
    expect((await again.encEcb(14, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
    expect((await load(again, { keyId: 4, counter: 3 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("a refused load leaves the last M4/M5 alone; RAM_KEY's last until the reset", async () => {
    const device = await withMaster();
    const first = await load(device, { keyId: 4 });
    await load(device, { keyId: 4 });
    expect(device.lastLoad(4)?.m5).toEqual(first.m5);
    expect(device.lastLoad(5)).toBeUndefined();
    const ram = await load(device, { keyId: 14, authKeyId: 4, authKey: KEY, counter: 0 });
    expect(device.lastLoad(14)?.m5).toEqual(ram.m5);
    device.reset();
    expect(device.lastLoad(14)).toBeUndefined();
  });

  it("a failing memory answers ERC_MEMORY_FAILURE and keeps the old key", async () => {
    const memory = memoryStorage();
    let broken = false;
    const save: typeof memory.save = (state) => (broken ? Promise.reject(new Error("worn out")) : memory.save(state));
    const device = await withMaster({ storage: { load: memory.load, save } });
    await load(device, { keyId: 4 });
    broken = true;
    const { erc, m5 } = await load(device, { keyId: 4, newKey: OTHER, counter: 2 });
    expect([erc, toHex(m5)]).toEqual(["ERC_MEMORY_FAILURE", ZERO(16)]);
    broken = false;
    expect((await load(device, { keyId: 4, authKeyId: 4, authKey: KEY, counter: 2 })).erc).toBe("ERC_NO_ERROR");
  });

  it("other commands are ERC_BUSY meanwhile, GET_STATUS and CANCEL never (4.8.11)", async () => {
    let finish: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (finish = resolve));
    const memory = memoryStorage();
    const device = makeDevice({
      storage: { load: memory.load, save: (state) => written.then(() => memory.save(state)) },
    });
    const loading = load(device, { keyId: 1, authKey: BLANK });
    expect(await device.encEcb(4, BLOCK)).toEqual({ erc: "ERC_BUSY", data: new Uint8Array(16) });
    expect((await load(device, { keyId: 4 })).erc).toBe("ERC_BUSY");
    expect(device.getStatus().sreg & 1).toBe(1);
    finish();
    expect((await loading).erc).toBe("ERC_NO_ERROR");
    expect(device.getStatus().sreg & 1).toBe(0);
    expect((await device.cancel()).erc).toBe("ERC_NO_ERROR");
  });

  it("CANCEL before the physical write keeps the old value, during it the new one is there", async () => {
    const before = await withMaster();
    const loading = load(before, { keyId: 4 });
    await before.cancel();
    expect((await loading).erc).toBe("ERC_GENERAL_ERROR");
    expect((await before.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_EMPTY");

    const memory = memoryStorage();
    let started: () => void = () => undefined;
    const writing = new Promise<void>((resolve) => (started = resolve));
    let finish: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (finish = resolve));
    const during = makeDevice({
      storage: {
        load: memory.load,
        save: async (state) => {
          started();
          await written;
          await memory.save(state);
        },
      },
    });
    const late = load(during, { keyId: 4, authKeyId: 4, authKey: BLANK });
    await writing;
    const cancelled = during.cancel();
    finish();
    await cancelled;
    const { erc, m4 } = await late;
    expect([erc, toHex(m4)]).toEqual(["ERC_GENERAL_ERROR", ZERO(32)]);
    expect((await during.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });
});

describe("SHE+ (banks and VERIFY_ONLY are settings)", () => {
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

  it("VERIFY_ONLY bars GENERATE_MAC on six-flag devices alone", async () => {
    const six = await withMaster({ verifyOnly: true });
    await load(six, { keyId: 4, flags: KEY_USAGE, verifyOnly: true });
    expect((await six.generateMac(4, BLOCK)).erc).toBe("ERC_KEY_INVALID");
    expect(await six.verifyMac(4, BLOCK, new Uint8Array(16))).toEqual({ erc: "ERC_NO_ERROR", verified: false });
    const five = await withMaster();
    await load(five, { keyId: 4, flags: KEY_USAGE, verifyOnly: true });
    expect((await five.generateMac(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });

  it("a device may have fewer KEY_n, at least three (4.4.2.5)", async () => {
    const device = await withMaster({ keyCount: 3 });
    expect((await load(device, { keyId: 6 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 7 })).erc).toBe("ERC_KEY_INVALID");
    expect(() => makeDevice({ keyCount: 2 })).toThrow("3..10");
  });
});
