import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import {
  aesMp,
  aesMpBlocks,
  cbcDecrypt,
  cbcEncrypt,
  cmac,
  DEBUG_KEY_C,
  ERC,
  ecbDecrypt,
  ecbEncrypt,
  flagNames,
  KEY_UPDATE_ENC_C,
  KEY_UPDATE_MAC_C,
  kdf,
  PRNG_KEY_C,
  PRNG_SEED_KEY_C,
  packM1,
  packM2Plain,
  packM4StarPlain,
  parseM1,
  parseM2Plain,
  SLOTS,
  slotName,
  updateConstants,
} from "../../../src/she/codec/index.js";

const file = new URL("../../vectors/she-published.json", import.meta.url);
const { primitives } = JSON.parse(readFileSync(file, "utf8")) as {
  primitives: { aesMp: { message: string; out: string }; prng: Record<string, string>; debug: { kDebug: string } };
};
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint = (max: number) => fc.integer({ min: 0, max });

describe("AES-MP and the key derivation", () => {
  it("compresses the published message", () => {
    expect(toHex(aesMp(fromHex(primitives.aesMp.message)))).toBe(primitives.aesMp.out);
  });

  it("derives the published debug and PRNG keys", () => {
    expect(toHex(kdf(fromHex("000102030405060708090a0b0c0d0e0f"), DEBUG_KEY_C))).toBe(primitives.debug.kDebug);
    const secret = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
    expect(toHex(kdf(secret, PRNG_KEY_C))).toBe(primitives.prng.prngKey);
    expect(toHex(kdf(secret, PRNG_SEED_KEY_C))).toBe(primitives.prng.seedKey);
  });

  it("the constants carry the padding of a key and 6 bytes", () => {
    fc.assert(
      fc.property(bytes(16), (key) => {
        const message = Uint8Array.of(...key, 0x01, 0x03, 0x53, 0x48, 0x45, 0x00);
        expect(aesMp(message)).toEqual(kdf(key, DEBUG_KEY_C));
      }),
    );
  });

  it("agrees with AES of OpenSSL for messages of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100, size: "max" }), (message) => {
        const size = Math.ceil((message.length + 6) / 16) * 16;
        const padded = Buffer.alloc(size);
        padded.set(message);
        padded[message.length] = 0x80;
        padded.writeUInt32BE(message.length * 8, size - 4);
        let out = Buffer.alloc(16);
        for (let at = 0; at < size; at += 16) {
          const x = padded.subarray(at, at + 16);
          const e = createCipheriv("aes-128-ecb", out, null).setAutoPadding(false).update(x);
          out = Buffer.from(e.map((byte, i) => byte ^ (x[i] ?? 0) ^ (out[i] ?? 0)));
        }
        expect(toHex(aesMp(message))).toBe(out.toString("hex"));
      }),
    );
  });

  it("the banks' constants are 01 and 71/72 + 10·b hex", () => {
    expect(toHex(KEY_UPDATE_ENC_C)).toBe("010153484500800000000000000000b0");
    expect(toHex(KEY_UPDATE_MAC_C)).toBe("010253484500800000000000000000b0");
    const ids = Array.from({ length: 9 }, (_, b) => {
      const { enc, mac } = updateConstants(b);
      return toHex(enc.slice(0, 2)) + toHex(mac.slice(0, 2));
    });
    expect(ids).toEqual([
      "01010102",
      "01810182",
      "01910192",
      "01a101a2",
      "01b101b2",
      "01c101c2",
      "01d101d2",
      "01e101e2",
      "01f101f2",
    ]);
    expect(() => updateConstants(9)).toThrow("bank 9");
  });
});

describe("ciphers", () => {
  it("decrypt what they encrypted, and take no half blocks", () => {
    const blocks = fc.nat({ max: 5 }).chain((n) => bytes(16 * n));
    fc.assert(
      fc.property(bytes(16), bytes(16), blocks, (key, iv, data) => {
        expect(ecbDecrypt(key, ecbEncrypt(key, data))).toEqual(data);
        expect(cbcDecrypt(key, cbcEncrypt(key, data, iv), iv)).toEqual(data);
      }),
    );
    for (const work of [ecbEncrypt, ecbDecrypt, cbcEncrypt, cbcDecrypt]) {
      expect(() => work(new Uint8Array(16), new Uint8Array(17))).toThrow("whole blocks");
    }
    expect(() => aesMpBlocks(new Uint8Array(5))).toThrow("whole blocks");
  });

  it("CMAC of nothing is RFC 4493's first example", () => {
    const mac = cmac(fromHex("2b7e151628aed2a6abf7158809cf4f3c"), new Uint8Array());
    expect(toHex(mac)).toBe("bb1d6929e95937287fa37d129b756746");
  });
});

describe("message fields", () => {
  it("M1 comes back as it was packed", () => {
    fc.assert(
      fc.property(bytes(15), uint(15), uint(15), (uid, keyId, authKeyId) => {
        expect(parseM1(packM1({ uid, keyId, authKeyId }))).toEqual({ uid, keyId, authKeyId });
      }),
    );
  });

  it("plain M2 comes back as it was packed, padding zero", () => {
    fc.assert(
      fc.property(uint(0xfff_ffff), uint(31), fc.boolean(), bytes(16), (counter, flags, verifyOnly, key) => {
        const plain = packM2Plain({ counter, flags, verifyOnly, key });
        expect(parseM2Plain(plain)).toEqual({ counter, flags, verifyOnly, key, padding: true });
      }),
    );
  });

  it("the flags straddle the low nibble of byte 3 and the high bit of byte 4, VERIFY_ONLY next", () => {
    const head = (flags: number, verifyOnly: boolean) =>
      toHex(packM2Plain({ counter: 0xabcdef1, flags, verifyOnly, key: new Uint8Array(16) }).slice(0, 6));
    expect(head(0x10, false)).toBe("abcdef180000");
    expect(head(0x01, false)).toBe("abcdef108000");
    expect(head(0x1f, false)).toBe("abcdef1f8000");
    expect(head(0x00, true)).toBe("abcdef104000");
  });

  it("any 32 bytes can be read as M2, and packing tells whether the padding was zero", () => {
    fc.assert(
      fc.property(bytes(32), (plain) => {
        const { padding, ...fields } = parseM2Plain(plain);
        expect(toHex(packM2Plain(fields)) === toHex(plain)).toBe(padding);
      }),
    );
  });

  it("each single bit behind the sixth flag is seen as padding that is not zero", () => {
    for (let bit = 34; bit < 128; bit++) {
      const plain = packM2Plain({ counter: 1, flags: 0x1f, verifyOnly: true, key: new Uint8Array(16).fill(0xff) });
      plain[bit >> 3] = (plain[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
      expect([bit, parseM2Plain(plain).padding]).toEqual([bit, false]);
    }
  });

  it("M4* is the counter's 28 bits, a 1 and zeros", () => {
    fc.assert(
      fc.property(uint(0xfff_ffff), (counter) => {
        const bits = `${counter.toString(16).padStart(7, "0")}8`;
        expect(toHex(packM4StarPlain(counter))).toBe(bits.padEnd(32, "0"));
      }),
    );
  });

  it.each([
    [() => packM1({ uid: new Uint8Array(14), keyId: 1, authKeyId: 1 }), "uid has 14 bytes, not 15"],
    [() => packM1({ uid: new Uint8Array(15), keyId: 16, authKeyId: 1 }), "keyId 16 is outside 0..15"],
    [
      () => packM2Plain({ counter: 2 ** 28, flags: 0, verifyOnly: false, key: new Uint8Array(16) }),
      "counter 268435456",
    ],
    [() => packM2Plain({ counter: 0, flags: 32, verifyOnly: false, key: new Uint8Array(16) }), "flags 32"],
    [() => packM2Plain({ counter: 0, flags: 0, verifyOnly: false, key: new Uint8Array(15) }), "key has 15 bytes"],
    [() => parseM1(new Uint8Array(15)), "M1 has 15 bytes"],
    [() => parseM2Plain(new Uint8Array(31)), "plain M2 has 31 bytes"],
    [() => packM4StarPlain(-1), "counter -1"],
  ])("refuses what does not fit (%#)", (work, text) => {
    expect(work).toThrow(text);
  });
});

describe("tables", () => {
  it("each slot has the authorisers of Table 4.5 and the flags of Table 4.3", () => {
    const keys = Array.from({ length: 10 }, (_, i) => 4 + i);
    expect(SLOTS.map(({ authorisers, flags, counter }) => [authorisers, flags, counter])).toEqual([
      [[], 0, false],
      [[1], 0b11101, true],
      [[1, 2], 0b10101, true],
      [[1, 2], 0b10101, true],
      ...keys.map((id) => [[1, id], 0b11111, true]),
      [[0, ...keys], 0, false],
      [[], 0, false],
    ]);
  });

  it("slots, flags and error codes have the standard's names and numbers", () => {
    expect(SLOTS.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect([1, 2, 3, 4, 13, 14].map((id) => slotName(id))).toEqual([
      "MASTER_ECU_KEY",
      "BOOT_MAC_KEY",
      "BOOT_MAC",
      "KEY_1",
      "KEY_10",
      "RAM_KEY",
    ]);
    expect([slotName(4, 1), slotName(13, 8)]).toEqual(["KEY_11", "KEY_90"]);
    expect(flagNames(0x0d)).toEqual(["BOOT_PROTECTION", "DEBUGGER_PROTECTION", "WILDCARD"]);
    expect(Object.values(ERC)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect([ERC.ERC_KEY_UPDATE_ERROR, ERC.ERC_GENERAL_ERROR]).toEqual([7, 12]);
  });
});
