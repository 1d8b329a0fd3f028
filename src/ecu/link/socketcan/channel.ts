/** The sockets behind a link: one that sends and one that hears everything, own frames included. */
import type { Clock } from "../../../shared/clock.js";
import { describe, StationError } from "../../../shared/errors.js";
import type { CanFrame } from "../link.js";
import type { Addon, AddonChannel, AddonMessage } from "./addon.js";

export interface ChannelHandler {
  message(message: AddonMessage): void;
  /** The sockets are dead. Not after `close`. */
  stopped(): void;
}

/** ms for which the addon's objects are kept after their end: they hold handles that the event loop closes later. */
const KEEP_MS = 1_000;

/**
 * A socket does not hear what it sends itself (the addon cannot set CAN_RAW_RECV_OWN_MSGS), another one does: the controller's driver
 * hands a frame to it when the frame was sent. That is the confirmation.
 */
export class Channel {
  readonly #clock: Clock;
  readonly #sender: AddonChannel;
  readonly #hearer: AddonChannel;
  #closed = false;
  #dead = false;

  /** @throws StationError LINK_OPEN_FAILED */
  constructor(addon: Addon, name: string, handler: ChannelHandler, clock: Clock) {
    this.#clock = clock;
    try {
      this.#sender = addon.createRawChannelWithOptions(name, { non_block_send: true });
      // Nothing matches: this socket only sends.
      this.#sender.setRxFilters({ id: 0, mask: 0, invert: true });
      this.#sender.setErrorFilters(0);
      this.#hearer = addon.createRawChannelWithOptions(name, { non_block_send: true });
      this.#hearer.addListener("onMessage", (message) => {
        if (!this.#closed) handler.message(message);
      });
      this.#hearer.addListener("onStopped", () => {
        this.#dead = true;
        if (!this.#closed) handler.stopped();
      });
      this.#hearer.start();
    } catch (cause) {
      const what = `${name}: ${describe(cause)}; the kernel has no CAN sockets, or does not allow them here`;
      throw new StationError("LINK_OPEN_FAILED", { details: { what }, cause });
    }
  }

  /** False: the queue is full or the interface is down. The frame's lengths must have been checked. */
  send(frame: CanFrame): boolean {
    const message: AddonMessage = {
      id: frame.id,
      ext: frame.extended,
      rtr: frame.remote === true,
      data: Buffer.from(frame.data),
      ...(frame.brs === true ? { fd_brs: true } : {}),
    };
    return (frame.fd === true ? this.#sender.sendFD(message) : this.#sender.send(message)) > 0;
  }

  close(): void {
    this.#closed = true;
    // The caller may be a listener of the very object that is to stop.
    setImmediate(() => {
      if (!this.#dead) this.#hearer.stop();
    });
    const kept = [this.#hearer, this.#sender];
    this.#clock.timer(KEEP_MS, () => kept.splice(0));
  }
}
