/**
 * What the program and a token's process say to each other. Everything survives structured cloning. No message holds a PIN, and no key but
 * the one to be wrapped, or unwrapped: both sides wipe their copies.
 */
import type { ErrorDetails } from "../shared/errors.js";

export type TokenCurve = "P-256" | "P-521";

/** Which key of a token: by label, and by CKA_ID where one is given. */
export interface KeyName {
  readonly label: string;
  /** Hex. */
  readonly id?: string;
}

/** Which token, and how to log in. At least one of `token`, `serial` and `slot` is there. */
export interface TokenAddress {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  /** Label of the token. */
  readonly token?: string;
  /** Its serial number, where labels are not unique. */
  readonly serial?: string;
  /** Number of its slot, where that is fixed. */
  readonly slot?: number;
  /** File that holds the user PIN; read by the token's process alone. */
  readonly pinFile: string;
}

/** What the program has a token for: signatures by EC keys, keys of the program wrapped by an AES key, ciphers and MACs by AES keys. */
export type TokenUse = "signing" | "wrapping" | "cmac" | "cbc" | "ecb";

/** What a token can do of what this program asks of it. */
export interface TokenDescription {
  readonly label: string;
  readonly serial: string;
  readonly model: string;
  readonly mechanisms: readonly MechanismReport[];
  /** Objects that it holds. */
  readonly objects: { readonly keyPairs: number; readonly secretKeys: number; readonly certificates: number };
  /** Slots of the library whose token is in use, and those that wait for one to be made. */
  readonly slots: { readonly used: number; readonly free: number };
}

export interface MechanismReport {
  readonly name: string;
  /** What it is needed for. */
  readonly purpose: string;
  /** Why it cannot be used; undefined where it can. */
  readonly fault?: string;
}

/** Arguments and result of each call. */
export interface TokenCalls {
  /** First call of a process: loads the library, finds the token, logs in. */
  open: { args: { address: TokenAddress; sessions: number }; result: null };
  /** Raw ECDSA over a digest; the result is r‖s, each padded to the curve's size. */
  sign: { args: { key: KeyName; digest: Uint8Array }; result: Uint8Array };
  /** SubjectPublicKeyInfo of a key pair; null where the token holds none of that name. */
  publicKey: { args: { key: KeyName }; result: Uint8Array | null };
  /** Makes a key pair; the result is its SubjectPublicKeyInfo. */
  generate: { args: { key: KeyName; curve: TokenCurve }; result: Uint8Array };
  /** Whether the token holds an AES key of that name. */
  hasWrappingKey: { args: { key: KeyName }; result: boolean };
  /** Makes an AES-256 key that wraps others. */
  generateWrappingKey: { args: { key: KeyName }; result: null };
  /** AES key wrap (RFC 3394) of 16, 24 or 32 bytes; the result is 8 longer. */
  wrap: { args: { key: KeyName; value: Uint8Array }; result: Uint8Array };
  unwrap: { args: { key: KeyName; wrapped: Uint8Array }; result: Uint8Array };
  /** What the process's own program does with the token. */
  work: { args: { task: unknown } & WorkKind; result: unknown };
  /** Whether the token is still there and logged in. */
  probe: { args: Record<string, never>; result: null };
  describe: { args: { uses: readonly TokenUse[] }; result: TokenDescription };
}

/** What a token's process has to know of a task beside the task itself. */
export interface WorkKind {
  /** Never sent twice. */
  readonly once: boolean;
  /** It may take as long as the making of a key pair. */
  readonly making: boolean;
}

export type TokenCallName = keyof TokenCalls;

export type TokenRequest = {
  [K in TokenCallName]: { readonly id: number; readonly call: K; readonly args: TokenCalls[K]["args"] };
}[TokenCallName];

export type TokenAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: { readonly code: string; readonly details: ErrorDetails } };
