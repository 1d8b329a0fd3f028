/** The chain as a table of an SQL store, written by the operation that decides, in its transaction. */
import { type AuditEntry, type AuditRow, GENESIS, type Head, hashRow, rowOf } from "./row.js";
import type { FoundRow } from "./verify.js";

/** What the chain needs of a store: the view that its operations have. */
export interface AuditStore {
  get<T extends object>(sql: string, ...values: (string | number)[]): Promise<T | undefined>;
  all<T extends object>(sql: string, ...values: (string | number)[]): Promise<T[]>;
  run(sql: string, ...values: (string | number)[]): Promise<number>;
}

/** The tables, for the migration that brings the chain. Nothing in the program updates or deletes a row of `audit`. */
export const AUDIT_TABLES = `
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL,
    hash TEXT NOT NULL
  );
  CREATE TABLE audit_head (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
  );`;

const HEAD = "chain";
const PAGE = 500;

/** Where the chain ends; undefined where the store does not say. */
export async function headOf(db: AuditStore): Promise<Head | undefined> {
  return db.get<{ seq: number; hash: string }>("SELECT seq, hash FROM audit_head WHERE name = ?", HEAD);
}

/** Begins a chain with a row that says of which store it is, and that no other chain has. Belongs in the migration. */
export async function beginChain(
  db: AuditStore,
  begin: { at: number; id: string; store: string; what: object },
): Promise<void> {
  await db.run("INSERT INTO audit_head (name, seq, hash) VALUES (?, ?, ?)", HEAD, GENESIS.seq, GENESIS.hash);
  await append(db, {
    at: begin.at,
    actor: "ecustation",
    action: "begin",
    subject: begin.store,
    outcome: "begun",
    details: { chain: begin.id, ...begin.what },
  });
}

/** Adds one row to the chain. @throws Error where the store has no chain */
export async function append(db: AuditStore, entry: AuditEntry): Promise<void> {
  const former = await headOf(db);
  if (former === undefined) throw new Error("the audit log has no head: it was tampered with");
  const row: AuditRow = rowOf(former.seq + 1, entry);
  const hash = hashRow(former.hash, row);
  await db.run(
    "INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    row.seq,
    row.at,
    row.actor,
    row.action,
    row.subject,
    row.outcome,
    row.details,
    hash,
  );
  await db.run("UPDATE audit_head SET seq = ?, hash = ? WHERE name = ?", row.seq, hash, HEAD);
}

/** All rows by their number, a page at a time. */
export async function* rowsOf(db: AuditStore): AsyncGenerator<FoundRow> {
  const columns = "seq, at, actor, action, subject, outcome, details, hash";
  let page = await db.all<FoundRow>(`SELECT ${columns} FROM audit ORDER BY seq LIMIT ?`, PAGE);
  while (page.length > 0) {
    yield* page;
    const last = page.at(-1)?.seq;
    if (page.length < PAGE || typeof last !== "number") return;
    page = await db.all<FoundRow>(`SELECT ${columns} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, last, PAGE);
  }
}
