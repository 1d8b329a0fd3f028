/** The data link service that both halves of a link send by. */
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { CanLink } from "../../link/link.js";
import type { Endpoint } from "./addressing.js";

export interface FrameStyle {
  readonly fd: boolean;
  readonly brs: boolean;
}

/** Sends frames and waits for their confirmation. */
export class FramePort {
  readonly #link: CanLink;
  readonly #style: FrameStyle;
  readonly #clock: Clock;

  constructor(link: CanLink, style: FrameStyle, clock: Clock) {
    this.#link = link;
    this.#style = style;
    this.#clock = clock;
  }

  /** L_Data.request; resolves at L_Data.confirm, for which the caller keeps its own limit. @throws StationError LINK_* */
  give(to: Endpoint, data: Uint8Array): Promise<void> {
    const { id, extended } = to;
    const { fd, brs } = this.#style;
    return this.#link.send(fd ? { id, extended, data, fd, brs } : { id, extended, data });
  }

  /**
   * L_Data.request; resolves at L_Data.confirm with its monotonic time.
   *
   * @param limit N_As or N_Ar, ms
   * @throws StationError ISOTP_TIMEOUT_A, LINK_*
   */
  send(to: Endpoint, data: Uint8Array, limit: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.timer(limit, () =>
        reject(new StationError("ISOTP_TIMEOUT_A", { details: { ms: limit } })),
      );
      this.give(to, data).then(
        () => {
          timer.cancel();
          resolve(this.#clock.monotonic());
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }
}
