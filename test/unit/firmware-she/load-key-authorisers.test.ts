import { describe, expect, it } from "vitest";
import { memoryStorage, type SheKeyRecord } from "../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { COUNTER_MAX } from "../../../src/she/codec/index.js";
import { primitives } from "./published.js";
import {
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
  WILDCARD,
  WRITE_PROTECTION,
  ZERO,
} from "./rig.js";

const ALL = WRITE_PROTECTION | BOOT_PROTECTION | DEBUGGER_PROTECTION | KEY_USAGE | WILDCARD;
const IDS = Array.from({ length: 16 }, (_, id) => id);
const KEYS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

/** A device all of whose slots hold MASTER, with counter 1 and no flag. */
function fullDevice() {
  const keys = [1, 2, 3, ...KEYS].map(
    (slot): SheKeyRecord => ({ slot, key: toHex(MASTER), counter: 1, flags: 0, verifyOnly: false }),
  );
  const storage = memoryStorage({ version: 1, keys, prngSeed: ZERO(16) });
  return {
    device: makeDevice({ storage }),
    stored: (slot: number) => storage.load()?.keys.find((k) => k.slot === slot),
  };
}

/** The slots that may authorise an update of `keyId` where every key is there. */
async function authorisersOf(keyId: number): Promise<number[]> {
  const found: number[] = [];
  for (const authKeyId of IDS) {
    const { device } = fullDevice();
    const authKey = authKeyId === 0 ? SECRET : MASTER;
    const { erc } = await load(device, { keyId, authKeyId, authKey, newKey: OTHER, counter: 2 });
    if (erc === "ERC_NO_ERROR") found.push(authKeyId);
    else expect(erc).toBe("ERC_KEY_INVALID");
  }
  return found;
}

const NAMED = WRITE_PROTECTION | DEBUGGER_PROTECTION | WILDCARD;
const rows: [string, number, number[], number][] = [
  ["Table 4.5: 1 MASTER_ECU_KEY", 1, [1], NAMED | BOOT_PROTECTION],
  ["Table 4.5: 2 BOOT_MAC_KEY", 2, [1, 2], NAMED],
  ["Table 4.5: 3 BOOT_MAC", 3, [1, 2], NAMED],
];
for (const [row, keyId, authorisers, flags] of rows) {
  describe(row, () => {
    it(`is authorised by ${authorisers.join(" and ")}, by no other`, async () => {
      expect(await authorisersOf(keyId)).toEqual(authorisers);
    });

    it("stores a counter of 28 bits and its own flags (Table 4.3)", async () => {
      const { device, stored } = fullDevice();
      expect((await load(device, { keyId, newKey: OTHER, counter: COUNTER_MAX, flags: ALL })).erc).toBe("ERC_NO_ERROR");
      expect(stored(keyId)).toMatchObject({ key: toHex(OTHER), counter: COUNTER_MAX, flags });
    });
  });
}

describe("Table 4.5: 4..D KEY_n", () => {
  it.each(KEYS)("%i is authorised by 1 and itself, by no other, and stores all five flags", async (keyId) => {
    expect(await authorisersOf(keyId)).toEqual([1, keyId]);
    const { device, stored } = fullDevice();
    await load(device, { keyId, newKey: OTHER, counter: COUNTER_MAX, flags: ALL });
    expect(stored(keyId)).toMatchObject({ key: toHex(OTHER), counter: COUNTER_MAX, flags: ALL });
  });
});

describe("Table 4.5: E RAM_KEY", () => {
  it("is authorised by SECRET_KEY and every KEY_n, not by 1", async () => {
    expect(await authorisersOf(14)).toEqual([0, ...KEYS]);
  });

  it("is volatile and has no flags and no counter", async () => {
    const { device, stored } = fullDevice();
    for (const counter of [9, 0]) {
      const update = { keyId: 14, authKeyId: 4, newKey: KEY, counter, flags: ALL };
      expect((await load(device, update)).erc).toBe("ERC_NO_ERROR");
    }
    expect(stored(14)).toBeUndefined();
    device.setEnvironment({ debugger: true, bootFailed: true });
    expect((await device.encEcb(14, BLOCK)).erc).toBe("ERC_NO_ERROR");
    device.reset();
    expect((await device.encEcb(14, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
  });
});

describe("Table 4.5: 0, F, PRNG_* and UID", () => {
  it("nobody loads SECRET_KEY (ROM) and slot F", async () => {
    expect(await authorisersOf(0)).toEqual([]);
    expect(await authorisersOf(15)).toEqual([]);
  });

  it("PRNG_SEED, PRNG_KEY, PRNG_STATE and UID have no address: they change by their commands alone", async () => {
    const storage = memoryStorage();
    const device = makeDevice({ storage, random: () => fromHex(primitives.aesMp.message).slice(0, 16) });
    const uid = device.uid.slice();
    await device.initRng();
    for (const keyId of IDS) await load(device, { keyId, authKeyId: keyId, authKey: new Uint8Array(16) });
    expect(storage.load()?.prngSeed).toBe(primitives.prng.seed);
    expect(toHex((await device.rnd()).data)).toBe(primitives.prng.state);
    expect(device.uid).toEqual(uid);
  });
});

describe("4.8.4: disallowed AuthID", () => {
  it("is ERC_KEY_INVALID with outputs of 0, also where the key of that AuthID is empty", async () => {
    const { erc, m4, m5 } = await load(makeDevice(), { keyId: 2, authKeyId: 4 });
    expect([erc, toHex(m4), toHex(m5)]).toEqual(["ERC_KEY_INVALID", ZERO(32), ZERO(16)]);
  });

  it("comes after the write protection of the target", async () => {
    const { device } = fullDevice();
    await load(device, { keyId: 4, counter: 2, flags: WRITE_PROTECTION });
    expect((await load(device, { keyId: 4, authKeyId: 5, counter: 3 })).erc).toBe("ERC_KEY_WRITE_PROTECTED");
  });
});

describe("Table 4.6: what CMD_LOAD_KEY may return", () => {
  it("each of its codes has a case", async () => {
    const codes = new Set<string>();
    const seen = async (work: Promise<{ erc: string }>) => codes.add((await work).erc);
    const memory = memoryStorage();
    let worn = false;
    const save: typeof memory.save = (state) => (worn ? Promise.reject(new Error("worn out")) : memory.save(state));
    const device = makeDevice({ storage: { load: memory.load, save } });
    await seen(load(device, { keyId: 4 }));
    await seen(load(device, { keyId: 15 }));
    await seen(load(device, { keyId: 1, authKey: OTHER }));
    await seen(load(device, { keyId: 1, authKey: new Uint8Array(16), newKey: MASTER }));
    await load(device, { keyId: 4, flags: WRITE_PROTECTION | BOOT_PROTECTION });
    await seen(load(device, { keyId: 4, counter: 2 }));
    device.setEnvironment({ bootFailed: true });
    await seen(load(device, { keyId: 14, authKeyId: 4, authKey: KEY }));
    const running = device.initRng();
    await seen(load(device, { keyId: 5 }));
    await running;
    const cancelled = load(device, { keyId: 5 });
    await device.cancel();
    await seen(cancelled);
    worn = true;
    await seen(load(device, { keyId: 5 }));
    // ERC_SEQUENCE_ERROR is for interfaces that take M1 to M3 in parts; here they come together.
    expect([...codes].sort()).toEqual([
      "ERC_BUSY",
      "ERC_GENERAL_ERROR",
      "ERC_KEY_EMPTY",
      "ERC_KEY_INVALID",
      "ERC_KEY_NOT_AVAILABLE",
      "ERC_KEY_UPDATE_ERROR",
      "ERC_KEY_WRITE_PROTECTED",
      "ERC_MEMORY_FAILURE",
      "ERC_NO_ERROR",
    ]);
  });
});
