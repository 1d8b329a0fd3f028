/** Store operations of the retention: which runs may go, and their end. The audit log keeps its rows. */
import { append as audit } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import { LOAD_ECU } from "./journal-store.js";
import { recordHash } from "./seal-store.js";
import { indexTexts } from "./text-index.js";

export interface OldRunsQuery {
  /** Runs that began before this may go, ms since the epoch. */
  readonly before?: number;
  /** Of all others, only so many newest ones stay. */
  readonly count?: number;
  readonly limit: number;
}

/**
 * Oldest runs that may go. What stays however old: a run that is not over or not signed yet, one that owes results, and one that somebody
 * needs to settle what became of a key.
 */
async function oldRuns(db: Database, { before = 0, count, limit }: OldRunsQuery): Promise<string[]> {
  const edge =
    count === undefined
      ? undefined
      : await db.get<{ started_at: number; run_id: string }>(
          "SELECT started_at, run_id FROM run INDEXED BY run_time ORDER BY started_at DESC, run_id DESC LIMIT 1 OFFSET ?",
          count,
        );
  const rows = await db.all<{ run_id: string }>(
    `SELECT run_id FROM run INDEXED BY run_time
     WHERE (started_at, run_id) <= (?, ?) AND outcome IS NOT NULL AND coalesce(sealed, 1) = 1
       AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.run_id = run.run_id AND state IN ('waiting', 'quarantined'))
       AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.run_id = run.run_id AND ${LOAD_ECU} IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = journal.data ->> '$.load.reportId'))
       AND NOT EXISTS (SELECT 1 FROM outbox CROSS JOIN journal
         ON ${LOAD_ECU.replace("data", "journal.data")} = outbox.ecu_id AND journal.data ->> '$.load.reportId' = outbox.id
         WHERE outbox.run_id = run.run_id AND journal.run_id <> run.run_id)
     ORDER BY started_at, run_id LIMIT ?`,
    // An id is below every text that begins with a tilde.
    ...later({ started_at: before - 1, run_id: "~" }, edge),
    limit,
  );
  return rows.map(({ run_id }) => run_id);
}

interface Edge {
  readonly started_at: number;
  readonly run_id: string;
}

function later(a: Edge, b: Edge | undefined): [number, string] {
  const edge = b !== undefined && b.started_at > a.started_at ? b : a;
  return [edge.started_at, edge.run_id];
}

/** Deletes runs with all that belongs to them; each deletion is a row of the audit log. */
async function deleteRuns(db: Database, { runIds, now }: { runIds: readonly string[]; now: number }): Promise<void> {
  for (const runId of runIds) {
    const run = await db.get<{ record: string; started_at: number }>(
      "SELECT record, started_at FROM run WHERE run_id = ?",
      runId,
    );
    if (run === undefined) continue;
    for (const table of ["outbox", "journal", "run_certificate", "run"])
      await db.run(`DELETE FROM ${table} WHERE run_id = ?`, runId);
    await indexTexts(db, run.started_at);
    const row = { actor: "retention", action: "delete", subject: runId, outcome: "deleted" };
    await audit(db, { ...row, at: now, details: { record: recordHash(run.record) } });
  }
}

export const retentionOperations = { oldRuns, deleteRuns };
