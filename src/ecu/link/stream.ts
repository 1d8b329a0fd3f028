/** A stream of bytes to an adapter or from a host: TCP or a serial device. */
export interface ByteStream {
  /** For messages: the device or host:port. */
  readonly name: string;
  /** Resolves when the operating system has taken the bytes; rejects when the stream is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** One listener; set it before data may come. */
  onData(listener: (chunk: Uint8Array) => void): void;
  /** One listener, called once when the stream ends by itself; not after `close`. */
  onClosed(listener: (error: Error) => void): void;
  /** Idempotent; never rejects. Bytes written before are still sent. */
  close(): Promise<void>;
}

/** A stream whose line can be pulled low: the break of a UART. */
export interface BreakStream extends ByteStream {
  /** Low, or as it is without bytes; resolves when the driver has done it. @throws StationError LINK_UNSUPPORTED, LINK_CLOSED */
  setBreak(low: boolean): Promise<void>;
}
