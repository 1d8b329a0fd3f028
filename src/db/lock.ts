import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { type Connection, isBusy, openDatabase } from "./database.js";

/** ms between two looks at a lock that somebody else holds. */
const POLL = 20;

/**
 * Runs `work` while this process alone holds the lock `file`. It is the operating system's lock on an SQLite file: a process that dies
 * gives it back.
 * @param limit ms to wait for it
 * @throws StationError STORE_FAILED when it was not free in time
 */
export async function withFileLock<T>(
  file: string,
  limit: number,
  clock: Clock,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const database = openDatabase(file);
  try {
    await database.exec("PRAGMA busy_timeout = 0");
    const end = clock.monotonic() + limit;
    while (!(await tryLock(database))) {
      if (clock.monotonic() >= end) {
        throw new StationError("STORE_FAILED", { details: { what: `${file} is locked by another process` } });
      }
      await clock.sleep(POLL, signal);
    }
    return await work();
  } finally {
    database.close();
  }
}

async function tryLock(database: Connection): Promise<boolean> {
  try {
    await database.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}
