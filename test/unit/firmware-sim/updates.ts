/** M1–M3 as a tester brings them, from the codec's fields. */

import { concat, fromHex, toHex } from "../../../src/shared/bytes.js";
import {
  cbcEncrypt,
  cmac,
  ecbEncrypt,
  kdf,
  packM1,
  packM2Plain,
  packM4StarPlain,
  updateConstants,
} from "../../../src/she/codec/index.js";
import { UID } from "./bench.js";

export interface Update {
  readonly keyId: number;
  readonly authKeyId: number;
  readonly authKey: string;
  readonly key: string;
  readonly counter: number;
  readonly flags?: number;
  readonly uid?: string;
}

/** M1 M2 M3, hex. */
export function update({ keyId, authKeyId, authKey, key, counter, flags = 0, uid = UID }: Update): string {
  const constants = updateConstants(0);
  const auth = fromHex(authKey);
  const m1 = packM1({ uid: fromHex(uid), keyId, authKeyId });
  const plain = packM2Plain({ counter, flags, verifyOnly: false, key: fromHex(key) });
  const m2 = cbcEncrypt(kdf(auth, constants.enc), plain);
  return toHex(concat(m1, m2, cmac(kdf(auth, constants.mac), concat(m1, m2))));
}

/** M4 M5 that a device of the bench's UID answers, hex. */
export function proof({ keyId, authKeyId, key, counter }: Update): string {
  const constants = updateConstants(0);
  const own = fromHex(key);
  const star = ecbEncrypt(kdf(own, constants.enc), packM4StarPlain(counter));
  const m4 = concat(packM1({ uid: fromHex(UID), keyId, authKeyId }), star);
  return toHex(concat(m4, cmac(kdf(own, constants.mac), m4)));
}

export const ZERO_KEY = "00".repeat(16);
export const MASTER = "39e6354ee40d0ab487025fb5db08a768";

/** Vector V7 (the KMS document's EcuMasterKey sample): first load of the master key over an empty slot. */
export const V7 = {
  m1: "00030001000000000000000000000211",
  m2: "83a6957a7c21c35c9bf9083c09c728fa8ebb3965805bfe8f9fd6b88b7fcf8df4",
  m3: "1eae814952a1ad6f9efc2e0c20378c3d",
  m4: "000300010000000000000000000002119d65cbf811941c12318183fce05f9880",
  m5: "adf3b9cb4e14a5cb60899f1a4a59feb2",
} as const;
export const V7_LOAD = `31010210${V7.m1}${V7.m2}${V7.m3}`;
export const V7_ANSWER = `7101021000${V7.m4}${V7.m5}`;
