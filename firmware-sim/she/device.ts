/**
 * A SHE device, written from AUTOSAR_TR_SecureHardwareExtensions R19-11 and independent of src/she/update. One command at a time;
 * a command that waits for the memory keeps the others out with ERC_BUSY. On an error every output is 0 (4.7).
 */

import { concat, equalConstantTime, fromHex, toHex } from "../../src/shared/bytes.js";
import {
  cbcDecrypt,
  cbcEncrypt,
  checkLength,
  checkUint,
  cmac,
  DEBUG_KEY_C,
  type Erc,
  ecbDecrypt,
  ecbEncrypt,
  FLAG,
  KEY_LENGTH,
  kdf,
  packM1,
  packM2Plain,
  SLOT,
  SREG,
  UID_LENGTH,
  updateConstants,
} from "../../src/she/codec/index.js";
import { bootMac } from "./boot.js";
import { SheCore, zeros } from "./core.js";
import { findKey, isBarred, keyForUse, secretKeyFlags } from "./keys.js";
import { type AcceptedUpdate, judgeUpdate, proveUpdate, type UpdateMessages } from "./load.js";
import { extend, nextSeed, nextState } from "./prng.js";
import type { KeyUse } from "./slots.js";
import type { BusyCommand, DataResult, ExportResult, IdResult, LoadKeyResult, SheDeviceOptions } from "./types.js";

const noData = (erc: Erc, length: number): DataResult => ({ erc, data: zeros(length) });
const noOutput = (erc: Erc): { erc: Erc } => ({ erc });
const noBlock = (erc: Erc): DataResult => noData(erc, KEY_LENGTH);
const noProof = (erc: Erc): LoadKeyResult => ({ erc, m4: zeros(32), m5: zeros(16) });

type Work = (key: Uint8Array) => Uint8Array;

export class SheDevice extends SheCore {
  // ------------------------------------------------------------------------------------------------------------- ciphers

  encEcb(slot: number, data: Uint8Array): Promise<DataResult> {
    return this.#cipher("ENC_ECB", slot, data, (key) => ecbEncrypt(key, data));
  }

  decEcb(slot: number, data: Uint8Array): Promise<DataResult> {
    return this.#cipher("DEC_ECB", slot, data, (key) => ecbDecrypt(key, data));
  }

  encCbc(slot: number, iv: Uint8Array, data: Uint8Array): Promise<DataResult> {
    checkLength("iv", iv, KEY_LENGTH);
    return this.#cipher("ENC_CBC", slot, data, (key) => cbcEncrypt(key, data, iv));
  }

  decCbc(slot: number, iv: Uint8Array, data: Uint8Array): Promise<DataResult> {
    checkLength("iv", iv, KEY_LENGTH);
    return this.#cipher("DEC_CBC", slot, data, (key) => cbcDecrypt(key, data, iv));
  }

  /** @throws RangeError unless `data` is whole blocks */
  #cipher(name: BusyCommand, slot: number, data: Uint8Array, work: Work): Promise<DataResult> {
    if (data.length % KEY_LENGTH !== 0) throw new RangeError(`data has ${data.length} bytes, not whole blocks of 16`);
    return this.command(
      name,
      (erc) => noData(erc, data.length),
      () => this.#withKey(slot, "cipher", data.length, work),
    );
  }

  generateMac(slot: number, data: Uint8Array): Promise<DataResult> {
    return this.command("GENERATE_MAC", noBlock, () =>
      this.#withKey(slot, "generateMac", KEY_LENGTH, (key) => cmac(key, data)),
    );
  }

  /** @param macLength leading bits of the MAC to compare, 1–128; 0 means 128 */
  verifyMac(
    slot: number,
    data: Uint8Array,
    mac: Uint8Array,
    macLength = 0,
  ): Promise<{ readonly erc: Erc; readonly verified: boolean }> {
    checkUint("macLength", macLength, 128);
    const bits = macLength === 0 ? 128 : macLength;
    if (mac.length * 8 < bits) throw new RangeError(`mac has ${mac.length * 8} bits, ${bits} are to be compared`);
    const refuse = (erc: Erc) => ({ erc, verified: false });
    return this.command("VERIFY_MAC", refuse, () => {
      const { erc, data: own } = this.#withKey(slot, "verifyMac", KEY_LENGTH, (key) => cmac(key, data));
      if (erc !== "ERC_NO_ERROR") return refuse(erc);
      return { erc, verified: equalConstantTime(leadingBits(own, bits), leadingBits(mac, bits)) };
    });
  }

  #withKey(slot: number, use: KeyUse, length: number, work: Work): DataResult {
    const found = keyForUse(this.state, this.ram, slot, use, this.bars, this.extension);
    if (found.erc !== "ERC_NO_ERROR") return noData(found.erc, length);
    return { erc: "ERC_NO_ERROR", data: work(found.value) };
  }

  // ---------------------------------------------------------------------------------------------------------------- keys

  /** CMD_LOAD_KEY: the new state is in the memory before M4 and M5 are answered. */
  loadKey(messages: UpdateMessages): Promise<LoadKeyResult> {
    return this.command("LOAD_KEY", noProof, async () => {
      const judged = judgeUpdate(messages, {
        state: this.state,
        uid: this.uid,
        blankKey: this.blankKey,
        secretKey: this.options.secretKey,
        bars: this.bars,
        extension: this.extension,
        verifyOnlyFlag: this.options.verifyOnly ?? false,
      });
      if (judged.erc !== "ERC_NO_ERROR") return noProof(judged.erc);
      const update = judged.value;
      const erc = await this.#storeUpdate(update);
      return erc === "ERC_NO_ERROR" ? { erc, m4: update.m4, m5: update.m5 } : noProof(erc);
    });
  }

  async #storeUpdate(update: AcceptedUpdate): Promise<Erc> {
    const { slot, key, counter, flags, verifyOnly, m4, m5 } = update;
    if (slot === SLOT.RAM_KEY) {
      this.ram = { key, plain: false };
      this.ramProof = { m4, m5 };
      return "ERC_NO_ERROR";
    }
    const proof = { m4: toHex(m4), m5: toHex(m5) };
    return this.save(this.withRecord({ slot, key: toHex(key), counter, flags, verifyOnly, proof }));
  }

  /** @param key 16 bytes */
  loadPlainKey(key: Uint8Array): Promise<{ erc: Erc }> {
    checkLength("key", key, KEY_LENGTH);
    return this.command("LOAD_PLAIN_KEY", noOutput, () => {
      this.ram = { key: key.slice(), plain: true };
      this.ramProof = undefined;
      return { erc: "ERC_NO_ERROR" };
    });
  }

  /** CMD_EXPORT_RAM_KEY: RAM_KEY as an update of itself by SECRET_KEY, counter and flags 0. */
  exportRamKey(): Promise<ExportResult> {
    const refuse = (erc: Erc) => ({ m1: zeros(16), m2: zeros(32), m3: zeros(16), ...noProof(erc) });
    return this.command("EXPORT_RAM_KEY", refuse, () => {
      if (this.ram === undefined) return refuse("ERC_KEY_EMPTY");
      if (!this.ram.plain) return refuse("ERC_KEY_INVALID");
      if (isBarred(secretKeyFlags(this.state), this.bars)) return refuse("ERC_KEY_NOT_AVAILABLE");
      return this.#exported(this.ram.key);
    });
  }

  #exported(key: Uint8Array): ExportResult {
    const ids = { keyId: SLOT.RAM_KEY, authKeyId: SLOT.SECRET_KEY };
    const constants = updateConstants(0);
    const secret = this.options.secretKey;
    const m1 = packM1({ uid: this.uid, ...ids });
    const plain = packM2Plain({ counter: 0, flags: 0, verifyOnly: false, key });
    const m2 = cbcEncrypt(kdf(secret, constants.enc), plain);
    const m3 = cmac(kdf(secret, constants.mac), concat(m1, m2));
    return { erc: "ERC_NO_ERROR", m1, m2, m3, ...proveUpdate(this.uid, ids, key, 0, 0) };
  }

  // -------------------------------------------------------------------------------------------------------------- random

  /** CMD_INIT_RNG; the flags that SECRET_KEY inherits do not bar it (4.7.10). */
  initRng(): Promise<{ erc: Erc }> {
    return this.command("INIT_RNG", noOutput, async (signal) => {
      if (this.prngState !== undefined) return noOutput("ERC_SEQUENCE_ERROR");
      const seed = nextSeed(this.options.secretKey, fromHex(this.state.prngSeed));
      return this.#saveSeed(seed, seed, signal);
    });
  }

  /** @param entropy 16 bytes */
  extendSeed(entropy: Uint8Array): Promise<{ erc: Erc }> {
    checkLength("entropy", entropy, KEY_LENGTH);
    return this.command("EXTEND_SEED", noOutput, async (signal) => {
      if (this.prngState === undefined) return noOutput("ERC_RNG_SEED");
      const seed = extend(fromHex(this.state.prngSeed), entropy);
      return this.#saveSeed(seed, extend(this.prngState, entropy), signal);
    });
  }

  async #saveSeed(seed: Uint8Array, state: Uint8Array, signal: AbortSignal): Promise<{ erc: Erc }> {
    const erc = await this.save({ ...this.state, prngSeed: toHex(seed) });
    if (erc === "ERC_NO_ERROR" && !signal.aborted) this.prngState = state;
    return { erc };
  }

  rnd(): Promise<DataResult> {
    return this.command("RND", noBlock, () => this.#random());
  }

  #random(): DataResult {
    if (this.prngState === undefined) return noBlock("ERC_RNG_SEED");
    this.prngState = nextState(this.options.secretKey, this.prngState);
    return { erc: "ERC_NO_ERROR", data: this.prngState.slice() };
  }

  // ---------------------------------------------------------------------------------------------------------------- boot

  /** CMD_SECURE_BOOT over the boot loader's bytes; the outcome stands in SREG. */
  secureBoot(data: Uint8Array): Promise<{ erc: Erc }> {
    return this.command("SECURE_BOOT", noOutput, async () => {
      const boot = this.boot;
      if (!boot.open) return { erc: "ERC_SEQUENCE_ERROR" };
      const key = findKey(this.state, SLOT.BOOT_MAC_KEY);
      if (key === undefined) {
        boot.phase = "skipped";
        return { erc: "ERC_NO_SECURE_BOOT" };
      }
      const expected = findKey(this.state, SLOT.BOOT_MAC);
      if (isBarred(key.flags | (expected?.flags ?? 0), this.bars)) {
        boot.fail();
        return { erc: "ERC_KEY_NOT_AVAILABLE" };
      }
      const mac = bootMac(fromHex(key.key), data);
      if (expected === undefined) {
        const learnt = { slot: SLOT.BOOT_MAC, key: toHex(mac), counter: 0, flags: 0, verifyOnly: false };
        const erc = await this.save(this.withRecord(learnt));
        if (erc === "ERC_NO_ERROR") boot.phase = "learnt";
        return { erc };
      }
      if (equalConstantTime(mac, fromHex(expected.key))) boot.phase = "passed";
      else boot.fail();
      return { erc: "ERC_NO_ERROR" };
    });
  }

  bootFailure(): Promise<{ erc: Erc }> {
    return this.command("BOOT_FAILURE", noOutput, () => ({ erc: this.boot.finish(false) }));
  }

  bootOk(): Promise<{ erc: Erc }> {
    return this.command("BOOT_OK", noOutput, () => ({ erc: this.boot.finish(true) }));
  }

  // -------------------------------------------------------------------------------------------------------------- status

  /** CMD_GET_STATUS; never busy. */
  getStatus(): { erc: "ERC_NO_ERROR"; sreg: number } {
    return { erc: "ERC_NO_ERROR", sreg: this.sreg | (this.job === undefined ? 0 : SREG.BUSY) };
  }

  /** @param challenge 16 bytes */
  getId(challenge: Uint8Array): Promise<IdResult> {
    checkLength("challenge", challenge, KEY_LENGTH);
    const refuse = (erc: Erc): IdResult => ({ erc, uid: zeros(UID_LENGTH), sreg: 0, mac: zeros(KEY_LENGTH) });
    return this.command("GET_ID", refuse, () => {
      const master = findKey(this.state, SLOT.MASTER_ECU_KEY);
      if (master !== undefined && isBarred(master.flags, this.bars)) return refuse("ERC_KEY_NOT_AVAILABLE");
      const sreg = this.sreg;
      const message = concat(challenge, this.uid, Uint8Array.of(sreg));
      const mac = master === undefined ? zeros(KEY_LENGTH) : cmac(fromHex(master.key), message);
      return { erc: "ERC_NO_ERROR", uid: this.uid.slice(), sreg, mac };
    });
  }

  /** CMD_CANCEL: a command under way ends without outputs; never busy. A write that has begun is finished (4.7.18). */
  async cancel(): Promise<{ erc: "ERC_NO_ERROR" }> {
    this.job?.cancel.abort();
    await this.idle();
    return { erc: "ERC_NO_ERROR" };
  }

  // --------------------------------------------------------------------------------------------------------------- debug

  /** First half of CMD_DEBUG: the challenge that `debugAuthorize` answers. */
  debugChallenge(): Promise<DataResult> {
    return this.command("DEBUG", noBlock, () => {
      const barred = this.#debugBarred();
      if (barred !== undefined) return noBlock(barred);
      const { erc, data } = this.#random();
      this.challenge = data.slice();
      return { erc, data };
    });
  }

  /**
   * Second half: AUTHORIZATION = CMAC(KDF(MASTER_ECU_KEY, DEBUG_KEY_C), CHALLENGE UID), 16 bytes. On success all keys and the PRNG's
   * state are erased; SECRET_KEY, UID and PRNG_SEED survive (4.11). One challenge serves one try.
   */
  debugAuthorize(authorization: Uint8Array): Promise<{ erc: Erc }> {
    checkLength("authorization", authorization, KEY_LENGTH);
    return this.command("DEBUG", noOutput, async (signal) => {
      const challenge = this.challenge;
      this.challenge = undefined;
      const barred = this.#debugBarred();
      if (barred !== undefined) return { erc: barred };
      if (challenge === undefined) return { erc: "ERC_SEQUENCE_ERROR" };
      const master = findKey(this.state, SLOT.MASTER_ECU_KEY);
      const kDebug = kdf(master === undefined ? this.blankKey : fromHex(master.key), DEBUG_KEY_C);
      const expected = cmac(kDebug, concat(challenge, this.uid));
      if (!equalConstantTime(expected, authorization)) return { erc: "ERC_NO_DEBUGGING" };
      const erc = await this.save({ ...this.state, keys: [] });
      if (erc !== "ERC_NO_ERROR") return { erc };
      this.ram = undefined;
      this.ramProof = undefined;
      this.prngState = undefined;
      this.internalDebugger = !signal.aborted;
      return { erc };
    });
  }

  #debugBarred(): Erc | undefined {
    if (this.prngState === undefined) return "ERC_RNG_SEED";
    const locked = this.state.keys.some((record) => (record.flags & FLAG.WRITE_PROTECTION) !== 0);
    return locked ? "ERC_KEY_WRITE_PROTECTED" : undefined;
  }
}

function leadingBits(bytes: Uint8Array, bits: number): Uint8Array {
  const out = bytes.slice(0, Math.ceil(bits / 8));
  const spare = out.length * 8 - bits;
  const last = out.length - 1;
  out[last] = (out[last] ?? 0) & (0xff << spare);
  return out;
}

/** A SHE device on `storage`: fresh, or as it was left. */
export function createSheDevice(options: SheDeviceOptions): SheDevice {
  return new SheDevice(options);
}
