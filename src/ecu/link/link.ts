/** What links look like to the layers above: CAN adapters, and K-Lines. */

/** One CAN or CAN FD frame. */
export interface CanFrame {
  /** Identifier: 11 bits, or 29 when `extended`. */
  readonly id: number;
  readonly extended: boolean;
  /** 0–8 bytes; up to 64 for CAN FD (0–8, 12, 16, 20, 24, 32, 48, 64). */
  readonly data: Uint8Array;
  readonly fd?: boolean;
  /** Bit-rate switch; CAN FD only. */
  readonly brs?: boolean;
  readonly remote?: boolean;
}

export interface ReceivedFrame extends CanFrame {
  /** Monotonic ms at arrival (Clock.monotonic). */
  readonly at: number;
}

/** What the adapter tells about the bus, never taken for a frame. */
export type LinkEvent =
  | { readonly kind: "bus-off" }
  | { readonly kind: "restarted" }
  | { readonly kind: "warning"; readonly text: string };

export interface CanLink {
  /** The URL it was opened by, for records and messages. */
  readonly url: string;
  /** Largest payload: 8, or 64 for CAN FD. */
  readonly maxPayload: 8 | 64;
  /** Frames that may be given to it before the first is confirmed, without harm to any buffer; left out where that is not known. */
  readonly sendAhead?: number;
  /**
   * Sends one frame; resolves when the adapter (or, where it does not acknowledge, the operating system) has taken it: the L_Data.confirm
   * that N_As and P2 start from. Frames leave in the order of the calls.
   * @throws StationError LINK_CLOSED, LINK_SEND_FAILED, LINK_BUS_OFF, LINK_INTERFACE_*
   */
  send(frame: CanFrame): Promise<void>;
  /** Frames of the bus; own frames are not echoed. The answer unsubscribes. */
  onFrame(listener: (frame: ReceivedFrame) => void): () => void;
  onEvent(listener: (event: LinkEvent) => void): () => void;
  /** Called once when the link ends by itself, with the reason: LINK_CLOSED (unplug, peer gone), LINK_BUS_OFF, LINK_INTERFACE_*; not after `close`. */
  onClosed(listener: (error: Error) => void): () => void;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

/**
 * What the wire does with bytes that are sent. `line`: every one comes back, as on a K-Line, where both sides share one wire. `none`: a
 * UART with a wire each way. `make`: nothing comes back, but the other side expects it: every byte that arrives is sent back at once.
 */
export type Echo = "line" | "none" | "make";

/** How the ECU is woken up: by a low pulse of 25 ms, by its address at 5 baud, or not at all. */
export type KlineInit = "fast" | "5baud" | "none";

/** A K-Line (ISO 14230-1), or a plain UART: bytes, and the level of the line. */
export interface KlineLink {
  /** The URL it was opened by, for records and messages. */
  readonly url: string;
  /** bit/s; a byte takes 10 bits. */
  readonly baud: number;
  readonly init: KlineInit;
  readonly echo: Echo;
  /** ms added to each low pulse that wakes the ECU up, for an adapter that makes it shorter (below 0: longer). */
  readonly offset: number;
  /** Resolves when the operating system has taken the bytes. @throws StationError LINK_CLOSED */
  write(bytes: Uint8Array): Promise<void>;
  /** Pulls the line low, or lets it go; resolves when that is done. @throws StationError LINK_UNSUPPORTED, LINK_CLOSED */
  setBreak(low: boolean): Promise<void>;
  /** Bytes as they arrive, echoes included. */
  onData(listener: (chunk: Uint8Array) => void): () => void;
  /** Called once when the link ends by itself (unplug), with LINK_CLOSED; not after `close`. */
  onClosed(listener: (error: Error) => void): () => void;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
