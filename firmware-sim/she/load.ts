/** CMD_LOAD_KEY: the rules of 4.9.1 in the standard's order, and the proof M4/M5. */

import { concat, equalBytes, equalConstantTime, fromHex } from "../../src/shared/bytes.js";
import {
  cbcDecrypt,
  checkLength,
  cmac,
  type Erc,
  ecbEncrypt,
  FLAG,
  isWildcardUid,
  kdf,
  M2_LENGTH,
  M3_LENGTH,
  packM4,
  packM4StarPlain,
  parseM1,
  parseM2Plain,
  SLOT,
  updateConstants,
} from "../../src/she/codec/index.js";
import { type Bars, type Found, findKey, isBarred, secretKeyFlags } from "./keys.js";
import { type Extension, isKeyN, slotAt } from "./slots.js";
import type { SheState } from "./state.js";

export interface UpdateMessages {
  readonly m1: Uint8Array;
  readonly m2: Uint8Array;
  readonly m3: Uint8Array;
  /** SHE+ bank whose constants and slots are meant; default 0. */
  readonly bank?: number;
}

/** An update that passed every rule; nothing is stored yet. */
export interface AcceptedUpdate {
  /** Address of the target slot. */
  readonly slot: number;
  readonly key: Uint8Array;
  readonly counter: number;
  /** Only those flags which the slot stores. */
  readonly flags: number;
  readonly verifyOnly: boolean;
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

export interface LoadContext {
  readonly state: SheState;
  readonly uid: Uint8Array;
  readonly blankKey: Uint8Array;
  readonly secretKey: Uint8Array;
  readonly bars: Bars;
  readonly extension: Extension;
  /** Six-flag device. */
  readonly verifyOnlyFlag: boolean;
}

const refuse = (erc: Exclude<Erc, "ERC_NO_ERROR">): { erc: Exclude<Erc, "ERC_NO_ERROR"> } => ({ erc });

/** Judges M1–M3 against the device's state; throws RangeError on a message of the wrong length. */
export function judgeUpdate(messages: UpdateMessages, context: LoadContext): Found<AcceptedUpdate> {
  const { state, bars, extension } = context;
  const m1 = parseM1(messages.m1);
  checkLength("M2", messages.m2, M2_LENGTH);
  checkLength("M3", messages.m3, M3_LENGTH);
  const bank = messages.bank ?? 0;

  const slot = bank * 16 + m1.keyId;
  const row = slotAt(slot, extension);
  if (row === undefined || row.authorisers.length === 0) return refuse("ERC_KEY_INVALID");
  const target = findKey(state, slot);
  if (target !== undefined && (target.flags & FLAG.WRITE_PROTECTION) !== 0) return refuse("ERC_KEY_WRITE_PROTECTED");

  // Table 4.6 leaves the place of this check open; after the write protection keeps the text's first rule first.
  if (!row.authorisers.includes(m1.authKeyId)) return refuse("ERC_KEY_INVALID");
  const authSlot = m1.authKeyId >= SLOT.KEY_1 ? bank * 16 + m1.authKeyId : m1.authKeyId;
  if (slotAt(authSlot, extension) === undefined) return refuse("ERC_KEY_INVALID");

  const authRecord = findKey(state, authSlot);
  const isSecret = authSlot === SLOT.SECRET_KEY;
  if (authRecord === undefined && !isSecret && authSlot !== slot) return refuse("ERC_KEY_EMPTY");

  const isRam = slot === SLOT.RAM_KEY;
  if (isRam) {
    const authFlags = isSecret ? secretKeyFlags(state) : (authRecord?.flags ?? 0);
    if (isBarred(authFlags, bars)) return refuse("ERC_KEY_NOT_AVAILABLE");
  }

  const authKey = isSecret ? context.secretKey : authRecord === undefined ? context.blankKey : fromHex(authRecord.key);
  const constants = updateConstants(bank);
  const m3 = cmac(kdf(authKey, constants.mac), concat(messages.m1, messages.m2));
  if (!equalConstantTime(m3, messages.m3)) return refuse("ERC_KEY_UPDATE_ERROR");

  if (isWildcardUid(m1.uid)) {
    if (target !== undefined && (target.flags & FLAG.WILDCARD) !== 0) return refuse("ERC_KEY_UPDATE_ERROR");
  } else if (!equalBytes(m1.uid, context.uid)) {
    return refuse("ERC_KEY_UPDATE_ERROR");
  }

  const fields = parseM2Plain(cbcDecrypt(kdf(authKey, constants.enc), messages.m2));
  if (!isRam && fields.counter <= (target?.counter ?? 0)) return refuse("ERC_KEY_UPDATE_ERROR");

  const proof = proveUpdate(context.uid, m1, fields.key, fields.counter, bank);
  return {
    erc: "ERC_NO_ERROR",
    value: {
      slot,
      key: fields.key,
      counter: fields.counter,
      flags: fields.flags & row.flags,
      verifyOnly: context.verifyOnlyFlag && isKeyN(slot) && fields.verifyOnly,
      ...proof,
    },
  };
}

/** M4 and M5 for a stored key: M4 carries the device's own UID, also after an update by wildcard. */
export function proveUpdate(
  uid: Uint8Array,
  ids: { readonly keyId: number; readonly authKeyId: number },
  key: Uint8Array,
  counter: number,
  bank: number,
): { m4: Uint8Array; m5: Uint8Array } {
  const constants = updateConstants(bank);
  const star = ecbEncrypt(kdf(key, constants.enc), packM4StarPlain(counter));
  const m4 = packM4({ uid, keyId: ids.keyId, authKeyId: ids.authKeyId }, star);
  return { m4, m5: cmac(kdf(key, constants.mac), m4) };
}
