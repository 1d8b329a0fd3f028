/** ISO 15765-2 §10.3: how N_AI becomes a CAN identifier and, in some formats, the first payload byte. Nothing else knows addresses. */
import type { CanFrame } from "../../link/link.js";

/** Where frames of one direction go: the identifier and the payload bytes before N_PCI. */
export interface Endpoint {
  readonly id: number;
  readonly extended: boolean;
  readonly prefix: Uint8Array;
}

export interface NormalAddressing {
  readonly format: "normal";
  /** 29-bit identifiers. Default false. */
  readonly extendedIds?: boolean;
  /** Identifier of what this side sends, and of what it hears. */
  readonly txId: number;
  readonly rxId: number;
  /** Functional identifiers: what this side may send to (a tester), or hears too (an ECU). */
  readonly functionalTxId?: number;
  readonly functionalRxId?: number;
}

export type Addressing = NormalAddressing;

export interface Endpoints {
  readonly tx: Endpoint;
  readonly rx: Endpoint;
  readonly functionalTx: Endpoint | undefined;
  readonly functionalRx: Endpoint | undefined;
}

/** One row a format. */
const FORMATS: { readonly [F in Addressing["format"]]: (addressing: Addressing & { format: F }) => Endpoints } = {
  normal({ extendedIds = false, txId, rxId, functionalTxId, functionalRxId }) {
    const at = (id: number): Endpoint => ({ id, extended: extendedIds, prefix: new Uint8Array(0) });
    return {
      tx: at(txId),
      rx: at(rxId),
      functionalTx: functionalTxId === undefined ? undefined : at(functionalTxId),
      functionalRx: functionalRxId === undefined ? undefined : at(functionalRxId),
    };
  },
};

export function endpointsOf(addressing: Addressing): Endpoints {
  return FORMATS[addressing.format](addressing);
}

/** True when a data frame is addressed to `endpoint`. */
export function reaches(frame: CanFrame, endpoint: Endpoint): boolean {
  return (
    frame.id === endpoint.id &&
    frame.extended === endpoint.extended &&
    frame.remote !== true &&
    frame.data.length > endpoint.prefix.length &&
    endpoint.prefix.every((byte, i) => frame.data[i] === byte)
  );
}
