/**
 * AES-128 key expansion (FIPS 197, 5.2) into memory that is used again. The library's allocates six schedules a set, which costs more
 * than all the blocks; the result is word for word the library's, little-endian, for its `unsafe.encrypt`.
 */

/** Words of an AES-128 key schedule. */
export const SCHEDULE_WORDS = 44;

const SBOX = makeSbox();
const RCON = Uint8Array.of(0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36);

/** The S-box from its definition (5.1.1): p runs through the field's elements, q through their inverses. */
function makeSbox(): Uint8Array {
  const box = new Uint8Array(256);
  const turned = (q: number, by: number) => (q << by) | (q >> (8 - by));
  let p = 1;
  let q = 1;
  do {
    p = (p ^ (p << 1) ^ ((p & 0x80) !== 0 ? 0x11b : 0)) & 0xff;
    q ^= q << 1;
    q ^= q << 2;
    q = (q ^ (q << 4)) & 0xff;
    if ((q & 0x80) !== 0) q ^= 0x09;
    box[p] = q ^ turned(q, 1) ^ turned(q, 2) ^ turned(q, 3) ^ turned(q, 4) ^ 0x63;
  } while (p !== 1);
  box[0] = 0x63;
  return box;
}

/** Expands the 16 bytes at `offset` of `key` into the `SCHEDULE_WORDS` words of `out`. */
export function expandKeyInto(key: DataView, offset: number, out: Uint32Array): void {
  let k0 = key.getUint32(offset, true);
  let k1 = key.getUint32(offset + 4, true);
  let k2 = key.getUint32(offset + 8, true);
  let k3 = key.getUint32(offset + 12, true);
  for (let round = 0; round <= 10; round++) {
    const at = 4 * round;
    out[at] = k0;
    out[at + 1] = k1;
    out[at + 2] = k2;
    out[at + 3] = k3;
    const s0 = SBOX[(k3 >>> 8) & 0xff] ?? 0;
    const s1 = SBOX[(k3 >>> 16) & 0xff] ?? 0;
    const s2 = SBOX[k3 >>> 24] ?? 0;
    const s3 = SBOX[k3 & 0xff] ?? 0;
    k0 ^= s0 ^ (s1 << 8) ^ (s2 << 16) ^ (s3 << 24) ^ (RCON[round] ?? 0);
    k1 ^= k0;
    k2 ^= k1;
    k3 ^= k2;
  }
}
