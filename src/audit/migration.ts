/** The step of a store's schema that brings its audit log. */
import { randomUUID } from "node:crypto";
import { systemClock } from "../shared/clock.js";
import { AUDIT_TABLES, type AuditStore, append, beginChain } from "./chain.js";
import type { AuditEntry } from "./row.js";

export interface MigratedStore extends AuditStore {
  exec(sql: string): Promise<void>;
}

/**
 * Makes the tables and the chain's first row, which says what the store held before the chain began.
 * @param store name of the store in that row
 * @param held counts what the store holds, by table
 * @param former decisions that were logged without a chain, oldest first; each becomes a row
 */
export function auditMigration(
  store: string,
  held: readonly string[],
  former?: (db: MigratedStore) => Promise<readonly AuditEntry[]>,
): (db: MigratedStore) => Promise<void> {
  return async (db) => {
    const before: Record<string, number> = {};
    for (const table of held) {
      before[table] = (await db.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n ?? 0;
    }
    const entries = (await former?.(db)) ?? [];
    await db.exec(AUDIT_TABLES);
    // A store's thread has no other clock, and one time for the whole file is enough.
    await beginChain(db, { at: systemClock.now(), id: randomUUID(), store, what: { before, brought: entries.length } });
    for (const entry of entries) await append(db, entry);
  };
}
