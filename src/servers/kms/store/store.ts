/** The KMS's store: its operations, each with the audit row of what it decided. */
import { append } from "../../../audit/chain.js";
import { keepHead, keptHeadFile } from "../../../audit/head-file.js";
import type { AuditEntry } from "../../../audit/row.js";
import type { Database } from "../../../db/database.js";
import type { StoreDefinition, StoreSource } from "../../../db/store.js";
import { consoleOperations } from "./console.js";
import { type Asked, checkEntry, issueEntry, reportEntry } from "./decisions.js";
import { issueSet } from "./issue.js";
import { renewLease } from "./leases.js";
import { registryOperations } from "./registry.js";
import { takeReport } from "./report.js";
import { keyOf, newestSet, type SealedKey, type SlotAddress, setRow, slotRow } from "./rows.js";
import { MIGRATIONS } from "./schema.js";
import { viewOperations } from "./view.js";

export interface CheckArgs extends SlotAddress {
  readonly id: string;
  readonly asked: Asked;
  readonly station: string;
  /** Life of that station's lease from now on, ms. */
  readonly lease: number;
  readonly at: number;
}

export interface CheckedKey {
  readonly key: SealedKey;
  /** Hex; of the request that the key was issued for. */
  readonly challenge: string | null;
}

/** The key to compare with: of an unconfirmed load, else the confirmed one, else the last that was issued. */
async function checkedKey(db: Database, args: CheckArgs): Promise<CheckedKey | "noKey"> {
  const row = await slotRow(db, args);
  const pending = await newestSet(db, args, { state: "issued", above: row?.current_counter ?? -1 });
  const current = row?.current === null || row === undefined ? undefined : await setRow(db, row.current);
  const set = pending ?? current ?? (await newestSet(db, args));
  if (set === undefined) return "noKey";
  await renewLease(db, args);
  await db.run("INSERT INTO checks (id, set_id, issued_at) VALUES (?, ?, ?)", args.id, set.id, args.at);
  return { key: await keyOf(db, set), challenge: set.challenge };
}

async function findMark(db: Database, { name }: { name: string }): Promise<string | undefined> {
  return (await db.get<{ value: string }>("SELECT value FROM marks WHERE name = ?", name))?.value;
}

/** Keeps `value` under `name` unless there is one; gives the kept one. */
async function mark(db: Database, args: { name: string; value: string }): Promise<string> {
  await db.run("INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", args.name, args.value);
  return (await findMark(db, args)) ?? args.value;
}

/** An operation and the audit row of what it decided, in one transaction. */
function audited<A, R>(
  decide: (db: Database, args: A) => Promise<R>,
  entry: (args: A, decided: R) => AuditEntry,
): (db: Database, args: A) => Promise<R> {
  return async (db, args) => {
    const decided = await decide(db, args);
    await append(db, entry(args, decided));
    return decided;
  };
}

export const store = {
  migrations: MIGRATIONS,
  operations: {
    issue: audited(issueSet, issueEntry),
    report: audited(takeReport, reportEntry),
    check: audited(checkedKey, checkEntry),
    /** A decision that needed no look at the store. */
    note: append,
    mark,
    findMark,
    ...registryOperations,
    ...consoleOperations,
    ...viewOperations,
  },
  reads: ["findMark", "registrySince", "ledgerEcus", "ledger"],
  remains: keptHeadFile,
  committed: keepHead,
} satisfies StoreDefinition;

export const kmsStore: StoreSource<typeof store> = {
  definition: store,
  module: new URL("./store.js", import.meta.url),
};
