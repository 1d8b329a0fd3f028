/** The slots of a SHE as the text's tables have them; the device's own, so that it can disagree with those who make updates. */

import { FLAG, SLOT } from "../../src/she/codec/index.js";

export type KeyUse = "cipher" | "generateMac" | "verifyMac";

export interface Slot {
  /** Slot nibbles whose key may authorise an update (Table 4.5); of KEY_n also its own. */
  readonly authorisers: readonly number[];
  /** Flags that are kept; others are ignored (Table 4.3). */
  readonly flags: number;
  /** Uses of the key (Table 4.4); those of KEY_n by KEY_USAGE besides. */
  readonly uses: readonly KeyUse[];
}

const { MASTER_ECU_KEY, BOOT_MAC_KEY, BOOT_MAC, KEY_1, KEY_10, RAM_KEY, SECRET_KEY } = SLOT;
const ALL_USES: readonly KeyUse[] = ["cipher", "generateMac", "verifyMac"];
const BOOT_FLAGS = FLAG.WRITE_PROTECTION | FLAG.DEBUGGER_PROTECTION | FLAG.WILDCARD;
const MASTER_FLAGS = BOOT_FLAGS | FLAG.BOOT_PROTECTION;
const KEY_FLAGS = MASTER_FLAGS | FLAG.KEY_USAGE;
const BOOT_AUTHORISERS = [MASTER_ECU_KEY, BOOT_MAC_KEY];
const KEY_IDS = Array.from({ length: KEY_10 - KEY_1 + 1 }, (_, n) => KEY_1 + n);

const SLOTS: ReadonlyMap<number, Slot> = new Map<number, Slot>([
  [SECRET_KEY, { authorisers: [], flags: 0, uses: [] }],
  [MASTER_ECU_KEY, { authorisers: [MASTER_ECU_KEY], flags: MASTER_FLAGS, uses: [] }],
  [BOOT_MAC_KEY, { authorisers: BOOT_AUTHORISERS, flags: BOOT_FLAGS, uses: ["verifyMac"] }],
  [BOOT_MAC, { authorisers: BOOT_AUTHORISERS, flags: BOOT_FLAGS, uses: [] }],
  ...KEY_IDS.map((id): [number, Slot] => [id, { authorisers: [MASTER_ECU_KEY, id], flags: KEY_FLAGS, uses: ALL_USES }]),
  [RAM_KEY, { authorisers: [SECRET_KEY, ...KEY_IDS], flags: 0, uses: ALL_USES }],
]);

export interface Extension {
  /** SHE+ banks beyond the standard's, 0–8. */
  readonly banks: number;
  /** KEY_n per bank, 3–10 (4.4.2.5). */
  readonly keyCount: number;
}

/** True for the address of a KEY_n, whether or not a device has it. */
export function isKeyN(address: number): boolean {
  const id = address & 0x0f;
  return id >= KEY_1 && id <= KEY_10;
}

/** The slot at an address (16 × bank + nibble), or undefined where this device has none. */
export function slotAt(address: number, { banks, keyCount }: Extension): Slot | undefined {
  const bank = address >> 4;
  if (!Number.isInteger(address) || address < 0 || bank > banks) return undefined;
  const id = address & 0x0f;
  const there = isKeyN(address) ? id < KEY_1 + keyCount : bank === 0;
  return there ? SLOTS.get(id) : undefined;
}
