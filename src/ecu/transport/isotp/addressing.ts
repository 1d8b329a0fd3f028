/** ISO 15765-2 §10.3: how N_AI becomes a CAN identifier and, in some formats, the first payload byte. Nothing else knows addresses. */
import type { CanFrame } from "../../link/link.js";

/** Where frames of one direction go: the identifier and the payload bytes before N_PCI. */
export interface Endpoint {
  readonly id: number;
  readonly extended: boolean;
  readonly prefix: Uint8Array;
  /** Bits of the identifier that tell a received frame. */
  readonly mask: number;
}

/** Identifiers of one side: what it sends and hears, and what functional requests have that it sends (a tester) or hears (an ECU). */
interface Identifiers {
  /** 29-bit identifiers. Default false. */
  readonly extendedIds?: boolean;
  readonly txId: number;
  readonly rxId: number;
  readonly functionalTxId?: number;
  readonly functionalRxId?: number;
}

/** N_SA and N_TA of one side, one byte each. */
interface Addresses {
  /** This side's address. */
  readonly own: number;
  /** The peer's address. */
  readonly peer: number;
  /** Functional target address that this side sends to (a tester), or hears too (an ECU). */
  readonly functionalTx?: number;
  readonly functionalRx?: number;
}

/** Identifiers that are made of addresses. */
interface FixedIdentifiers extends Addresses {
  /** Bits 28–26 of what is sent; what is heard may have any. Default 6, range 0–7. */
  readonly priority?: number;
}

/** §10.3.2: the identifier says all. */
export interface NormalAddressing extends Identifiers {
  readonly format: "normal";
}

/** §10.3.3: 18 DA (physical) or 18 DB (functional), N_TA, N_SA. */
export interface NormalFixedAddressing extends FixedIdentifiers {
  readonly format: "normal-fixed";
}

/** §10.3.4: N_TA stands in the first byte. A functional address needs its identifier too. */
export interface ExtendedAddressing extends Identifiers, Addresses {
  readonly format: "extended";
}

/** §10.3.5 with 11-bit identifiers: N_AE stands in the first byte. */
export interface MixedAddressing extends Omit<Identifiers, "extendedIds"> {
  readonly format: "mixed";
  readonly addressExtension: number;
}

/** §10.3.5 with 29-bit identifiers: 18 CE (physical) or 18 CD (functional), N_TA, N_SA, and N_AE in the first byte. */
export interface Mixed29Addressing extends FixedIdentifiers {
  readonly format: "mixed-29";
  readonly addressExtension: number;
}

export type Addressing =
  | NormalAddressing
  | NormalFixedAddressing
  | ExtendedAddressing
  | MixedAddressing
  | Mixed29Addressing;

export interface Endpoints {
  readonly tx: Endpoint;
  readonly rx: Endpoint;
  readonly functionalTx: Endpoint | undefined;
  readonly functionalRx: Endpoint | undefined;
}

const MASK_11 = 0x7ff;
const MASK_29 = 0x1fffffff;
/** Without the priority, which is no part of N_AI. */
const MASK_FIXED = 0x03ffffff;
const DEFAULT_PRIORITY = 6;

/** Bits 25–16 of identifiers made of addresses. */
const PF = { normal: 0xda, normalFunctional: 0xdb, mixed: 0xce, mixedFunctional: 0xcd } as const;

function given(id: number, extended: boolean, ...prefix: number[]): Endpoint {
  return { id, extended, prefix: Uint8Array.from(prefix), mask: extended ? MASK_29 : MASK_11 };
}

function fixed(
  { own, peer, functionalTx, functionalRx, priority = DEFAULT_PRIORITY }: FixedIdentifiers,
  physical: number,
  functional: number,
  ...prefix: number[]
): Endpoints {
  const at = (pf: number, target: number, source: number): Endpoint => ({
    id: priority * 0x0400_0000 + pf * 0x1_0000 + target * 0x100 + source,
    extended: true,
    prefix: Uint8Array.from(prefix),
    mask: MASK_FIXED,
  });
  return {
    tx: at(physical, peer, own),
    rx: at(physical, own, peer),
    functionalTx: functionalTx === undefined ? undefined : at(functional, functionalTx, own),
    functionalRx: functionalRx === undefined ? undefined : at(functional, functionalRx, peer),
  };
}

function optional(make: (id: number) => Endpoint, id: number | undefined): Endpoint | undefined {
  return id === undefined ? undefined : make(id);
}

/** One row a format. */
const FORMATS: { readonly [F in Addressing["format"]]: (addressing: Addressing & { format: F }) => Endpoints } = {
  normal({ extendedIds = false, txId, rxId, functionalTxId, functionalRxId }) {
    const at = (id: number) => given(id, extendedIds);
    return {
      tx: at(txId),
      rx: at(rxId),
      functionalTx: optional(at, functionalTxId),
      functionalRx: optional(at, functionalRxId),
    };
  },
  "normal-fixed": (addressing) => fixed(addressing, PF.normal, PF.normalFunctional),
  extended({ extendedIds = false, own, peer, ...rest }) {
    const at = (id: number, target: number) => given(id, extendedIds, target);
    const functional = (id: number | undefined, target: number | undefined) =>
      id === undefined || target === undefined ? undefined : at(id, target);
    return {
      tx: at(rest.txId, peer),
      rx: at(rest.rxId, own),
      functionalTx: functional(rest.functionalTxId, rest.functionalTx),
      functionalRx: functional(rest.functionalRxId, rest.functionalRx),
    };
  },
  mixed({ txId, rxId, functionalTxId, functionalRxId, addressExtension }) {
    const at = (id: number) => given(id, false, addressExtension);
    return {
      tx: at(txId),
      rx: at(rxId),
      functionalTx: optional(at, functionalTxId),
      functionalRx: optional(at, functionalRxId),
    };
  },
  "mixed-29": (addressing) => fixed(addressing, PF.mixed, PF.mixedFunctional, addressing.addressExtension),
};

export function endpointsOf<F extends Addressing["format"]>(addressing: Addressing & { format: F }): Endpoints {
  return FORMATS[addressing.format](addressing);
}

/** True when a data frame is addressed to `endpoint`. */
export function reaches(frame: CanFrame, { id, extended, mask, prefix }: Endpoint): boolean {
  if ((frame.id & mask) !== (id & mask) || frame.extended !== extended || frame.remote === true) return false;
  const { data } = frame;
  if (data.length <= prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (data[i] !== prefix[i]) return false;
  return true;
}
