/** What the station and a token's process say to each other about the units in the token. No message holds a key in clear. */
import type { Erc } from "../../she/codec/index.js";
import type { TokenCurve } from "../../token/token.js";

/** Which mechanisms of the token are used where there is a choice. */
export interface Mechanisms {
  /** CKM_AES_CBC: the CMAC (RFC 4493) is composed of CBC encryptions by the same key. */
  readonly cmac: "CKM_AES_CMAC" | "CKM_AES_CBC";
  /** Cipher of M2 and M4; a token without CBC does it block by block. */
  readonly cipher: "CKM_AES_CBC" | "CKM_AES_ECB";
}

/** A unit in a token. */
export interface UnitSettings {
  /** SHE UID, 30 hex digits in lower case. */
  readonly uid: string;
  readonly mechanisms: Mechanisms;
  /** Value of an empty slot that authorises itself (4.9.1 leaves it open), 32 hex digits. */
  readonly blankKey: string;
}

/** A leaf as its certificate object wants it; all DER. */
export interface LeafObject {
  readonly value: Uint8Array;
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  /** The INTEGER. */
  readonly serial: Uint8Array;
  readonly spki: Uint8Array;
}

/** A CA's certificate for the token. */
export interface CaObject extends Omit<LeafObject, "spki"> {
  /** CKA_ID, hex: the key identifier. */
  readonly id: string;
}

/** The pair that a certificate slot uses, and its leaf. */
export interface SlotCertificate {
  /** CKA_ID of key pair and certificate, hex. */
  readonly id: string;
  readonly value: Uint8Array;
  readonly spki: Uint8Array;
}

export interface Receipt {
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

export type SheResult<T> =
  | { readonly erc: "ERC_NO_ERROR"; readonly value: T }
  | { readonly erc: Exclude<Erc, "ERC_NO_ERROR"> };

/** Arguments (beside the unit) and result of each call. */
export interface UnitCalls {
  /** Bit maps as in the provisioning state of an ECU. */
  state: { args: Record<string, never>; result: { keySlots: number; certificateSlots: number } };
  /** Makes the key pair that waits for a certificate; a former one that waits is gone, so that it may be sent again. */
  makePair: { args: { slot: number; curve: TokenCurve }; result: { id: string; spki: Uint8Array } };
  install: {
    args: { slot: number; leaf: LeafObject; issuers: readonly CaObject[]; anchors: readonly CaObject[] };
    result: "DONE" | "KEY_MISMATCH";
  };
  certificate: { args: { slot: number }; result: SlotCertificate | null };
  loadKey: { args: { m1: Uint8Array; m2: Uint8Array; m3: Uint8Array }; result: SheResult<Receipt> };
  lastLoad: { args: { slot: number }; result: Receipt | null };
  generateMac: { args: { slot: number; data: Uint8Array }; result: SheResult<Uint8Array> };
}

export type UnitCallName = keyof UnitCalls;

export type UnitTask = {
  [K in UnitCallName]: { readonly call: K; readonly unit: UnitSettings; readonly args: UnitCalls[K]["args"] };
}[UnitCallName];

/** Calls that must not be sent twice: a second load of the same set is refused for its counter. */
export const ONCE: ReadonlySet<UnitCallName> = new Set(["loadKey"]);

/** Calls that make a key, for which slow tokens have a time of their own. */
export const MAKING: ReadonlySet<UnitCallName> = new Set(["makePair", "loadKey"]);
