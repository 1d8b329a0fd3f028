import {
  createSheDevice,
  memoryStorage,
  type SheDevice,
  type SheDeviceOptions,
} from "../../../firmware-sim/she/index.js";
import { fromHex } from "../../../src/shared/bytes.js";
import { FLAG } from "../../../src/she/codec/index.js";
import { buildUpdate, type UpdateInput } from "../../../src/she/update/index.js";

export const UID = fromHex("0102030405060708090a0b0c0d0e0f");
export const WILDCARD_UID = new Uint8Array(15);
export const BLANK = new Uint8Array(16);
export const SECRET = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
export const MASTER = fromHex("000102030405060708090a0b0c0d0e0f");
export const KEY = fromHex("0f0e0d0c0b0a09080706050403020100");
export const OTHER = fromHex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
export const { WRITE_PROTECTION, BOOT_PROTECTION, DEBUGGER_PROTECTION, KEY_USAGE, WILDCARD } = FLAG;
export const BLOCK = fromHex("00112233445566778899aabbccddeeff");
export const ZERO = (length: number) => "00".repeat(length);

export function makeDevice(options: Partial<SheDeviceOptions> = {}): SheDevice {
  return createSheDevice({
    uid: UID,
    blankKey: BLANK,
    secretKey: SECRET,
    storage: memoryStorage(),
    random: (length) => new Uint8Array(length).fill(0x77),
    ...options,
  });
}

/** Loads a key; MASTER authorises with its own value unless told otherwise. */
export function load(device: SheDevice, update: Partial<UpdateInput> & { keyId: number }) {
  const set = buildUpdate({
    uid: device.uid,
    authKeyId: 1,
    authKey: MASTER,
    newKey: KEY,
    counter: 1,
    flags: 0,
    ...update,
  });
  return device.loadKey({
    m1: set.m1,
    m2: set.m2,
    m3: set.m3,
    ...(update.bank === undefined ? {} : { bank: update.bank }),
  });
}

/** A device that holds MASTER in slot 1 (counter 1). */
export async function withMaster(options: Partial<SheDeviceOptions> = {}, flags = 0): Promise<SheDevice> {
  const device = makeDevice(options);
  const { erc } = await load(device, { keyId: 1, authKey: options.blankKey ?? BLANK, newKey: MASTER, flags });
  if (erc !== "ERC_NO_ERROR") throw new Error(`the master key was refused: ${erc}`);
  return device;
}
