/** Deletes records that are older, or more, than the station keeps. */
import type { Store } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import type { RecordsDefinition } from "./store.js";

/** What is kept; all where nothing is said. */
export interface Retention {
  /** Runs of so many days. */
  readonly days?: number;
  /** So many newest runs. */
  readonly runs?: number;
}

export interface RetentionOptions {
  readonly store: Store<RecordsDefinition>;
  readonly clock: Clock;
  readonly retention: Retention;
  /** Deletes what was kept beside a run's record. */
  readonly forget: (runId: string) => Promise<void>;
}

const DAY = 86_400_000;
/** Runs that one transaction deletes: few enough to hold nobody up. */
const BATCH = 20;

/**
 * Deletes what is due, oldest first; the ids.
 * @param most ends after so many runs; left out, after all
 */
export async function deleteOldRuns(
  { store, clock, retention, forget }: RetentionOptions,
  signal: AbortSignal,
  most = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> {
  const { days, runs } = retention;
  const deleted: string[] = [];
  if (days === undefined && runs === undefined) return deleted;
  while (deleted.length < most && !signal.aborted) {
    const limit = Math.min(BATCH, most - deleted.length);
    const before = days === undefined ? {} : { before: Math.floor(clock.now() - days * DAY) };
    const due = await store.call("oldRuns", { ...before, ...(runs === undefined ? {} : { count: runs }), limit });
    if (due.length === 0) break;
    // The files first: a crash between the two leaves a record without them, never files that nobody looks for.
    for (const runId of due) await forget(runId);
    await store.call("deleteRuns", { runIds: due, now: clock.now() });
    deleted.push(...due);
  }
  return deleted;
}
