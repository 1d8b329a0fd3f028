/** The part of the npm package socketcan (4.0.7, Linux only, optional) that is used. It is loaded when the first channel is opened. */
import { describe, StationError } from "../../../shared/errors.js";

/** A frame as the addon has it. Received ones do not say whether they were CAN FD. */
export interface AddonMessage {
  id: number;
  ext?: boolean;
  rtr?: boolean;
  /** An error frame: `id` is its class (linux/can/error.h). */
  err?: boolean;
  fd_brs?: boolean;
  data: Buffer;
}

export interface AddonChannel {
  addListener(event: "onMessage", listener: (message: AddonMessage) => void): void;
  /** The socket is dead (interface down or gone), or `stop` was called. */
  addListener(event: "onStopped", listener: () => void): void;
  start(): void;
  /** Takes up to 100 ms: it waits for the addon's thread. Throws after the channel has stopped by itself. */
  stop(): void;
  /** Number of bytes written; -1 where the queue is full or the interface is down. Copies `data` into 8 bytes without looking at its length. */
  send(message: AddonMessage): number;
  /** As `send`, with 64 bytes. */
  sendFD(message: AddonMessage): number;
  setRxFilters(filter: { id: number; mask: number; invert: boolean }): void;
  setErrorFilters(mask: number): void;
}

export interface Addon {
  createRawChannelWithOptions(name: string, options: { non_block_send: boolean }): AddonChannel;
}

/** @throws StationError LINK_UNSUPPORTED */
export async function loadAddon(): Promise<Addon> {
  if (process.platform !== "linux")
    throw unsupported(`there is no SocketCAN on ${process.platform}; use an slcan: link`);
  try {
    // The package is optional, so its types cannot be relied on.
    const loaded = (await import("socketcan" as string)) as { default: Addon };
    return loaded.default;
  } catch (cause) {
    throw unsupported(`the socketcan package does not load (${describe(cause)})`, cause);
  }
}

function unsupported(what: string, cause?: unknown): StationError {
  return new StationError("LINK_UNSUPPORTED", { details: { what }, cause });
}
