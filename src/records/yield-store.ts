/** Store operations of the yield: counted by the database, so that a year of units does not pass through the program. */
import type { Database } from "../db/database.js";
import type { Outcome } from "../station/ports.js";
import type { Yield } from "./yield.js";

/** All in ms. */
interface Buckets {
  readonly from: number;
  readonly to: number;
  readonly bucket: number;
  readonly ahead: number;
}

/** Ended runs that began in [from, to). */
const IN_TIME = "r.outcome IS NOT NULL AND r.started_at >= ? AND r.started_at < ?";

/** No earlier run of the same unit: of its VIN, or its EcuID where no VIN is known. */
const IS_FIRST = `NOT EXISTS (SELECT 1 FROM run e WHERE e.vin = r.vin AND (e.started_at, e.run_id) < (r.started_at, r.run_id))
  AND (r.vin IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM run e WHERE e.ecu_id = r.ecu_id AND (e.started_at, e.run_id) < (r.started_at, r.run_id)))`;

async function yieldOf(db: Database, { from, to, bucket, ahead }: Buckets): Promise<Yield> {
  const first = await db.get<{ units: number; passed: number | null }>(
    `SELECT count(*) AS units, sum(CASE WHEN r.outcome = 'PASS' THEN 1 ELSE 0 END) AS passed
     FROM run r WHERE ${IN_TIME} AND ${IS_FIRST}`,
    from,
    to,
  );
  const outcomes = await db.all<{ outcome: Outcome; runs: number }>(
    `SELECT r.outcome AS outcome, count(*) AS runs FROM run r WHERE ${IN_TIME} GROUP BY r.outcome`,
    from,
    to,
  );
  const codes = await db.all<{ code: string; runs: number }>(
    `SELECT r.code AS code, count(*) AS runs FROM run r WHERE ${IN_TIME} AND r.code IS NOT NULL
     GROUP BY r.code ORDER BY runs DESC, code`,
    from,
    to,
  );
  const takts = await db.all<{ at: number; runs: number; median: number; worst: number }>(
    `SELECT at, max(runs) AS runs, max(CASE WHEN place = (runs + 1) / 2 THEN ms END) AS median, max(ms) AS worst
     FROM (
       SELECT at, ms, count(*) OVER (PARTITION BY at) AS runs, row_number() OVER (PARTITION BY at ORDER BY ms) AS place
       FROM (
         SELECT r.started_at - (r.started_at + ?) % ? AS at, r.finished_at - r.started_at AS ms
         FROM run r WHERE ${IN_TIME} AND r.outcome = 'PASS'
       ) AS passes
     ) AS ranked
     GROUP BY at ORDER BY at`,
    ahead,
    bucket,
    from,
    to,
  );
  return {
    units: Number(first?.units ?? 0),
    firstPass: Number(first?.passed ?? 0),
    byOutcome: { PASS: 0, FAIL: 0, ERROR: 0, TIMEOUT: 0, ABORTED: 0, ...countsOf(outcomes) },
    byCode: codes,
    takts,
  };
}

function countsOf(rows: readonly { outcome: Outcome; runs: number }[]): Partial<Record<Outcome, number>> {
  return Object.fromEntries(rows.map(({ outcome, runs }) => [outcome, runs]));
}

export const yieldOperations = { yieldOf };
