/** Which key a command may use, and which slot an update may reach: Tables 4.3 to 4.5 applied to a device's present condition. */

import { fromHex } from "../../src/shared/bytes.js";
import { type Erc, FLAG, SLOT, type SlotRow, slotRow } from "../../src/she/codec/index.js";
import type { SheKeyRecord, SheState } from "./state.js";

export type KeyUse = "cipher" | "generateMac" | "verifyMac";

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

export interface Extension {
  /** SHE+ banks beyond the standard's, 0–8. */
  readonly banks: number;
  /** KEY_n per bank, 3–10 (4.4.2.5). */
  readonly keyCount: number;
}

export type Found<T> =
  | { readonly erc: "ERC_NO_ERROR"; readonly value: T }
  | { readonly erc: Exclude<Erc, "ERC_NO_ERROR"> };

export function findKey(state: SheState, slot: number): SheKeyRecord | undefined {
  return state.keys.find((record) => record.slot === slot);
}

/** The row of a slot address, or undefined where this device has no such slot. */
export function addressRow(slot: number, extension: Extension): SlotRow | undefined {
  const bank = slot >> 4;
  if (!Number.isInteger(slot) || slot < 0 || bank > extension.banks) return undefined;
  const row = slotRow(slot & 0x0f);
  if (row.kind === "key") return row.id - SLOT.KEY_1 < extension.keyCount ? row : undefined;
  return bank === 0 ? row : undefined;
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

/** Uses of each kind of slot (Table 4.4); KEY_n go by KEY_USAGE as well. */
const USES: Readonly<Record<SlotRow["kind"], readonly KeyUse[]>> = {
  secret: [],
  master: [],
  bootMacKey: ["verifyMac"],
  bootMac: [],
  key: ["cipher", "generateMac", "verifyMac"],
  ram: ["cipher", "generateMac", "verifyMac"],
  none: [],
};

/** The key's value for a use, or why not: no such key, empty, wrong use, barred (in this order). */
export function keyForUse(
  state: SheState,
  ram: RamKey | undefined,
  slot: number,
  use: KeyUse,
  bars: Bars,
  extension: Extension,
): Found<Uint8Array> {
  const row = addressRow(slot, extension);
  if (row === undefined || !USES[row.kind].includes(use)) return { erc: "ERC_KEY_INVALID" };
  if (row.kind === "ram") {
    return ram === undefined ? { erc: "ERC_KEY_EMPTY" } : { erc: "ERC_NO_ERROR", value: ram.key };
  }
  const record = findKey(state, slot);
  if (record === undefined) return { erc: "ERC_KEY_EMPTY" };
  if (row.kind === "key" && !usageAllows(record, use)) return { erc: "ERC_KEY_INVALID" };
  if (isBarred(record.flags, bars)) return { erc: "ERC_KEY_NOT_AVAILABLE" };
  return { erc: "ERC_NO_ERROR", value: fromHex(record.key) };
}

function usageAllows(record: SheKeyRecord, use: KeyUse): boolean {
  const mac = (record.flags & FLAG.KEY_USAGE) !== 0;
  if (use === "cipher") return !mac;
  return mac && !(use === "generateMac" && record.verifyOnly);
}
