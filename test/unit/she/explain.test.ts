import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex } from "../../../src/shared/bytes.js";
import { cbcEncrypt, cmac, kdf, packM1, packM2Plain, updateConstants } from "../../../src/she/codec/index.js";
import {
  buildUpdate,
  type DeviceFacts,
  decodeUpdate,
  explainUpdate,
  proofOf,
  type UpdateInput,
  verifyProof,
} from "../../../src/she/update/index.js";

const UID = fromHex("0102030405060708090a0b0c0d0e0f");
const OTHER_UID = fromHex("ff02030405060708090a0b0c0d0e0f");
const MASTER = fromHex("000102030405060708090a0b0c0d0e0f");
const KEY = fromHex("0f0e0d0c0b0a09080706050403020100");
const BASE: UpdateInput = { uid: UID, authKeyId: 1, authKey: MASTER, keyId: 4, newKey: KEY, counter: 5, flags: 0x0f };

function explain(change: Partial<UpdateInput>, device: DeviceFacts = {}, authKey = MASTER, bank = 0) {
  return explainUpdate({ ...buildUpdate({ ...BASE, ...change }), authKey, device, bank });
}
const causes = (explanation: ReturnType<typeof explain>) => explanation.findings.map(({ cause }) => cause);

describe("decodeUpdate", () => {
  it("gives back what buildUpdate was told, in every bank", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const input = fc.record({
      uid: bytes(15),
      authKeyId: fc.integer({ min: 0, max: 15 }),
      authKey: bytes(16),
      keyId: fc.integer({ min: 0, max: 15 }),
      newKey: bytes(16),
      counter: fc.integer({ min: 0, max: 0xfff_ffff }),
      flags: fc.integer({ min: 0, max: 31 }),
      bank: fc.integer({ min: 0, max: 8 }),
      verifyOnly: fc.boolean(),
    });
    fc.assert(
      fc.property(input, (given) => {
        const { m1, m2, m3, m4, m5 } = buildUpdate(given);
        const { authKey, newKey, ...fields } = given;
        const decoded = decodeUpdate(m1, m2, m3, authKey, given.bank);
        expect(decoded).toMatchObject({ ...fields, key: newKey, macOk: true, padding: true });
        expect(verifyProof({ m4, m5 }, proofOf(given.uid, given, newKey, given.counter, given.bank))).toBe(true);
      }),
    );
  });

  it("carries the device's UID in M4 after an update by wildcard, where it is told", () => {
    const { m4, m5 } = buildUpdate({ ...BASE, uid: new Uint8Array(15), deviceUid: UID });
    expect(verifyProof({ m4, m5 }, proofOf(UID, BASE, KEY, 5))).toBe(true);
  });

  it("any garbage of the right lengths decodes to a wrong M3", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (noise) => {
        const { macOk } = decodeUpdate(noise.slice(0, 16), noise.slice(16, 48), noise.slice(48), MASTER);
        expect(macOk).toBe(false);
      }),
    );
  });

  it.each([[{ counter: 2 ** 28 }], [{ keyId: 16 }], [{ flags: 32 }], [{ bank: 9 }], [{ uid: new Uint8Array(14) }]])(
    "buildUpdate refuses %j",
    (change) => {
      expect(() => buildUpdate({ ...BASE, ...change })).toThrow(Object.keys(change)[0]);
    },
  );
});

describe("verifyProof", () => {
  it("sees every single wrong bit", () => {
    const right = proofOf(UID, BASE, KEY, 5);
    for (let bit = 0; bit < 48 * 8; bit++) {
      const all = new Uint8Array([...right.m4, ...right.m5]);
      all[bit >> 3] = (all[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyProof({ m4: all.slice(0, 32), m5: all.slice(32) }, right)).toBe(false);
    }
  });
});

describe("explainUpdate names the usual cause", () => {
  it("nothing where all fits", () => {
    const explanation = explain({}, { uid: UID, counter: 4, keyId: 4, authKeyId: 1, flags: 0x0f });
    expect(explanation).toMatchObject({ accepted: true, erc: "ERC_NO_ERROR", findings: [] });
    expect(explanation.decoded?.counter).toBe(5);
  });

  it.each([
    ["BLANK_KEY_00", new Uint8Array(16)],
    ["BLANK_KEY_FF", new Uint8Array(16).fill(0xff)],
  ])("%s: the set was made with the blank key", (cause, authKey) => {
    const explanation = explain({ authKey });
    expect(causes(explanation)).toEqual([cause]);
    expect(explanation).toMatchObject({ accepted: false, erc: "ERC_KEY_UPDATE_ERROR", decoded: { counter: 5 } });
  });

  it("BLANK_KEY_00: without a key to compare with, no refusal", () => {
    const explanation = explainUpdate(buildUpdate({ ...BASE, authKey: new Uint8Array(16) }));
    expect(explanation).toMatchObject({ accepted: false, erc: "ERC_NO_ERROR", findings: [{ cause: "BLANK_KEY_00" }] });
  });

  it("BANK: another bank's constants", () => {
    const explanation = explain({ bank: 3 });
    expect(causes(explanation)).toEqual(["BANK"]);
    expect(explanation.findings[0]?.text).toContain("bank 3 (KEY_31)");
    expect(explain({ bank: 3 }, {}, MASTER, 3).accepted).toBe(true);
  });

  it("UID and WILDCARD_BARRED: with the right key and with a wrong one", () => {
    expect(causes(explain({}, { uid: OTHER_UID }))).toEqual(["UID"]);
    expect(causes(explain({}, { uid: OTHER_UID }, KEY))).toEqual(["WRONG_KEY", "UID"]);
    expect(causes(explain({ uid: new Uint8Array(15) }, { uid: UID }))).toEqual([]);
    expect(causes(explain({ uid: new Uint8Array(15) }, { uid: UID, storedFlags: 1 }))).toEqual(["WILDCARD_BARRED"]);
  });

  it("COUNTER: not greater than the device's", () => {
    expect(causes(explain({}, { counter: 5 }))).toEqual(["COUNTER"]);
    expect(causes(explain({ counter: 0 }))).toEqual(["COUNTER"]);
    expect(causes(explain({ counter: 0, keyId: 14, authKeyId: 4 }))).toEqual([]);
    expect(causes(explain({ keyId: 14, authKeyId: 4 }, { counter: 5 }))).toEqual([]);
  });

  it("FLAGS_SHIFTED: a five-bit value packed as six bits, with and without the expected flags", () => {
    const shifted = { flags: 0x0f >> 1, verifyOnly: true };
    expect(causes(explain(shifted, { flags: 0x0f }))).toEqual(["FLAGS_SHIFTED"]);
    const unknown = explain(shifted);
    expect(causes(unknown)).toEqual(["FLAGS_SHIFTED"]);
    expect(unknown.findings[0]?.text).toContain("15 (BOOT_PROTECTION, DEBUGGER_PROTECTION, KEY_USAGE, WILDCARD)");
    expect(causes(explain(shifted, { verifyOnlyFlag: true }))).toEqual([]);
    // A set of a bank beyond the standard's is for a device of six flags.
    expect(causes(explain({ ...shifted, bank: 1 }, {}, MASTER, 1))).toEqual([]);
    expect(causes(explain({ flags: 0x1e }, { flags: 0x0f }))).toEqual(["FLAGS_SHIFTED"]);
    expect(causes(explain({ flags: 0x0d }, { flags: 0x0f }))).toEqual(["FLAGS"]);
  });

  it("FLAGS_SHIFTED: bits behind the flag field", () => {
    const { enc, mac } = updateConstants(0);
    const m1 = packM1(BASE);
    const plain = packM2Plain({ counter: 5, flags: 0, verifyOnly: false, key: KEY });
    plain[4] = 0x1e;
    const m2 = cbcEncrypt(kdf(MASTER, enc), plain);
    const m3 = cmac(kdf(MASTER, mac), new Uint8Array([...m1, ...m2]));
    expect(causes(explainUpdate({ m1, m2, m3, authKey: MASTER }))).toEqual(["FLAGS_SHIFTED"]);
  });

  it("SLOT and AUTHORISER: impossible, and other than ordered", () => {
    expect(explain({ keyId: 0 })).toMatchObject({ erc: "ERC_KEY_INVALID", findings: [{ cause: "SLOT" }] });
    expect(explain({ authKeyId: 5 })).toMatchObject({ erc: "ERC_KEY_INVALID", findings: [{ cause: "AUTHORISER" }] });
    expect(causes(explain({}, { keyId: 5, authKeyId: 4 }))).toEqual(["SLOT", "AUTHORISER"]);
    expect(explain({}, { storedFlags: 16 }).erc).toBe("ERC_KEY_WRITE_PROTECTED");
    // What was ordered is none of the device's business: its answer is that of the first fault that it sees.
    expect(explain({}, { keyId: 5, counter: 5 }).erc).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("M1_CHANGED: the UID or the slot byte was exchanged behind M3", () => {
    const wild = buildUpdate({ ...BASE, uid: new Uint8Array(15) });
    const patched = explainUpdate({ ...wild, m1: packM1(BASE), authKey: MASTER, device: { uid: UID } });
    expect(patched.findings.map(({ cause, text }) => `${cause} ${text}`)).toEqual([
      expect.stringMatching(/^M1_CHANGED .*wildcard/),
    ]);
    const moved = { ...buildUpdate(BASE), m1: packM1({ ...BASE, uid: OTHER_UID }), authKey: MASTER };
    expect(explainUpdate({ ...moved, device: { uid: UID } }).findings[0]?.text).toContain("made for UID 0102030405");
    const slot = explainUpdate({ ...buildUpdate(BASE), m1: packM1({ ...BASE, keyId: 5 }), authKey: MASTER });
    expect(slot.findings[0]?.text).toContain("slot 4 authorised by 1");
  });

  it("M3_DAMAGED: the key reads M2, M3 fits nothing", () => {
    expect(causes(explainUpdate({ ...buildUpdate(BASE), m3: new Uint8Array(16), authKey: MASTER }))).toEqual([
      "M3_DAMAGED",
    ]);
  });

  it("NEW_KEY_GIVEN: M5 proves the key given to be the new one", () => {
    const { m1, m2, m3, m4, m5 } = buildUpdate(BASE);
    expect(causes(explainUpdate({ m1, m2, m3, proof: { m4, m5 }, authKey: KEY }))).toEqual(["NEW_KEY_GIVEN"]);
  });

  it("PROOF: M4 and M5 of another key", () => {
    const { m4, m5 } = buildUpdate({ ...BASE, newKey: MASTER });
    expect(causes(explainUpdate({ ...buildUpdate(BASE), proof: { m4, m5 }, authKey: MASTER }))).toEqual(["PROOF"]);
  });

  it("PROOF: M4 and M5 of another ECU that holds the same cluster key, and none by wildcard", () => {
    const proved = (uid: Uint8Array, device: DeviceFacts = {}) => {
      const other = buildUpdate({ ...BASE, uid: OTHER_UID });
      const proof = { m4: other.m4, m5: other.m5 };
      return causes(explainUpdate({ ...buildUpdate({ ...BASE, uid }), proof, authKey: MASTER, device }));
    };
    expect(proved(UID)).toEqual(["PROOF"]);
    expect(proved(new Uint8Array(15))).toEqual([]);
    expect(proved(new Uint8Array(15), { uid: UID })).toEqual(["PROOF"]);
  });

  it("no text holds key material", () => {
    for (const explanation of [explain({}, {}, KEY), explain({ authKey: new Uint8Array(16) }), explain({ bank: 2 })]) {
      const text = JSON.stringify(explanation.findings);
      expect(text).not.toMatch(/0001020304050607|0f0e0d0c0b0a0908/i);
    }
  });
});
