/** How long statements of a database wait for locks, looked at again and again. */
import { performance } from "node:perf_hooks";
import { systemClock } from "../../src/shared/clock.js";
import type { Cluster } from "../postgres/cluster.js";

/** ms between two looks. */
const EVERY = 50;

export interface LockWaits {
  readonly looks: number;
  /** Looks at which at least one statement waited. */
  readonly waiting: number;
  /** Statements that waited at once, at most. */
  readonly most: number;
  /** Longest wait that was seen, ms. */
  readonly longest: number;
}

/** Looks until `signal` ends; a database that is away is looked for again. */
export async function watchLocks(cluster: Cluster, database: string, signal: AbortSignal): Promise<LockWaits> {
  const found = { looks: 0, waiting: 0, most: 0, longest: 0 };
  while (!signal.aborted) {
    try {
      const client = await cluster.connect(database);
      try {
        while (!signal.aborted) {
          const next = performance.now() + EVERY;
          const { rows } = await client.query<{ count: number; ms: number }>(
            `SELECT count(*)::int AS count,
                    coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)) * 1000, 0)::float AS ms
             FROM pg_locks WHERE NOT granted`,
          );
          found.looks++;
          const { count, ms } = rows[0] ?? { count: 0, ms: 0 };
          if (count > 0) found.waiting++;
          found.most = Math.max(found.most, count);
          found.longest = Math.max(found.longest, ms);
          await systemClock.sleep(Math.max(0, next - performance.now()));
        }
      } finally {
        await client.end();
      }
    } catch {
      await systemClock.sleep(EVERY);
    }
  }
  return found;
}
