/** Settings of one ISO-TP link, for either side. */
import type { Addressing } from "./addressing.js";
import type { TxDl } from "./codec.js";

/** ISO 15765-2 §9.8. All in ms. */
export interface IsoTpTiming {
  /** Most ms until a data frame of ours is confirmed as sent. Default 1,000, range 1–10,000. */
  readonly N_As: number;
  /** The same for a flow control of ours. Default 1,000, range 1–10,000. */
  readonly N_Ar: number;
  /** Most ms until the peer's next flow control. Default 1,000, range 1–10,000. */
  readonly N_Bs: number;
  /** Pause before our flow control. Default 0; with N_Ar below 0.9 × the peer's N_Bs. */
  readonly N_Br: number;
  /** Least pause before each consecutive frame of ours, where STmin asks for less. Default 0; with N_As below 0.9 × the peer's N_Cr. */
  readonly N_Cs: number;
  /** Most ms until the peer's next consecutive frame. Default 1,000, range 1–10,000. */
  readonly N_Cr: number;
  /** Most FC.WAIT in a row, sent or taken. Default 10, range 0–255; 0: none. */
  readonly N_WFTmax: number;
}

export const DEFAULT_TIMING: IsoTpTiming = {
  N_As: 1_000,
  N_Ar: 1_000,
  N_Bs: 1_000,
  N_Br: 0,
  N_Cs: 0,
  N_Cr: 1_000,
  N_WFTmax: 10,
};

/** What a receiver says to a segmented message, or to its next block. */
export type Admission = "accept" | "wait" | "overflow";

export interface IsoTpOptions {
  readonly addressing: Addressing;
  /** Byte that fills frames to 8; null sends short ones. Default null. */
  readonly padding?: number | null;
  /** Longest frame that is sent (TX_DL). Above 8 means CAN FD. Default 8. */
  readonly txDl?: TxDl;
  /** Bit-rate switch of CAN FD frames. Default false. */
  readonly brs?: boolean;
  /** What our flow control asks of the peer: block size 0–255 (0: no limit), STmin as its code byte. Default 0 and 0. */
  readonly BS?: number;
  readonly STmin?: number;
  /** ms added to the peer's STmin. Default 0. */
  readonly STminMargin?: number;
  /**
   * Consecutive frames that are given to the link before the first of them is confirmed, where no gap is to be kept; 1 waits for each.
   * Default 4, range 1–64: an adapter's transmit buffer must hold them.
   */
  readonly sendAhead?: number;
  readonly timing?: Partial<IsoTpTiming>;
  /** Longest message, sent or received; a longer one is answered with OVFLW. Default 1,048,576 bytes. */
  readonly maxMessage?: number;
  /** Asked before each flow control; `wait` sends FC.WAIT and asks again after `waitPause`. Default: accept. */
  readonly admit?: (length: number) => Admission;
  /** ms between two FC.WAIT. Default 200; below the peer's N_Bs. */
  readonly waitPause?: number;
}

/** The part of a hardware profile that describes its CAN link. */
export interface CanSettings {
  readonly addressing: "normal";
  readonly extendedIds: boolean;
  readonly requestId: number;
  readonly responseId: number;
  readonly functionalId: number;
  readonly padding: { readonly station: number | null; readonly ecu: number | null };
  readonly flowControl: {
    readonly station: { readonly BS: number; readonly STmin: number };
    readonly ecu: { readonly BS: number; readonly STmin: number };
  };
  readonly timing: IsoTpTiming;
}

/** The options of one side of a profile's link. The profile's timers are the station's; an ECU keeps the defaults. */
export function isoTpOptionsOf(can: CanSettings, side: "station" | "ecu"): IsoTpOptions {
  const { extendedIds, requestId, responseId, functionalId } = can;
  const station = side === "station";
  return {
    addressing: station
      ? { format: can.addressing, extendedIds, txId: requestId, rxId: responseId, functionalTxId: functionalId }
      : { format: can.addressing, extendedIds, txId: responseId, rxId: requestId, functionalRxId: functionalId },
    padding: can.padding[side],
    BS: can.flowControl[side].BS,
    STmin: can.flowControl[side].STmin,
    ...(station ? { timing: can.timing } : {}),
  };
}
