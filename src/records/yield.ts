/** How well a station does: first-pass yield, failures by code, takt over time. */
import type { Store } from "../db/store.js";
import type { Outcome } from "../station/ports.js";
import type { RecordsDefinition } from "./store.js";

/** Runs that began in [from, to), ms since the epoch. */
export interface YieldQuery {
  readonly from: number;
  readonly to: number;
  /** Minutes by which the clock of who asks is ahead of UTC; its hours and days are the rows. Default 0. */
  readonly ahead?: number;
}

export interface Yield {
  /** Units whose first run ended in that time. */
  readonly units: number;
  /** Of these, the ones that passed at once. */
  readonly firstPass: number;
  readonly byOutcome: Readonly<Record<Outcome, number>>;
  /** Most frequent first. */
  readonly byCode: readonly { readonly code: string; readonly runs: number }[];
  /** Of the runs that passed, one row an hour or a day, oldest first; ms. */
  readonly takts: readonly {
    readonly at: number;
    readonly runs: number;
    readonly median: number;
    readonly worst: number;
  }[];
}

export interface Yields {
  of(query: YieldQuery): Promise<Yield>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Up to so many ms each hour has a row of its own. */
const BY_HOURS = 3 * DAY;

export function createYields(store: Store<RecordsDefinition>): Yields {
  return {
    of: ({ from, to, ahead = 0 }) => {
      const bucket = to - from <= BY_HOURS ? HOUR : DAY;
      return store.call("yieldOf", { from, to, bucket, ahead: ahead * MINUTE });
    },
  };
}
