import type { Clock } from "./clock.js";

/**
 * Runs `work` with a signal that ends when `signal` does or after `ms`. On the limit the promise rejects with `onLimit()`, whether
 * or not the work listens to its signal; on the caller's abort, with the caller's reason.
 *
 * @param ms limit in milliseconds, > 0
 */
export async function withLimit<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  onLimit: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  let stop: (reason: unknown) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = (reason) => {
      own.abort(reason);
      reject(reason);
    };
  });
  stopped.catch(() => undefined);
  const onAbort = () => stop(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = clock.timer(ms, () => stop(onLimit()));
  try {
    return await Promise.race([work(own.signal), stopped]);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Resolves or rejects as `work`, but at once with the signal's reason when that ends first. */
export function abortable<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => undefined);
      reject(signal.reason);
      return;
    }
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
