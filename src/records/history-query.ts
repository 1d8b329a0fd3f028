/** The search in the history as SQL: which index leads, what else is asked. Pure. */
import type { Value } from "../db/database.js";
import { inSeconds, lowered, SEARCHED } from "./text-index.js";
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

/** A serial as certificates have it: lower-case hex. @param text with or without colons */
export function serialOf(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}

/** A run's place in the order of the history. */
export interface Mark {
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly runId: string;
}

/** The mark of the page behind a run. */
export function markOf(run: Mark): string {
  return `${run.startedAt}:${run.runId}`;
}

/** Which part of what the query is about is selected. */
export interface Scope {
  /** A further condition. */
  readonly more?: string;
  /** Down to this run, with it. */
  readonly down?: Mark;
  /** Runs that began in one of these seconds, since the epoch. */
  readonly seconds?: readonly number[];
  /** So many newest ones are left out. */
  readonly skip?: number;
}

/**
 * Runs that the query is about, newest first.
 * @param columns what is selected of `run`
 */
export function historySelect(
  columns: string,
  query: HistoryQuery,
  limit: number,
  { more, down, seconds, skip = 0 }: Scope = {},
): Select {
  const where: string[] = more === undefined ? [] : [more];
  const values: Value[] = seconds === undefined ? [] : [JSON.stringify(seconds)];
  const add = (sql: string, ...given: Value[]) => {
    where.push(sql);
    values.push(...given);
  };
  if (query.certificate !== undefined) add("named.serial = ?", serialOf(query.certificate));
  for (const [name, column] of Object.entries(COLUMNS)) {
    const value = query[name as Filter];
    if (value !== undefined) add(`run.${column} = ?`, name === "ecuId" ? value.toLowerCase() : value);
  }
  if (query.text !== undefined) {
    const text = lowered(query.text);
    const either = SEARCHED.map((column) => `instr(lower(run.${column}), ?) > 0`).join(" OR ");
    add(`(${either})`, ...SEARCHED.map(() => text));
  }
  const after = /^(\d+):(.+)$/.exec(query.after ?? "");
  // SQLite bounds the index by one condition of each side, and not by the narrowest: the others have a plus, which bars them from it.
  const bounding = (bounds: boolean) => (bounds && seconds === undefined ? "run.started_at" : "+run.started_at");
  if (query.from !== undefined) add(`${bounding(down === undefined)} >= ?`, query.from);
  if (query.to !== undefined) add(`${bounding(after === null)} < ?`, query.to);
  if (after !== null) add(`(${bounding(true)}, run.run_id) < (?, ?)`, Number(after[1]), after[2] ?? "");
  if (down !== undefined) add(`(${bounding(true)}, run.run_id) >= (?, ?)`, down.startedAt, down.runId);
  const from = seconds === undefined ? leading(query) : inSeconds;
  const condition = where.length > 0 ? `WHERE ${where.join(" AND ")}` : "";
  const sql = `SELECT ${columns} FROM ${from} ${condition} ORDER BY run.started_at DESC, run.run_id DESC LIMIT ? OFFSET ?`;
  return { sql, values: [...values, limit, skip] };
}

/** Tables, in their order, and the index that leads to the runs. */
function leading(query: HistoryQuery): string {
  if (query.certificate !== undefined) return "run_certificate AS named CROSS JOIN run ON run.run_id = named.run_id";
  const index = INDEXES.find(({ filters }) => filters.every((name) => query[name] !== undefined))?.index ?? "run_time";
  return `run INDEXED BY ${index}`;
}
