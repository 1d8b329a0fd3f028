/** The search in the history: by the indexes of the columns, and for free texts by theirs. */
import type { Database } from "../db/database.js";
import { historySelect, type Mark, markOf, type Scope } from "./history-query.js";
import { secondsWith } from "./text-index.js";
import type { HistoryQuery } from "./types.js";

export interface Wanted {
  /** Most runs. */
  readonly limit: number;
  /** A further condition. */
  readonly more?: string;
  /** Newest runs of the other filters that are looked at one by one for a free text before its index is asked; default 2000. Of a frequent text they are enough. */
  readonly lookedAt?: number;
}

/** Filters that leave so few runs that each of them can be looked at. */
const NARROW = ["certificate", "ecuId", "serialNumber", "vin"] as const satisfies readonly (keyof HistoryQuery)[];

/** Runs that the query is about, newest first. @param columns what is selected of `run` */
export async function searchRuns<T extends object>(
  db: Database,
  columns: string,
  query: HistoryQuery,
  { limit, more, lookedAt = 2_000 }: Wanted,
): Promise<T[]> {
  const select = <R extends object>(selected: string, asked: HistoryQuery, most: number, scope: Scope) => {
    const { sql, values } = historySelect(selected, asked, most, more === undefined ? scope : { ...scope, more });
    return db.all<R>(sql, ...values);
  };
  const { text = "", ...others } = query;
  // Of a text that is bound or read, SQLite's driver keeps what stands before it.
  if (text.includes("\0")) return [];
  const byText = text !== "" && NARROW.every((name) => query[name] === undefined);
  const [edge] = byText
    ? await select<{ started_at: number; run_id: string }>("run.started_at, run.run_id", others, 1, { skip: lookedAt })
    : [];
  if (edge === undefined) return select<T>(columns, query, limit, {});

  const mark: Mark = { startedAt: edge.started_at, runId: edge.run_id };
  const rows = await select<T>(columns, query, limit, { down: mark });
  if (rows.length === limit) return rows;
  const span = { from: query.from ?? 0, to: mark.startedAt };
  for await (const seconds of secondsWith(db, text, span)) {
    rows.push(...(await select<T>(columns, { ...query, after: markOf(mark) }, limit - rows.length, { seconds })));
    if (rows.length >= limit) break;
  }
  return rows;
}
