import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createSheDevice, memoryStorage } from "../../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { cmac, FLAG, SLOTS } from "../../../../src/she/codec/index.js";
import { FakeBench } from "./fake-bench.js";
import { BLANK, erc, KEY, load, MASTER, OTHER, setOf, slotsIn, UID, withMaster } from "./rig.js";

const { WRITE_PROTECTION, KEY_USAGE, WILDCARD, BOOT_PROTECTION, DEBUGGER_PROTECTION } = FLAG;
const WILDCARD_UID = new Uint8Array(15);

let bench: FakeBench;
beforeEach(() => {
  bench = new FakeBench();
});

describe("CMD_LOAD_KEY into a token (4.9.1)", () => {
  it("takes exactly the authorisers of Table 4.5, and no RAM_KEY", async () => {
    const authorisers: Record<number, number[]> = { 1: [1], 2: [1, 2], 3: [1, 2] };
    for (let n = 4; n <= 13; n++) authorisers[n] = [1, n];
    for (const { id } of SLOTS) {
      for (let authKeyId = 0; authKeyId < 16; authKeyId++) {
        const slots = await withMaster(new FakeBench());
        for (const keyId of new Set([2, authKeyId, id].filter((slot) => slot > 1 && slot < 14)))
          await load(slots, { keyId, newKey: MASTER });
        const allowed = authorisers[id]?.includes(authKeyId) === true;
        const answer = await erc(slots, { keyId: id, authKeyId, authKey: MASTER, newKey: OTHER, counter: 2 });
        expect(`${id} by ${authKeyId}: ${answer}`).toBe(
          `${id} by ${authKeyId}: ${allowed ? "ERC_NO_ERROR" : "ERC_KEY_INVALID"}`,
        );
      }
    }
  });

  it("asks for write protection before anything else", async () => {
    const slots = slotsIn(bench);
    expect(await erc(slots, { keyId: 4, authKeyId: 4, authKey: BLANK, flags: WRITE_PROTECTION })).toBe("ERC_NO_ERROR");
    expect(await erc(slots, { keyId: 4, authKeyId: 1, counter: 2 })).toBe("ERC_KEY_WRITE_PROTECTED");
    expect(await erc(slots, { keyId: 4, authKeyId: 9, counter: 2 })).toBe("ERC_KEY_WRITE_PROTECTED");
  });

  it("refuses an empty authoriser before M3, unless it is the target itself", async () => {
    const slots = slotsIn(bench);
    expect(await erc(slots, { keyId: 4 })).toBe("ERC_KEY_EMPTY");
    expect(await erc(slots, { keyId: 4, authKeyId: 4, authKey: OTHER })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(slots, { keyId: 4, authKeyId: 4, authKey: BLANK })).toBe("ERC_NO_ERROR");
  });

  it("takes the blank key that is set", async () => {
    const slots = slotsIn(bench, { blankKey: "ff".repeat(16) });
    expect(await erc(slots, { keyId: 1, authKey: BLANK })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(slots, { keyId: 1, authKey: new Uint8Array(16).fill(0xff) })).toBe("ERC_NO_ERROR");
  });

  it("refuses a changed M1, M2 or M3 and another unit's UID, and changes nothing", async () => {
    const slots = await withMaster(bench);
    const set = setOf({ keyId: 4 });
    const before = bench.changes;
    for (const broken of ["m1", "m2", "m3"] as const) {
      const bytes = set[broken].slice();
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      const { m1, m2, m3 } = Object.assign({ ...set }, { [broken]: bytes });
      expect((await slots.loadKey(m1, m2, m3)).erc).toBe("ERC_KEY_UPDATE_ERROR");
    }
    expect(await erc(slots, { keyId: 4, uid: fromHex(`${UID.slice(0, -2)}ee`) })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(bench.changes).toBe(before);
    expect(slots.filled()).toBe(0b10);
  });

  it("wants a counter greater than the slot's own, up to 28 bits", async () => {
    const slots = await withMaster(bench);
    expect(await erc(slots, { keyId: 4, counter: 0 })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(slots, { keyId: 4, counter: 7 })).toBe("ERC_NO_ERROR");
    expect(await erc(slots, { keyId: 4, counter: 7 })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(slots, { keyId: 5, counter: 1 })).toBe("ERC_NO_ERROR");
    expect(await erc(slots, { keyId: 4, counter: 0xfff_ffff })).toBe("ERC_NO_ERROR");
    expect(await erc(slots, { keyId: 4, counter: 0xfff_ffff })).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("takes the wildcard UID until a flag forbids it, and answers with the unit's own", async () => {
    const slots = await withMaster(bench);
    const answer = await load(slots, { keyId: 4, uid: WILDCARD_UID, flags: WILDCARD });
    const { m4, m5 } = setOf({ keyId: 4, uid: WILDCARD_UID, flags: WILDCARD, deviceUid: fromHex(UID) });
    expect(answer).toEqual({ erc: "ERC_NO_ERROR", value: { m4, m5 } });
    expect(await erc(slots, { keyId: 4, uid: WILDCARD_UID, counter: 2 })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(slots, { keyId: 4, counter: 2 })).toBe("ERC_NO_ERROR");
    expect(await erc(slots, { keyId: 4, uid: WILDCARD_UID, counter: 3 })).toBe("ERC_NO_ERROR");
  });

  it("gives the last M4 and M5 of a slot again, which a refused load leaves alone", async () => {
    const slots = await withMaster(bench);
    const first = await load(slots, { keyId: 4, counter: 3 });
    await load(slots, { keyId: 4, counter: 3, newKey: OTHER });
    bench.reopen();
    expect({ erc: "ERC_NO_ERROR", value: slotsIn(bench).lastLoad(4) }).toEqual(first);
    expect(slots.lastLoad(5)).toBeUndefined();
  });

  it("makes CMACs by KEY_n whose KEY_USAGE is MAC alone", async () => {
    const slots = await withMaster(bench);
    await load(slots, { keyId: 4, flags: KEY_USAGE });
    await load(slots, { keyId: 5 });
    await load(slots, { keyId: 2 });
    const data = fromHex("00112233");
    expect(await slots.generateMac(4, data)).toEqual({ erc: "ERC_NO_ERROR", value: cmac(KEY, data) });
    for (const slot of [1, 2, 5, 14]) expect((await slots.generateMac(slot, data)).erc).toBe("ERC_KEY_INVALID");
    expect((await slots.generateMac(6, data)).erc).toBe("ERC_KEY_EMPTY");
  });

  it("keeps units apart that share a token", async () => {
    const other = { uid: `${UID.slice(0, -2)}aa` };
    await withMaster(bench);
    expect(slotsIn(bench, other).filled()).toBe(0);
    const uid = fromHex(other.uid);
    expect(await erc(slotsIn(bench, other), { keyId: 4, uid })).toBe("ERC_KEY_EMPTY");
    expect(await erc(slotsIn(bench, other), { keyId: 1, uid, authKey: BLANK, newKey: OTHER })).toBe("ERC_NO_ERROR");
    expect(await erc(slotsIn(bench), { keyId: 4 })).toBe("ERC_NO_ERROR");
  });

  it("zeroes the buffer that the new key was in, also after a refusal", async () => {
    const slots = await withMaster(bench);
    await load(slots, { keyId: 4, counter: 5 });
    await load(slots, { keyId: 4, counter: 5 });
    expect(bench.plaintexts).toHaveLength(3);
    for (const buffer of bench.plaintexts) expect(toHex(buffer)).toBe("00".repeat(32));
  });
});

describe("a token and a SHE device", () => {
  const KEYS = [BLANK, MASTER, KEY, OTHER];
  const key = fc.constantFrom(...KEYS);
  const slot = fc.constantFrom(1, 2, 3, 4, 5, 13, 0, 15);
  const flags = fc.constantFrom(
    0,
    WILDCARD,
    KEY_USAGE,
    KEY_USAGE | WILDCARD,
    BOOT_PROTECTION | DEBUGGER_PROTECTION,
    WRITE_PROTECTION,
  );
  const update = fc.record({
    keyId: slot,
    /** Whether the authoriser is the slot itself, the master key, or any. */
    by: fc.oneof({ weight: 5, arbitrary: fc.constantFrom("itself", "master") }, slot),
    /** Whether the authoriser's own value is used. */
    right: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
    wrongKey: key,
    newKey: key,
    step: fc.integer({ min: 0, max: 3 }),
    flags,
    uid: fc.constantFrom(fromHex(UID), fromHex(UID), WILDCARD_UID, fromHex("ff".repeat(15))),
  });

  it("answer any sequence of sets alike", async () => {
    let stored = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(update, { minLength: 5, maxLength: 25 }), async (updates) => {
        const storage = memoryStorage();
        const device = createSheDevice({
          secretKey: OTHER,
          uid: fromHex(UID),
          blankKey: BLANK,
          storage,
          random: (n) => new Uint8Array(n),
        });
        const slots = slotsIn(new FakeBench());
        const held = new Map<number, Uint8Array>();
        let counter = 0;
        for (const { keyId, by, right, wrongKey, newKey, step, ...rest } of updates) {
          const authKeyId = by === "itself" ? keyId : by === "master" ? 1 : Number(by);
          const authKey = right ? (held.get(authKeyId) ?? BLANK) : wrongKey;
          counter += step;
          const { m1, m2, m3 } = setOf({ ...rest, keyId, authKeyId, authKey, newKey, counter });
          const wanted = await device.loadKey({ m1, m2, m3 });
          const got = await slots.loadKey(m1, m2, m3);
          expect(got.erc).toBe(wanted.erc);
          if (got.erc !== "ERC_NO_ERROR") continue;
          stored++;
          held.set(keyId, newKey);
          expect(got.value).toEqual({ m4: wanted.m4, m5: wanted.m5 });
        }
        expect(slots.filled()).toBe(device.filledSlots);
        for (let id = 4; id <= 13; id++)
          expect((await slots.generateMac(id, MASTER)).erc).toBe((await device.generateMac(id, MASTER)).erc);
      }),
      { numRuns: 60 },
    );
    expect(stored).toBeGreaterThan(60);
  });
});
