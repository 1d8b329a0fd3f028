/** The constants of the key derivation, with their Miyaguchi-Preneel padding. */
import { BANK_MAX } from "./tables.js";

function constant(selector: number): Uint8Array {
  const out = new Uint8Array(16);
  out.set([0x01, selector, 0x53, 0x48, 0x45, 0x00, 0x80]);
  out[15] = 0xb0;
  return out;
}

export const KEY_UPDATE_ENC_C = constant(0x01);
export const KEY_UPDATE_MAC_C = constant(0x02);
export const DEBUG_KEY_C = constant(0x03);
export const PRNG_KEY_C = constant(0x04);
export const PRNG_SEED_KEY_C = constant(0x05);

export interface UpdateConstants {
  /** KEY_UPDATE_ENC_C of the bank: for K1 and K3. */
  readonly enc: Uint8Array;
  /** KEY_UPDATE_MAC_C of the bank: for K2 and K4. */
  readonly mac: Uint8Array;
}

const BANKS: readonly UpdateConstants[] = [
  { enc: KEY_UPDATE_ENC_C, mac: KEY_UPDATE_MAC_C },
  ...Array.from({ length: BANK_MAX }, (_, i) => ({
    enc: constant(0x71 + 0x10 * (i + 1)),
    mac: constant(0x72 + 0x10 * (i + 1)),
  })),
];

/** Update constants of bank 0 (the standard) or 1–8 (SHE+, KEY_11–KEY_90); throws RangeError outside. */
export function updateConstants(bank: number): UpdateConstants {
  const found = BANKS[bank];
  if (found === undefined) throw new RangeError(`bank ${bank} is outside 0..${BANK_MAX}`);
  return found;
}
