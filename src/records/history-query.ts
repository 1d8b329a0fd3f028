/** The search in the history as SQL: which index leads, what else is asked. Pure. */
import type { Value } from "../db/database.js";
import type { HistoryQuery } from "./types.js";

interface Select {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Columns by the name of the filter. */
const COLUMNS = {
  ecuId: "ecu_id",
  serialNumber: "serial",
  vin: "vin",
  code: "code",
  outcome: "outcome",
  bay: "bay",
  station: "station",
} as const satisfies Partial<Record<keyof HistoryQuery, string>>;

type Filter = keyof typeof COLUMNS;

/** The first row whose filters are all given names the index: what says most comes first, and each index ends in the order of the page. */
const INDEXES: readonly { readonly filters: readonly Filter[]; readonly index: string }[] = [
  { filters: ["ecuId"], index: "run_ecu" },
  { filters: ["serialNumber"], index: "run_serial" },
  { filters: ["vin"], index: "run_vin" },
  { filters: ["bay", "code"], index: "run_bay_code" },
  { filters: ["code"], index: "run_code" },
  { filters: ["bay", "outcome"], index: "run_bay_outcome" },
  { filters: ["outcome"], index: "run_outcome" },
  { filters: ["bay"], index: "run_bay" },
  { filters: ["station"], index: "run_station" },
  { filters: [], index: "run_time" },
];

/** What a free text is looked for in. No index helps there: the runs that the other filters leave are gone through. */
const SEARCHED = ["vin", "ecu_id", "serial", "code", "profile", "run_id"];

/** A text as a pattern that finds it anywhere. */
const anywhere = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

/** A serial as certificates have it: lower-case hex. @param text with or without colons */
export function serialOf(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}

/** The mark of the page behind a run. */
export function markOf(run: { readonly startedAt: number; readonly runId: string }): string {
  return `${run.startedAt}:${run.runId}`;
}

/**
 * Runs that the query is about, newest first.
 * @param columns what is selected of `run`
 * @param more a further condition
 */
export function historySelect(columns: string, query: HistoryQuery, limit: number, more?: string): Select {
  const where: string[] = more === undefined ? [] : [more];
  const values: Value[] = [];
  const add = (sql: string, ...given: Value[]) => {
    where.push(sql);
    values.push(...given);
  };
  const led = query.certificate === undefined;
  const index = INDEXES.find(({ filters }) => filters.every((name) => query[name] !== undefined))?.index ?? "run_time";
  const from = led ? `run INDEXED BY ${index}` : "run_certificate AS named CROSS JOIN run ON run.run_id = named.run_id";
  if (query.certificate !== undefined) add("named.serial = ?", serialOf(query.certificate));
  for (const [name, column] of Object.entries(COLUMNS)) {
    const value = query[name as Filter];
    if (value !== undefined) add(`run.${column} = ?`, name === "ecuId" ? value.toLowerCase() : value);
  }
  if (query.text !== undefined) {
    const pattern = anywhere(query.text);
    const either = SEARCHED.map((column) => `run.${column} LIKE ? ESCAPE '\\'`).join(" OR ");
    add(`(${either})`, ...SEARCHED.map(() => pattern));
  }
  if (query.from !== undefined) add("run.started_at >= ?", query.from);
  if (query.to !== undefined) add("run.started_at < ?", query.to);
  const after = /^(\d+):(.+)$/.exec(query.after ?? "");
  if (after !== null) add("(run.started_at, run.run_id) < (?, ?)", Number(after[1]), after[2] ?? "");
  const condition = where.length > 0 ? `WHERE ${where.join(" AND ")}` : "";
  const sql = `SELECT ${columns} FROM ${from} ${condition} ORDER BY run.started_at DESC, run.run_id DESC LIMIT ?`;
  return { sql, values: [...values, limit] };
}
