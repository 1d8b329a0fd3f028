/** Status bytes that the reference ECU's routines answer with. */

/** SHE error codes in the order of NXP's she_api.h. */
export const SHE_STATUS = [
  "NO_ERROR",
  "SEQUENCE_ERROR",
  "KEY_NOT_AVAILABLE",
  "KEY_INVALID",
  "KEY_EMPTY",
  "NO_SECURE_BOOT",
  "KEY_WRITE_PROTECTED",
  "KEY_UPDATE_ERROR",
  "RNG_SEED",
  "NO_DEBUGGING",
  "BUSY",
  "MEMORY_FAILURE",
  "GENERAL_ERROR",
] as const;
export type SheStatus = (typeof SHE_STATUS)[number];

/** 0220, 0221 and 0222. */
export const CERTIFICATE_STATUS = [
  "DONE",
  "UNREADABLE",
  "KEY_MISMATCH",
  "CHAIN_INVALID",
  "NOT_VALID_NOW",
  "NO_SUCH_SLOT",
  "WRONG_TYPE",
] as const;
export type CertificateStatus = (typeof CERTIFICATE_STATUS)[number];

/** Name of a status byte; `UNKNOWN_xx` where the table has none. */
export function statusName<T extends string>(table: readonly T[], status: number): T | `UNKNOWN_${string}` {
  return table[status] ?? `UNKNOWN_${status.toString(16).padStart(2, "0").toUpperCase()}`;
}

/** Types of 0221: what was downloaded. */
export const INSTALL_TYPE = { leaf: 0x01, issuers: 0x02, anchors: 0x03 } as const;
export type InstallType = keyof typeof INSTALL_TYPE;

/** Curves of 0220. */
export const CURVE_CODE = { "P-256": 0x01, "P-521": 0x02 } as const;
export type CurveName = keyof typeof CURVE_CODE;

export const LIFE_CYCLE = ["production", "locked"] as const;
