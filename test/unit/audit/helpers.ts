import { AUDIT_TABLES, append, beginChain, headOf, rowsOf } from "../../../src/audit/chain.js";
import { type AuditEntry, type AuditRow, GENESIS, type Head, hashRow } from "../../../src/audit/row.js";
import { type FoundRow, verifyChain } from "../../../src/audit/verify.js";
import { type OpenDatabase, openDatabase } from "../../../src/db/database.js";

export const entry = (n: number, change: Partial<AuditEntry> = {}): AuditEntry => ({
  at: 1_000 * n,
  actor: `10.0.0.${n} CN=station`,
  action: n % 2 === 0 ? "issue" : "revoke",
  subject: `cn=unit ${n}`,
  outcome: "issued",
  details: { n, serial: `0${n}` },
  ...change,
});

/** A store that holds nothing but a chain: its first row and `count` decisions. */
export async function chainStore(count: number, file = ":memory:"): Promise<OpenDatabase> {
  const db = openDatabase(file);
  await db.exec(AUDIT_TABLES);
  await beginChain(db, { at: 0, id: "chain-1", store: "sample", what: { before: {} } });
  for (let n = 1; n <= count; n++) await append(db, entry(n));
  return db;
}

/** All rows of a store's chain. */
export async function rowsIn(db: OpenDatabase): Promise<FoundRow[]> {
  const rows: FoundRow[] = [];
  for await (const row of rowsOf(db)) rows.push(row);
  return rows;
}

/** All rows of a store's chain, which must hold. */
export async function soundRows(db: OpenDatabase): Promise<FoundRow[]> {
  const rows = await rowsIn(db);
  const { bad } = await verifyChain({ rows, head: await headOf(db), kept: [] });
  if (bad !== undefined) throw new Error(`row ${bad.row} ${bad.what}`);
  return rows;
}

export interface Chain {
  readonly rows: FoundRow[];
  readonly head: Head;
}

export async function chainOf(db: OpenDatabase): Promise<Chain> {
  return { rows: await rowsIn(db), head: (await headOf(db)) ?? GENESIS };
}

/** The rows with hashes made anew from `from` on, as somebody would who knows how they are made. */
export function rehashed(rows: readonly FoundRow[], from: number): FoundRow[] {
  let former = GENESIS.hash;
  return rows.map((row, i) => {
    const hash = i + 1 < from ? String(row.hash) : hashRow(former, row as unknown as AuditRow);
    former = hash;
    return { ...row, hash };
  });
}
