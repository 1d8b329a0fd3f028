/** Options and answers of the simulated SHE. */
import type { Clock } from "../../src/shared/clock.js";
import type { Erc } from "../../src/she/codec/index.js";
import type { SheStorage } from "./state.js";

/** The commands of 4.7 that keep the SHE busy: all but CMD_GET_STATUS and CMD_CANCEL. */
export const BUSY_COMMANDS = [
  "ENC_ECB",
  "ENC_CBC",
  "DEC_ECB",
  "DEC_CBC",
  "GENERATE_MAC",
  "VERIFY_MAC",
  "LOAD_KEY",
  "LOAD_PLAIN_KEY",
  "EXPORT_RAM_KEY",
  "INIT_RNG",
  "EXTEND_SEED",
  "RND",
  "SECURE_BOOT",
  "BOOT_FAILURE",
  "BOOT_OK",
  "GET_ID",
  "DEBUG",
] as const;

export type BusyCommand = (typeof BUSY_COMMANDS)[number];

/** Longest latency of a command, ms. */
export const LATENCY_MAX = 60_000;

/** How long the commands take. */
export interface Pace {
  readonly clock: Clock;
  /** ms, 0–LATENCY_MAX; 0 for a command that is not named. */
  readonly latencies: Readonly<Partial<Record<BusyCommand, number>>>;
}

/** The surroundings of the device; they stay as set over resets. */
export interface SheEnvironment {
  /** A debugger is attached. Keys with DEBUGGER_PROTECTION stay barred until the reset after it went (4.4.1.3). */
  readonly debugger: boolean;
  /** Booting fails: at once for the running cycle, then at every reset until it is false again (4.4.1.2). */
  readonly bootFailed: boolean;
}

export interface SheDeviceOptions {
  /** 15 bytes, never all zero (4.4.4.2). */
  readonly uid: Uint8Array;
  /** Value of an empty slot that authorises itself, 16 bytes; default 16 × 00 (some makers: 16 × FF). */
  readonly blankKey?: Uint8Array;
  /** SECRET_KEY, 16 bytes. */
  readonly secretKey: Uint8Array;
  readonly storage: SheStorage;
  /** Source of the first PRNG_SEED of a fresh device. */
  readonly random: (length: number) => Uint8Array;
  readonly environment?: Partial<SheEnvironment>;
  /** How a reset cycle counts in which no boot MAC was checked; default `good` (no secure boot configured). */
  readonly withoutSecureBoot?: "good" | "bypassed";
  /** SHE+ key banks beyond the standard's, 0–8; default 0. */
  readonly banks?: number;
  /** KEY_n a bank, 3–10; default 10. */
  readonly keyCount?: number;
  /** SHE+ sixth flag VERIFY_ONLY; default false. */
  readonly verifyOnly?: boolean;
  /** Left out, every command answers at once. */
  readonly pace?: Pace;
}

export interface DataResult {
  readonly erc: Erc;
  readonly data: Uint8Array;
}
export interface LoadKeyResult {
  readonly erc: Erc;
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}
export interface ExportResult extends LoadKeyResult {
  readonly m1: Uint8Array;
  readonly m2: Uint8Array;
  readonly m3: Uint8Array;
}
export interface IdResult {
  readonly erc: Erc;
  readonly uid: Uint8Array;
  readonly sreg: number;
  readonly mac: Uint8Array;
}
export interface Proof {
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}
