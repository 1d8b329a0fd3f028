/** Checks a chain row by row. Pure: the rows come from wherever they are kept. */
import { type AuditRow, GENESIS, type Head, hashRow, TEXT_COLUMNS } from "./row.js";

/** A row as it was found; nothing about it is sure. */
export type FoundRow = Readonly<Record<string, unknown>>;

/** A head that was kept apart from the rows, and where. */
export interface KeptHead extends Head {
  readonly where: string;
}

export type Fault = "changed" | "missing" | "reordered" | "truncated" | "forged" | "unreadable" | "head";

/** The first thing that is wrong. */
export interface BadRow {
  /** The row that is wrong, or the first that is not there. */
  readonly row: number;
  readonly fault: Fault;
  /** One line for people. */
  readonly what: string;
}

export interface Verdict {
  /** How many rows hold; all of them where nothing is bad. */
  readonly rows: number;
  /** The last row that holds; GENESIS where there is none. */
  readonly head: Head;
  readonly bad: BadRow | undefined;
}

type Rows = Iterable<FoundRow> | AsyncIterable<FoundRow>;

export interface ChainSource {
  /** Rows in the order of `seq`. May throw in the middle: what cannot be read is a fault too. */
  readonly rows: Rows;
  /** Where the store says that its chain ends; undefined where it does not say. */
  readonly head: Head | undefined;
  /** Heads that were kept elsewhere; each must be in the chain. */
  readonly kept: readonly KeptHead[];
}

/**
 * Reads the chain from its first row and stops at the first one that is wrong: changed, missing, moved, added, or cut off where a head
 * still tells of it. A chain that somebody made anew with all its heads holds in itself: that a head kept elsewhere shows.
 */
export async function verifyChain(source: ChainSource): Promise<Verdict> {
  const rows = oneByOne(source.rows);
  const heads = [...(source.head === undefined ? [] : [{ ...source.head, where: "the store" }]), ...source.kept];
  let head = GENESIS;
  const end = (bad: BadRow | undefined): Verdict => ({ rows: head.seq, head, bad });
  for (;;) {
    const at = head.seq + 1;
    const next = await pull(rows);
    if (next instanceof Error) return end({ row: at, fault: "unreadable", what: `cannot be read: ${next.message}` });
    if (next === undefined) return end(checkEnd(head, source, heads));
    if (source.head !== undefined && at > source.head.seq) {
      const row = typeof next.seq === "number" ? next.seq : at;
      return end({ row, fault: "forged", what: `is not the program's: the chain ends at row ${source.head.seq}` });
    }
    const row = wellFormed(next);
    if (row === undefined || row.seq !== at || hashRow(head.hash, row) !== next.hash)
      return end(await explain(at, head, next, rows));
    const hash = String(next.hash);
    const other = heads.find((kept) => kept.seq === at && kept.hash !== hash);
    if (other !== undefined)
      return end({
        row: at,
        fault: "changed",
        what: `or one before it was written anew: the head in ${other.where} differs`,
      });
    head = { seq: at, hash };
  }
}

/** The end of the rows against all heads. */
function checkEnd(head: Head, source: ChainSource, heads: readonly KeptHead[]): BadRow | undefined {
  const row = head.seq + 1;
  const beyond = heads.find(({ seq }) => seq > head.seq);
  if (beyond !== undefined) {
    const last = Math.max(...heads.map(({ seq }) => seq));
    const rest = last === row ? "was cut off" : `and all to ${last} were cut off`;
    return { row, fault: "truncated", what: `${rest}: the head in ${beyond.where} tells of row ${beyond.seq}` };
  }
  if (source.head === undefined) return { row, fault: "head", what: "may be missing: the store's own head is" };
  return undefined;
}

/** What happened at row `at`, where `found` stands instead. Reads the rest of the rows. */
async function explain(at: number, head: Head, found: FoundRow, rest: AsyncIterator<FoundRow>): Promise<BadRow> {
  const fits = (candidate: FoundRow) => {
    const row = wellFormed({ ...candidate, seq: at });
    return row !== undefined && hashRow(head.hash, row) === candidate.hash;
  };
  let place = at;
  for (
    let row: FoundRow | Error | undefined = found;
    row !== undefined && !(row instanceof Error);
    row = await pull(rest)
  ) {
    // A row that was moved has another number in a store, and in an exported log its own at another line.
    const where = row.seq === at ? `in the place of row ${place}` : `as row ${String(row.seq)}`;
    if (fits(row)) return { row: at, fault: "reordered", what: `stands ${where}` };
    place++;
  }
  const { seq } = found;
  if (seq === at) return { row: at, fault: "changed", what: "was changed: its hash is not that of its content" };
  if (typeof seq !== "number" || seq < at)
    return { row: at, fault: "changed", what: `has another number (${String(seq)})` };
  return { row: at, fault: "missing", what: seq === at + 1 ? "is missing" : `and all to ${seq - 1} are missing` };
}

function wellFormed(found: FoundRow): AuditRow | undefined {
  const { seq, at } = found;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(at)) return undefined;
  if (TEXT_COLUMNS.some((name) => typeof found[name] !== "string" || /\p{Surrogate}/u.test(found[name])))
    return undefined;
  return found as unknown as AuditRow;
}

async function* oneByOne(rows: Rows): AsyncGenerator<FoundRow> {
  yield* rows;
}

async function pull(rows: AsyncIterator<FoundRow>): Promise<FoundRow | Error | undefined> {
  try {
    const next = await rows.next();
    return next.done === true ? undefined : next.value;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
