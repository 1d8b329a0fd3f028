import { isStationError } from "../shared/errors.js";

/** Runs a service, whose end by a signal is a good one, also while it starts. */
export async function asService(signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!signal.aborted || !isStationError(error, "RUN_ABORTED")) throw error;
  }
}

/** Resolves when the program is told to end. */
export function untilEnded(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
