/** Settings of one ISO-TP link, for either side. */
import type { Addressing } from "./addressing.js";
import type { FrameLengths, TxDl } from "./codec.js";

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
  /** Byte that fills frames to 8; null sends short ones, and fills those that CAN FD makes longer with 0xCC. Default null. */
  readonly padding?: number | null;
  /** CAN_DL that a received frame of 8 bytes at most must have. Default any that holds its content. */
  readonly lengths?: FrameLengths;
  /** Longest frame that is sent (TX_DL). Above 8 means CAN FD. Default 8. */
  readonly txDl?: TxDl;
  /** Sends CAN FD frames also where TX_DL is 8. Both kinds are received in any case. Default false. */
  readonly fd?: boolean;
  /** Bit-rate switch of CAN FD frames. Default false. */
  readonly brs?: boolean;
  /**
   * `half`: while a segmented message goes out nothing is received, and while one comes in nothing is sent (§9.8.3). Default `full`: both
   * ways at once.
   */
  readonly duplex?: Duplex;
  /** What our flow control asks of the peer: block size 0–255 (0: no limit), STmin as its code byte. Default 0 and 0. */
  readonly BS?: number;
  readonly STmin?: number;
  /** ms added to the peer's STmin, for a peer that measures it from somewhere else. Default 0, range 0–127. */
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

export type Duplex = "full" | "half";

interface Identifiers {
  readonly extendedIds: boolean;
  readonly requestId: number;
  readonly responseId: number;
  readonly functionalId: number;
}

interface Addresses {
  readonly testerAddress: number;
  readonly ecuAddress: number;
  readonly functionalAddress: number;
}

/** How a profile names the two ends. */
type AddressSettings =
  | ({ readonly addressing: "normal" } & Identifiers)
  | ({ readonly addressing: "normal-fixed"; readonly priority?: number } & Addresses)
  | ({ readonly addressing: "extended" } & Identifiers & Addresses)
  | ({ readonly addressing: "mixed"; readonly addressExtension: number } & Omit<Identifiers, "extendedIds">)
  | ({ readonly addressing: "mixed-29"; readonly addressExtension: number; readonly priority?: number } & Addresses);

/** One value each for what the station and the ECU send. */
interface Both<T> {
  readonly station: T;
  readonly ecu: T;
}

/** The part of a hardware profile that describes its CAN link. */
export type CanSettings = AddressSettings & {
  readonly padding: Both<number | null>;
  readonly flowControl: Both<{ readonly BS: number; readonly STmin: number }>;
  readonly fd?: { readonly TX_DL: Both<TxDl>; readonly bitRateSwitch: boolean };
  readonly duplex?: Duplex;
  readonly frameLengths?: FrameLengths;
  readonly STminMargin?: number;
  readonly timing: IsoTpTiming;
};

type Side = keyof Both<unknown>;

function identifiersOf(can: Omit<Identifiers, "extendedIds">, side: Side) {
  const { requestId, responseId, functionalId } = can;
  return side === "station"
    ? { txId: requestId, rxId: responseId, functionalTxId: functionalId }
    : { txId: responseId, rxId: requestId, functionalRxId: functionalId };
}

function addressesOf({ testerAddress, ecuAddress, functionalAddress }: Addresses, side: Side) {
  return side === "station"
    ? { own: testerAddress, peer: ecuAddress, functionalTx: functionalAddress }
    : { own: ecuAddress, peer: testerAddress, functionalRx: functionalAddress };
}

function addressingOf(can: AddressSettings, side: Side): Addressing {
  const priority = "priority" in can && can.priority !== undefined ? { priority: can.priority } : {};
  switch (can.addressing) {
    case "normal":
      return { format: "normal", extendedIds: can.extendedIds, ...identifiersOf(can, side) };
    case "normal-fixed":
      return { format: "normal-fixed", ...addressesOf(can, side), ...priority };
    case "extended":
      return {
        format: "extended",
        extendedIds: can.extendedIds,
        ...identifiersOf(can, side),
        ...addressesOf(can, side),
      };
    case "mixed":
      return { format: "mixed", ...identifiersOf(can, side), addressExtension: can.addressExtension };
    case "mixed-29":
      return { format: "mixed-29", ...addressesOf(can, side), ...priority, addressExtension: can.addressExtension };
  }
}

/** The options of one side of a profile's link. The profile's timers and STminMargin are the station's; an ECU keeps the defaults. */
export function isoTpOptionsOf(can: CanSettings, side: Side): IsoTpOptions {
  const { fd, duplex, frameLengths, STminMargin } = can;
  return {
    addressing: addressingOf(can, side),
    padding: can.padding[side],
    BS: can.flowControl[side].BS,
    STmin: can.flowControl[side].STmin,
    ...(fd === undefined ? {} : { fd: true, brs: fd.bitRateSwitch, txDl: fd.TX_DL[side] }),
    ...(duplex === undefined ? {} : { duplex }),
    ...(frameLengths === undefined ? {} : { lengths: frameLengths }),
    ...(side === "station" ? { timing: can.timing, ...(STminMargin === undefined ? {} : { STminMargin }) } : {}),
  };
}
