/** Protocol facts of AUTOSAR_TR_SecureHardwareExtensions R19-11 as data: slots, flags, authorisers, error codes, SREG. */

/** Addressable key slots (Table 4.1). */
export const SLOT = {
  SECRET_KEY: 0x0,
  MASTER_ECU_KEY: 0x1,
  BOOT_MAC_KEY: 0x2,
  BOOT_MAC: 0x3,
  KEY_1: 0x4,
  KEY_10: 0xd,
  RAM_KEY: 0xe,
} as const;

/** Protection flags as bits of the five-bit field F of M2, first transmitted bit highest. VERIFY_ONLY is SHE+ (bit behind the five). */
export const FLAG = {
  WRITE_PROTECTION: 0x10,
  BOOT_PROTECTION: 0x08,
  DEBUGGER_PROTECTION: 0x04,
  /** 0 = cipher, 1 = MAC; KEY_n only (4.4.1.5). */
  KEY_USAGE: 0x02,
  /** Set = updates by the wildcard UID are NOT allowed (4.4.1.4). */
  WILDCARD: 0x01,
} as const;

export type FlagName = keyof typeof FLAG;

/** Largest value of the five-bit flag field. */
export const FLAGS_MAX = 0x1f;
/** Largest value of the 28-bit update counter. */
export const COUNTER_MAX = 0x0fff_ffff;
/** Highest bank of extended devices (KEY_81–KEY_90); 0 is the standard's own set. */
export const BANK_MAX = 8;

export const UID_LENGTH = 15;
export const KEY_LENGTH = 16;
export const M1_LENGTH = 16;
export const M2_LENGTH = 32;
export const M3_LENGTH = 16;
export const M4_LENGTH = 32;
export const M5_LENGTH = 16;

export type SlotKind = "secret" | "master" | "bootMacKey" | "bootMac" | "key" | "ram" | "none";

export interface SlotRow {
  readonly id: number;
  readonly name: string;
  readonly kind: SlotKind;
  /** Slots whose key may authorise an update of this one (Table 4.5); empty = no update at all. */
  readonly authorisers: readonly number[];
  /** Flags this slot stores (Table 4.3); the others are sent as 0 and ignored. */
  readonly flags: number;
  /** False where the counter is 0 and ignored (RAM_KEY). */
  readonly counter: boolean;
}

const { MASTER_ECU_KEY, BOOT_MAC_KEY, RAM_KEY, SECRET_KEY } = SLOT;
const { WRITE_PROTECTION, BOOT_PROTECTION, DEBUGGER_PROTECTION, KEY_USAGE, WILDCARD } = FLAG;
const KEY_SLOTS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13] as const;

function slot(id: number, name: string, kind: SlotKind, authorisers: readonly number[], flags: number): SlotRow {
  return { id, name, kind, authorisers, flags, counter: id !== RAM_KEY && authorisers.length > 0 };
}

/** One row a slot nibble 0–F. */
export const SLOTS: readonly SlotRow[] = [
  slot(SECRET_KEY, "SECRET_KEY", "secret", [], 0),
  slot(
    MASTER_ECU_KEY,
    "MASTER_ECU_KEY",
    "master",
    [1],
    WRITE_PROTECTION | BOOT_PROTECTION | DEBUGGER_PROTECTION | WILDCARD,
  ),
  slot(
    BOOT_MAC_KEY,
    "BOOT_MAC_KEY",
    "bootMacKey",
    [1, BOOT_MAC_KEY],
    WRITE_PROTECTION | DEBUGGER_PROTECTION | WILDCARD,
  ),
  slot(SLOT.BOOT_MAC, "BOOT_MAC", "bootMac", [1, BOOT_MAC_KEY], WRITE_PROTECTION | DEBUGGER_PROTECTION | WILDCARD),
  ...KEY_SLOTS.map((id) =>
    slot(
      id,
      `KEY_${id - 3}`,
      "key",
      [1, id],
      WRITE_PROTECTION | BOOT_PROTECTION | DEBUGGER_PROTECTION | KEY_USAGE | WILDCARD,
    ),
  ),
  slot(RAM_KEY, "RAM_KEY", "ram", [SECRET_KEY, ...KEY_SLOTS], 0),
  slot(0xf, "none", "none", [], 0),
];

/** The row of a slot nibble 0–15; throws RangeError outside. */
export function slotRow(id: number): SlotRow {
  const row = SLOTS[id];
  if (row === undefined) throw new RangeError(`slot ${id} is outside 0..15`);
  return row;
}

/** Name of a slot in a bank, e.g. `KEY_1`, `KEY_11` (slot 4 of bank 1), `MASTER_ECU_KEY`. */
export function slotName(id: number, bank = 0): string {
  const row = slotRow(id);
  return row.kind === "key" ? `KEY_${id - 3 + 10 * bank}` : row.name;
}

/** Names of the flags set in the five-bit field, in the standard's order. */
export function flagNames(flags: number): FlagName[] {
  return (Object.keys(FLAG) as FlagName[]).filter((name) => (flags & FLAG[name]) !== 0);
}

/** Error codes of 4.8 in the order and with the numbers of NXP's she_api.h; the diagnostic interface sends the number as status byte. */
export const ERC = {
  ERC_NO_ERROR: 0x0,
  ERC_SEQUENCE_ERROR: 0x1,
  ERC_KEY_NOT_AVAILABLE: 0x2,
  ERC_KEY_INVALID: 0x3,
  ERC_KEY_EMPTY: 0x4,
  ERC_NO_SECURE_BOOT: 0x5,
  ERC_KEY_WRITE_PROTECTED: 0x6,
  ERC_KEY_UPDATE_ERROR: 0x7,
  ERC_RNG_SEED: 0x8,
  ERC_NO_DEBUGGING: 0x9,
  ERC_BUSY: 0xa,
  ERC_MEMORY_FAILURE: 0xb,
  ERC_GENERAL_ERROR: 0xc,
} as const;

export type Erc = keyof typeof ERC;

/** Status register bits (4.6). */
export const SREG = {
  BUSY: 0x01,
  SECURE_BOOT: 0x02,
  BOOT_INIT: 0x04,
  BOOT_FINISHED: 0x08,
  BOOT_OK: 0x10,
  RND_INIT: 0x20,
  EXT_DEBUGGER: 0x40,
  INT_DEBUGGER: 0x80,
} as const;
