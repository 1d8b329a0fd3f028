/** Which key a command may use: the tables of the slots applied to a device's present condition. */

import { fromHex } from "../../src/shared/bytes.js";
import { type Erc, FLAG, SLOT } from "../../src/she/codec/index.js";
import { type Extension, isKeyN, type KeyUse, slotAt } from "./slots.js";
import type { SheKeyRecord, SheState } from "./state.js";

/** The volatile RAM_KEY; `plain` is its only flag (4.4.3.1). */
export interface RamKey {
  readonly key: Uint8Array;
  readonly plain: boolean;
}

/** What bars protected keys at present. */
export interface Bars {
  /** The boot failed or was bypassed (4.4.1.2). */
  readonly boot: boolean;
  /** A debugger is or was attached since the reset (4.4.1.3). */
  readonly debugger: boolean;
}

export type Found<T> =
  | { readonly erc: "ERC_NO_ERROR"; readonly value: T }
  | { readonly erc: Exclude<Erc, "ERC_NO_ERROR"> };

export function findKey(state: SheState, slot: number): SheKeyRecord | undefined {
  return state.keys.find((record) => record.slot === slot);
}

/** True where a flag of the key meets its bar. */
export function isBarred(flags: number, bars: Bars): boolean {
  return (
    ((flags & FLAG.BOOT_PROTECTION) !== 0 && bars.boot) || ((flags & FLAG.DEBUGGER_PROTECTION) !== 0 && bars.debugger)
  );
}

/** Flags that hold for SECRET_KEY: it inherits MASTER_ECU_KEY's (Table 4.3). */
export function secretKeyFlags(state: SheState): number {
  return findKey(state, SLOT.MASTER_ECU_KEY)?.flags ?? 0;
}

/** The key's value for a use, or why not: no such key, empty, wrong use, barred (in this order). */
export function keyForUse(
  state: SheState,
  ram: RamKey | undefined,
  slot: number,
  use: KeyUse,
  bars: Bars,
  extension: Extension,
): Found<Uint8Array> {
  if (slotAt(slot, extension)?.uses.includes(use) !== true) return { erc: "ERC_KEY_INVALID" };
  if (slot === SLOT.RAM_KEY) {
    return ram === undefined ? { erc: "ERC_KEY_EMPTY" } : { erc: "ERC_NO_ERROR", value: ram.key };
  }
  const record = findKey(state, slot);
  if (record === undefined) return { erc: "ERC_KEY_EMPTY" };
  if (isKeyN(slot) && !usageAllows(record, use)) return { erc: "ERC_KEY_INVALID" };
  if (isBarred(record.flags, bars)) return { erc: "ERC_KEY_NOT_AVAILABLE" };
  return { erc: "ERC_NO_ERROR", value: fromHex(record.key) };
}

function usageAllows(record: SheKeyRecord, use: KeyUse): boolean {
  const mac = (record.flags & FLAG.KEY_USAGE) !== 0;
  if (use === "cipher") return !mac;
  return mac && !(use === "generateMac" && record.verifyOnly);
}
