/**
 * The index of free texts: a full-text table with the three-letter pieces of what runs are told by, one row for all runs that began in
 * the same second, by that second. So a search goes through it from the newest run to the oldest, whatever the clock did between them.
 */
import type { Database } from "../db/database.js";

/** What a free text is looked for in. */
export const SEARCHED = ["vin", "ecu_id", "serial", "code", "profile", "run_id"];

/** Small letters as capitals, of ASCII alone, as SQLite's `lower` has it. */
export const lowered = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const SECOND = 1_000;
/** Length of the pieces, in characters. */
const PIECE = 3;

/** A text's two last characters, too, begin a piece. */
const TEXT = `lower(group_concat(concat_ws(char(10), ${SEARCHED.join(", ")}) || char(10, 10), ''))`;
const fill = (where = "") => `INSERT INTO run_text (rowid, text)
  SELECT started_at / ${SECOND} AS second, ${TEXT} FROM run INDEXED BY run_time ${where} GROUP BY second ORDER BY second`;

/** Fills the empty index with all runs. */
export const FILL_TEXTS = `${fill()};`;

export const TEXT_TABLES = `
  CREATE VIRTUAL TABLE run_text USING fts5(
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
  );
  CREATE VIRTUAL TABLE run_text_piece USING fts5vocab(run_text, row);
  ${FILL_TEXTS}`;

const REFILL = fill("WHERE started_at >= ? AND started_at < ?");

/** Brings the index up to what the store has of the second in which a run began. @param startedAt ms since the epoch */
export async function indexTexts(db: Database, startedAt: number): Promise<void> {
  const second = secondOf(startedAt);
  await db.run("DELETE FROM run_text WHERE rowid = ?", second);
  await db.run(REFILL, second * SECOND, (second + 1) * SECOND);
}

const secondOf = (ms: number) => Math.trunc(ms / SECOND);

/** Where runs that began in one of some seconds are. @param seconds as an SQL value: a JSON array */
export const inSeconds = `json_each(?) AS second
  CROSS JOIN run INDEXED BY run_time ON run.started_at >= second.value * ${SECOND} AND run.started_at < (second.value + 1) * ${SECOND}`;

/** Pieces that are probed, and of which the rarest are asked for together. */
const PROBED = 20;
const ASKED = 3;
/** How many seconds with it tell how rare a piece is: the further back the last of them lies, the rarer. */
const DEPTH = 100;

/** Seconds that are read at once. */
const AT_ONCE = 500;

/**
 * Seconds in which runs with the text may have begun, newest first, some at a time; the runs themselves must be looked at.
 * @param span from the second of this time to that of the other, ms since the epoch
 */
export async function* secondsWith(
  db: Database,
  text: string,
  span: { readonly from: number; readonly to: number },
): AsyncGenerator<readonly number[]> {
  const match = await matchOf(db, Array.from(lowered(text)));
  if (match === "") return;
  let last = secondOf(span.to);
  for (;;) {
    const rows = await db.all<{ second: number }>(
      "SELECT rowid AS second FROM run_text WHERE run_text MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?",
      match,
      secondOf(span.from),
      last,
      AT_ONCE,
    );
    if (rows.length > 0) yield rows.map(({ second }) => second);
    if (rows.length < AT_ONCE) return;
    last = (rows.at(-1)?.second ?? 0) - 1;
  }
}

const quoted = (piece: string) => `"${piece.replaceAll('"', '""')}"`;

/** What is asked of the table; empty where no run has the text. */
async function matchOf(db: Database, letters: readonly string[]): Promise<string> {
  const last = letters.length - PIECE;
  if (last < 0) {
    const start = letters.join("");
    const rows = await db.all<{ term: string }>(
      "SELECT term FROM run_text_piece WHERE term >= ? AND term < ?",
      start,
      `${start}\u{10ffff}\u{10ffff}`,
    );
    return rows.map(({ term }) => quoted(term)).join(" OR ");
  }
  // Side by side, and the last one.
  const begins = [...letters.keys()].filter((i) => i === last || (i < last && i % PIECE === 0));
  const pieces = new Set(begins.map((i) => letters.slice(i, i + PIECE).join("")));
  const found: { readonly piece: string; readonly second: number }[] = [];
  for (const piece of [...pieces].slice(0, PROBED)) {
    const row = await db.get<{ second: number }>(
      "SELECT rowid AS second FROM run_text WHERE run_text MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET ?",
      quoted(piece),
      DEPTH,
    );
    found.push({ piece, second: row?.second ?? -1 });
  }
  found.sort((a, b) => a.second - b.second);
  const rarest = found.slice(0, ASKED).map(({ piece }) => quoted(piece));
  return rarest.join(" AND ");
}
