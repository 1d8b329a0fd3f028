/** A piece of work with a limit that, once over it or aborted, gets a little time to come to rest before it is left alone. */
import type { Clock, Timer } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";

export interface Bounds {
  /** ms, > 0. */
  readonly limit: number;
  /** ms from the end of its signal until the work is given up. */
  readonly unwind: number;
  readonly onLimit: () => StationError;
}

/**
 * Runs `work` with a signal that ends with `signal` (reason RUN_ABORTED) or after the limit. Work that settles after that within
 * `unwind` counts when it succeeded after all; else the promise rejects with the signal's reason.
 */
export async function bounded<T>(
  clock: Clock,
  bounds: Bounds,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const onAbort = () => own.abort(new StationError("RUN_ABORTED"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = clock.timer(bounds.limit, () => own.abort(bounds.onLimit()));
  let grace: Timer | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    const begin = () => {
      grace = clock.timer(bounds.unwind, () => reject(own.signal.reason));
    };
    if (own.signal.aborted) begin();
    else own.signal.addEventListener("abort", begin, { once: true });
  });
  try {
    own.signal.throwIfAborted();
    return await Promise.race([work(own.signal), givenUp]);
  } catch (error) {
    if (!own.signal.aborted) throw error;
    throw own.signal.reason;
  } finally {
    timer.cancel();
    grace?.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
