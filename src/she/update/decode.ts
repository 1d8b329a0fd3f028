/** Reads M1–M3 with the authorising key, and holds M4/M5 against what they should be. */
import { concat, equalConstantTime } from "../../shared/bytes.js";
import { cbcDecrypt, cmac, ecbEncrypt, kdf } from "../codec/aes.js";
import { updateConstants } from "../codec/constants.js";
import {
  checkLength,
  isWildcardUid,
  type M1Fields,
  packM4,
  packM4StarPlain,
  parseM1,
  parseM2Plain,
} from "../codec/fields.js";
import { KEY_LENGTH, M2_LENGTH, M3_LENGTH } from "../codec/tables.js";

export interface DecodedUpdate extends M1Fields {
  readonly wildcard: boolean;
  readonly bank: number;
  /** M3 is right under the key. When false, everything from M2 is noise unless `padding` is true. */
  readonly macOk: boolean;
  /** The 94 bits behind the sixth flag are 0, as in every well-formed M2 under its own key. */
  readonly padding: boolean;
  readonly counter: number;
  /** Five bits, WRITE_PROTECTION = 16. */
  readonly flags: number;
  readonly verifyOnly: boolean;
  /** The new key: secret; the caller wipes it. */
  readonly key: Uint8Array;
}

export interface ProofPair {
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

/**
 * @param authKey value of the authorising key, 16 bytes
 * @param bank SHE+ key bank 0–8
 * @throws RangeError for a message or key of the wrong length
 */
export function decodeUpdate(
  m1: Uint8Array,
  m2: Uint8Array,
  m3: Uint8Array,
  authKey: Uint8Array,
  bank = 0,
): DecodedUpdate {
  const ids = parseM1(m1);
  checkLength("M2", m2, M2_LENGTH);
  checkLength("M3", m3, M3_LENGTH);
  checkLength("authKey", authKey, KEY_LENGTH);
  const constants = updateConstants(bank);
  const k1 = kdf(authKey, constants.enc);
  const k2 = kdf(authKey, constants.mac);
  const plain = cbcDecrypt(k1, m2);
  const fields = parseM2Plain(plain);
  const macOk = equalConstantTime(cmac(k2, concat(m1, m2)), m3);
  for (const secret of [k1, k2, plain]) secret.fill(0);
  return { ...ids, ...fields, wildcard: isWildcardUid(ids.uid), bank, macOk };
}

/** M4 and M5 that a device of `uid` answers once it holds `key`. */
export function proofOf(
  uid: Uint8Array,
  ids: Pick<M1Fields, "keyId" | "authKeyId">,
  key: Uint8Array,
  counter: number,
  bank = 0,
): ProofPair {
  const constants = updateConstants(bank);
  const k3 = kdf(key, constants.enc);
  const k4 = kdf(key, constants.mac);
  const star = ecbEncrypt(k3, packM4StarPlain(counter));
  const m4 = packM4({ uid, keyId: ids.keyId, authKeyId: ids.authKeyId }, star);
  const m5 = cmac(k4, m4);
  k3.fill(0);
  k4.fill(0);
  return { m4, m5 };
}

/** True where the device's M4 and M5 are the expected ones; takes the same time wherever they differ. */
export function verifyProof(received: ProofPair, expected: ProofPair): boolean {
  const m4 = equalConstantTime(received.m4, expected.m4);
  const m5 = equalConstantTime(received.m5, expected.m5);
  return m4 && m5;
}
