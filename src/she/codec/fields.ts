/** The bit fields of the memory-update messages (4.7.7 and 4.9). Pure packing, no cryptography. */
import { COUNTER_MAX, FLAGS_MAX, KEY_LENGTH, M1_LENGTH, M2_LENGTH, M4_LENGTH, UID_LENGTH } from "./tables.js";

/** M1 = UID(120) ID(4) AuthID(4). */
export interface M1Fields {
  /** 15 bytes; all zero = wildcard. */
  readonly uid: Uint8Array;
  /** Target slot, 0–15. */
  readonly keyId: number;
  /** Authorising slot, 0–15. */
  readonly authKeyId: number;
}

/** Plain M2 = C(28) F(5) 0(95) KEY(128); on SHE+ F has a sixth bit, VERIFY_ONLY, and 94 zeros follow. */
export interface M2Fields {
  /** 0–0xFFFFFFF. */
  readonly counter: number;
  /** Five bits, WRITE_PROTECTION = 16. */
  readonly flags: number;
  /** The sixth flag; false is the same message on a five-flag device. */
  readonly verifyOnly: boolean;
  readonly key: Uint8Array;
}

/** Throws RangeError unless `value` is an integer 0..max. */
export function checkUint(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${name} ${value} is outside 0..${max}`);
}

export function checkLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${name} has ${bytes.length} bytes, not ${length}`);
}

export function packM1(fields: M1Fields): Uint8Array {
  checkLength("uid", fields.uid, UID_LENGTH);
  checkUint("keyId", fields.keyId, 15);
  checkUint("authKeyId", fields.authKeyId, 15);
  const out = new Uint8Array(M1_LENGTH);
  out.set(fields.uid);
  out[UID_LENGTH] = (fields.keyId << 4) | fields.authKeyId;
  return out;
}

export function parseM1(m1: Uint8Array): M1Fields {
  checkLength("M1", m1, M1_LENGTH);
  const ids = m1[UID_LENGTH] ?? 0;
  return { uid: m1.slice(0, UID_LENGTH), keyId: ids >> 4, authKeyId: ids & 0x0f };
}

export function packM2Plain(fields: M2Fields): Uint8Array {
  checkUint("counter", fields.counter, COUNTER_MAX);
  checkUint("flags", fields.flags, FLAGS_MAX);
  checkLength("key", fields.key, KEY_LENGTH);
  const out = new Uint8Array(M2_LENGTH);
  out[0] = fields.counter >>> 20;
  out[1] = (fields.counter >>> 12) & 0xff;
  out[2] = (fields.counter >>> 4) & 0xff;
  out[3] = ((fields.counter & 0x0f) << 4) | (fields.flags >> 1);
  out[4] = ((fields.flags & 1) << 7) | (fields.verifyOnly ? 0x40 : 0);
  out.set(fields.key, KEY_LENGTH);
  return out;
}

/** Reads a decrypted M2; `padding` tells whether all bits behind the sixth flag are 0, as they are under the right key. */
export function parseM2Plain(plain: Uint8Array): M2Fields & { readonly padding: boolean } {
  checkLength("plain M2", plain, M2_LENGTH);
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0] = plain;
  let rest = b4 & 0x3f;
  for (let i = 5; i < KEY_LENGTH; i++) rest |= plain[i] ?? 0;
  return {
    counter: (b0 << 20) | (b1 << 12) | (b2 << 4) | (b3 >> 4),
    flags: ((b3 & 0x0f) << 1) | (b4 >> 7),
    verifyOnly: (b4 & 0x40) !== 0,
    key: plain.slice(KEY_LENGTH),
    padding: rest === 0,
  };
}

/** The plain block behind M4*: C(28) 1 0(99). */
export function packM4StarPlain(counter: number): Uint8Array {
  checkUint("counter", counter, COUNTER_MAX);
  const out = new Uint8Array(KEY_LENGTH);
  out[0] = counter >>> 20;
  out[1] = (counter >>> 12) & 0xff;
  out[2] = (counter >>> 4) & 0xff;
  out[3] = ((counter & 0x0f) << 4) | 0x08;
  return out;
}

/** M4 = M1's fields in clear, then M4*. */
export function packM4(m1: M1Fields, m4Star: Uint8Array): Uint8Array {
  checkLength("M4*", m4Star, KEY_LENGTH);
  const out = new Uint8Array(M4_LENGTH);
  out.set(packM1(m1));
  out.set(m4Star, M1_LENGTH);
  return out;
}

/** True for the wildcard UID (4.4.4.2). */
export function isWildcardUid(uid: Uint8Array): boolean {
  return uid.every((byte) => byte === 0);
}
