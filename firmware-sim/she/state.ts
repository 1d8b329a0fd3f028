/** What a SHE keeps without power, and where it keeps it. */

export interface SheKeyRecord {
  /** Slot address: bank × 16 + slot nibble (bank 0 = the standard's slots 1–D). */
  readonly slot: number;
  /** 32 hex digits. */
  readonly key: string;
  readonly counter: number;
  /** Five bits, only those which the slot stores (Table 4.3). */
  readonly flags: number;
  /** SHE+ sixth flag. */
  readonly verifyOnly: boolean;
  /** M4 and M5 (hex) of the load that brought this key; absent where the device learnt the value itself (BOOT_MAC). */
  readonly proof?: SheProofRecord;
}

export interface SheProofRecord {
  readonly m4: string;
  readonly m5: string;
}

/** JSON as it stands. */
export interface SheState {
  readonly version: 1;
  /** Filled slots only. */
  readonly keys: readonly SheKeyRecord[];
  /** PRNG_SEED, 32 hex digits. */
  readonly prngSeed: string;
}

/** Non-volatile memory of one device. */
export interface SheStorage {
  /** The state last saved; undefined for a fresh device. */
  load(): SheState | undefined;
  /** Stores `state` as a whole or not at all; resolved = it survives a power cut. A rejection answers ERC_MEMORY_FAILURE. */
  save(state: SheState): Promise<void>;
}

/** Storage that lives as long as the process. */
export function memoryStorage(initial?: SheState): SheStorage {
  let state = initial;
  return {
    load: () => state,
    save: async (next) => {
      state = next;
    },
  };
}
