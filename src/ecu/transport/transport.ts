/** The service interface that UDS uses (T_Data of ISO 14229-2), the same over ISO-TP and K-Line. */

export interface ReceivedMessage {
  readonly data: Uint8Array;
  /** True when it came by functional addressing. */
  readonly functional: boolean;
  /** Monotonic ms of the last frame (T_Data.indication). */
  readonly at: number;
}

export interface SendOptions {
  readonly signal?: AbortSignal;
  /** Functional addressing: single frames only. Default false. */
  readonly functional?: boolean;
}

export interface DiagTransport {
  /** Longest message that `send` takes, bytes. */
  readonly maxMessage: number;
  /**
   * T_Data.request; resolves at T_Data.confirm (the last frame is confirmed as sent) with its monotonic time: P2 starts there.
   * @throws StationError ISOTP_*, LINK_*
   */
  send(data: Uint8Array, options?: SendOptions): Promise<number>;
  /** T_Data.indication. */
  onMessage(listener: (message: ReceivedMessage) => void): () => void;
  /** T_DataSOM.indication: a segmented message of `length` bytes has begun (P2 stops there). */
  onStart(listener: (length: number) => void): () => void;
  /** A reception that failed (N_Cr, wrong sequence number …); the message is lost. */
  onError(listener: (error: Error) => void): () => void;
  /** The link below is gone. */
  onClosed(listener: (error: Error) => void): () => void;
  /** Releases the timers and the link's listeners; the link itself stays open. */
  close(): void;
}
