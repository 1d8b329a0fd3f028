/** What every CAN adapter looks like to the layers above. */

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
  /**
   * Sends one frame; resolves when the adapter (or, where it does not acknowledge, the operating system) has taken it: the L_Data.confirm
   * that N_As and P2 start from. Frames leave in the order of the calls.
   * @throws StationError LINK_CLOSED, LINK_SEND_FAILED, LINK_BUS_OFF
   */
  send(frame: CanFrame): Promise<void>;
  /** Frames of the bus; own frames are not echoed. The answer unsubscribes. */
  onFrame(listener: (frame: ReceivedFrame) => void): () => void;
  onEvent(listener: (event: LinkEvent) => void): () => void;
  /** Called once when the link ends by itself (unplug, peer gone), with LINK_CLOSED; not after `close`. */
  onClosed(listener: (error: Error) => void): () => void;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
