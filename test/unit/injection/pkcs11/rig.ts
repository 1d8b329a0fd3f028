/** A unit in a fake token, and sets for it. */
import type { Receipt, SheResult, UnitSettings } from "../../../../src/injection/pkcs11/calls.js";
import { KeySlots } from "../../../../src/injection/pkcs11/key-slots.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { buildUpdate, type UpdateInput } from "../../../../src/she/update/index.js";
import type { FakeBench } from "./fake-bench.js";

export const UID = "0102030405060708090a0b0c0d0e0f";
export const BLANK = new Uint8Array(16);
export const MASTER = fromHex("000102030405060708090a0b0c0d0e0f");
export const KEY = fromHex("0f0e0d0c0b0a09080706050403020100");
export const OTHER = fromHex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");

export const UNIT: UnitSettings = {
  uid: UID,
  mechanisms: { cmac: "CKM_AES_CMAC", cipher: "CKM_AES_CBC" },
  blankKey: "00".repeat(16),
};

export function slotsIn(bench: FakeBench, settings: Partial<UnitSettings> = {}): KeySlots {
  return new KeySlots(bench, { ...UNIT, ...settings });
}

export type Update = Partial<UpdateInput> & { keyId: number };

/** MASTER authorises with its own value unless told otherwise. */
export function setOf(update: Update) {
  return buildUpdate({
    uid: fromHex(UID),
    authKeyId: 1,
    authKey: MASTER,
    newKey: KEY,
    counter: 1,
    flags: 0,
    ...update,
  });
}

export function load(slots: KeySlots, update: Update): Promise<SheResult<Receipt>> {
  const { m1, m2, m3 } = setOf(update);
  return slots.loadKey(m1, m2, m3);
}

export async function erc(slots: KeySlots, update: Update): Promise<string> {
  return (await load(slots, update)).erc;
}

/** Puts MASTER into slot 1 (counter 1). */
export async function withMaster(bench: FakeBench, flags = 0, settings: Partial<UnitSettings> = {}): Promise<KeySlots> {
  const slots = slotsIn(bench, settings);
  const answer = await erc(slots, { keyId: 1, authKey: BLANK, newKey: MASTER, flags });
  if (answer !== "ERC_NO_ERROR") throw new Error(`the master key was refused: ${answer}`);
  return slots;
}
