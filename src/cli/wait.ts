import { isStationError } from "../shared/errors.js";
import { Systemd, type SystemdOptions } from "./systemd.js";

export interface ServiceOptions extends SystemdOptions {
  readonly signal: AbortSignal;
}

/**
 * Runs a service, whose end by a signal is a good one, also while it starts; systemd hears of both.
 * @param run calls `ready` once the service can be used
 */
export async function asService(options: ServiceOptions, run: (ready: () => void) => Promise<void>): Promise<void> {
  const { signal } = options;
  const systemd = new Systemd(options);
  const onEnd = () => systemd.stopping();
  signal.addEventListener("abort", onEnd, { once: true });
  try {
    await run(() => systemd.ready());
  } catch (error) {
    if (!signal.aborted || !isStationError(error, "RUN_ABORTED")) throw error;
  } finally {
    signal.removeEventListener("abort", onEnd);
    await systemd.close();
  }
}

/** Resolves when the program is told to end. */
export function untilEnded(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
