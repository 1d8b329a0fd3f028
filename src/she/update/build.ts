/**
 * Builds M1–M5 (4.9) at the pace a production server needs. One set costs 6 key expansions and 16 blocks: K1 and K2 (K3 and K4 too)
 * share the first Miyaguchi-Preneel step, whose key is the constant zero block and is expanded once for the process.
 */
import { unsafe } from "@noble/ciphers/aes.js";
import { type UpdateConstants, updateConstants } from "../codec/constants.js";
import { checkLength, checkUint } from "../codec/fields.js";
import { BANK_MAX, COUNTER_MAX, FLAGS_MAX, KEY_LENGTH, UID_LENGTH } from "../codec/tables.js";
import { expandKeyInto, SCHEDULE_WORDS } from "./schedule.js";

/** What one memory update says. */
export interface UpdateInput {
  /** 15 bytes; all zero = wildcard. */
  readonly uid: Uint8Array;
  /** Authorising slot, 0–15. */
  readonly authKeyId: number;
  /** Value of the authorising key, 16 bytes. */
  readonly authKey: Uint8Array;
  /** Target slot, 0–15; in SHE+ banks the nibble 4–D. */
  readonly keyId: number;
  /** 16 bytes. */
  readonly newKey: Uint8Array;
  /** 0–0xFFFFFFF. */
  readonly counter: number;
  /** Five bits, WRITE_PROTECTION = 16. */
  readonly flags: number;
  /** SHE+ key bank 0–8; default 0, the standard's constants. */
  readonly bank?: number;
  /** SHE+ sixth flag; default false. */
  readonly verifyOnly?: boolean;
  /** For an update sent to the wildcard UID: the device's own UID, which M4 carries (15 bytes; default `uid`). */
  readonly deviceUid?: Uint8Array;
}

/** The five messages, each in memory of its own. */
export interface UpdateSet {
  readonly m1: Uint8Array;
  readonly m2: Uint8Array;
  readonly m3: Uint8Array;
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

// One block of working memory a name. Blocks from M1 to M5 lie in message order, so that a message is one slice.
const BLOCK = 16;
const H = 0;
const K = 16;
const SUBKEY = 32;
const X = 48;
const M1 = 64;
const M2 = 80;
const M3 = 112;
const M4 = 128;
const M4_STAR = 144;
const M5 = 160;
const CONSTANT = 176;
const SIZE = 192;

const scratch = new Uint8Array(SIZE);
const view = new DataView(scratch.buffer);
const messages = scratch.subarray(M1, M5 + BLOCK);
const stepSchedule = new Uint32Array(SCHEDULE_WORDS);
const encSchedule = new Uint32Array(SCHEDULE_WORDS);
const macSchedule = new Uint32Array(SCHEDULE_WORDS);

const ZERO_SCHEDULE = unsafe.expandKeyLE(new Uint8Array(KEY_LENGTH));

/** dst = ENC(src); both are offsets into the working memory. */
function encrypt(schedule: Uint32Array, src: number, dst: number): void {
  const { s0, s1, s2, s3 } = unsafe.encrypt(
    schedule,
    view.getUint32(src, true),
    view.getUint32(src + 4, true),
    view.getUint32(src + 8, true),
    view.getUint32(src + 12, true),
  );
  view.setUint32(dst, s0, true);
  view.setUint32(dst + 4, s1, true);
  view.setUint32(dst + 8, s2, true);
  view.setUint32(dst + 12, s3, true);
}

/** dst ^= src, one block. */
function xor(dst: number, src: number): void {
  for (let i = 0; i < BLOCK; i += 4) {
    view.setUint32(dst + i, view.getUint32(dst + i, true) ^ view.getUint32(src + i, true), true);
  }
}

/** Second compression step, K = ENC(H, C) xor C xor H, expanded into `schedule`. */
function derive(constant: Uint8Array, schedule: Uint32Array): void {
  scratch.set(constant, CONSTANT);
  encrypt(stepSchedule, CONSTANT, K);
  xor(K, CONSTANT);
  xor(K, H);
  expandKeyInto(view, K, schedule);
}

/** KDF of `key` with both constants: encSchedule and macSchedule. They share the first step, H = ENC(0, key) xor key. */
function deriveBoth(key: Uint8Array, constants: UpdateConstants): void {
  scratch.set(key, X);
  encrypt(ZERO_SCHEDULE, X, H);
  xor(H, X);
  expandKeyInto(view, H, stepSchedule);
  derive(constants.enc, encSchedule);
  derive(constants.mac, macSchedule);
}

/** CMAC of `blocks` whole blocks at `from` (RFC 4493; a whole last block takes the first subkey). */
function cmac(schedule: Uint32Array, from: number, blocks: number, dst: number): void {
  scratch.fill(0, X, X + BLOCK);
  encrypt(schedule, X, SUBKEY);
  const l0 = view.getUint32(SUBKEY);
  const l1 = view.getUint32(SUBKEY + 4);
  const l2 = view.getUint32(SUBKEY + 8);
  const l3 = view.getUint32(SUBKEY + 12);
  view.setUint32(SUBKEY, (l0 << 1) | (l1 >>> 31));
  view.setUint32(SUBKEY + 4, (l1 << 1) | (l2 >>> 31));
  view.setUint32(SUBKEY + 8, (l2 << 1) | (l3 >>> 31));
  view.setUint32(SUBKEY + 12, (l3 << 1) ^ (0x87 & -(l0 >>> 31)));
  const last = from + (blocks - 1) * BLOCK;
  for (let at = from; at < last; at += BLOCK) {
    xor(X, at);
    encrypt(schedule, X, X);
  }
  xor(X, last);
  xor(X, SUBKEY);
  encrypt(schedule, X, dst);
}

function checkInput(input: UpdateInput): void {
  checkLength("uid", input.uid, UID_LENGTH);
  checkUint("authKeyId", input.authKeyId, 15);
  checkLength("authKey", input.authKey, KEY_LENGTH);
  checkUint("keyId", input.keyId, 15);
  checkLength("newKey", input.newKey, KEY_LENGTH);
  checkUint("counter", input.counter, COUNTER_MAX);
  checkUint("flags", input.flags, FLAGS_MAX);
  checkUint("bank", input.bank ?? 0, BANK_MAX);
  if (input.deviceUid !== undefined) checkLength("deviceUid", input.deviceUid, UID_LENGTH);
}

/**
 * M1–M5 of one update (4.9.1). Working memory and key schedules are zeroed before it returns.
 * @throws RangeError naming the field that is out of range
 */
export function buildUpdate(input: UpdateInput): UpdateSet {
  const all = new Uint8Array(UPDATE_LENGTH);
  buildUpdateInto(input, all);
  return {
    m1: all.slice(0, 16),
    m2: all.slice(16, 48),
    m3: all.slice(48, 64),
    m4: all.slice(64, 96),
    m5: all.slice(96, 112),
  };
}

/** M1 to M5 one after the other. */
export const UPDATE_LENGTH = 112;

/** As `buildUpdate`, the messages one after the other into the `UPDATE_LENGTH` bytes of `out`: for those who make many. */
export function buildUpdateInto(input: UpdateInput, out: Uint8Array): void {
  checkInput(input);
  const constants = updateConstants(input.bank ?? 0);
  const { counter, flags } = input;

  scratch.set(input.uid, M1);
  scratch[M1 + UID_LENGTH] = (input.keyId << 4) | input.authKeyId;
  scratch.copyWithin(M4, M1, M1 + BLOCK);
  if (input.deviceUid !== undefined) scratch.set(input.deviceUid, M4);

  deriveBoth(input.authKey, constants);
  scratch.fill(0, M2, M2 + BLOCK);
  view.setUint32(M2, (counter << 4) | (flags >> 1));
  view.setUint32(M2 + 4, ((flags & 1) << 31) | (input.verifyOnly === true ? 0x4000_0000 : 0));
  encrypt(encSchedule, M2, M2);
  scratch.set(input.newKey, M2 + BLOCK);
  xor(M2 + BLOCK, M2);
  encrypt(encSchedule, M2 + BLOCK, M2 + BLOCK);
  cmac(macSchedule, M1, 3, M3);

  deriveBoth(input.newKey, constants);
  scratch.fill(0, X, X + BLOCK);
  view.setUint32(X, (counter << 4) | 0x8);
  encrypt(encSchedule, X, M4_STAR);
  cmac(macSchedule, M4, 2, M5);

  out.set(messages);
  stepSchedule.fill(0);
  encSchedule.fill(0);
  macSchedule.fill(0);
  scratch.fill(0);
}
