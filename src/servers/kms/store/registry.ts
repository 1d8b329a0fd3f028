/** The registry in the KMS's store: sealed entries under one version that every change raises. Entries are never deleted. */
import { append } from "../../../audit/chain.js";
import type { AuditEntry } from "../../../audit/row.js";
import type { Database } from "../../../db/database.js";

export const REGISTRY_TABLES = `
  CREATE TABLE registry_version (name TEXT PRIMARY KEY, version INTEGER NOT NULL);
  CREATE TABLE registry (
    kind TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    changed_at BIGINT NOT NULL, changed_by TEXT NOT NULL,
    PRIMARY KEY (kind, id));`;

const NAME = "registry";

/** `version` of an entry is the registry's that its last change made. */
export const registryContext = (kind: string, id: string, version: number) => `registry|${kind}|${id}|${version}`;

export interface SealedEntry {
  readonly kind: string;
  readonly id: string;
  /** JSON of the entry, sealed to `registryContext`. */
  readonly sealed: string;
}

export interface StoredEntry extends SealedEntry {
  readonly version: number;
  /** ms since the epoch. */
  readonly changedAt: number;
  readonly changedBy: string;
}

export interface StoredEntries {
  readonly version: number;
  readonly entries: readonly StoredEntry[];
}

/** The whole registry; "same" where its version is still `known`, "none" where the store has no registry. */
async function registrySince(db: Database, known: number | null): Promise<StoredEntries | "same" | "none"> {
  const head = await db.get<{ version: number }>("SELECT version FROM registry_version WHERE name = ?", NAME);
  if (head === undefined) return "none";
  const version = Number(head.version);
  if (version === known) return "same";
  const entries = await db.all<StoredEntry>(
    `SELECT kind, id, version, sealed, changed_at AS "changedAt", changed_by AS "changedBy" FROM registry ORDER BY kind, id`,
  );
  return { version, entries };
}

/** Version of a registry that was just brought in. */
export const SEED_VERSION = 1;

export interface SeedArgs {
  readonly entries: readonly SealedEntry[];
  readonly by: string;
  readonly at: number;
  readonly audit: AuditEntry;
}

/** Brings a registry into a store that has none; false where it has one. */
async function registrySeed(db: Database, { entries, by, at, audit }: SeedArgs): Promise<boolean> {
  const made = await db.run(
    "INSERT INTO registry_version (name, version) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
    NAME,
    SEED_VERSION,
  );
  if (made === 0) return false;
  for (const { kind, id, sealed } of entries) await write(db, kind, id, SEED_VERSION, sealed, at, by);
  await append(db, audit);
  return true;
}

export interface ChangeArgs extends SealedEntry {
  /** The registry's version that the change was checked against. */
  readonly basis: number;
  readonly by: string;
  readonly at: number;
  readonly audit: AuditEntry;
}

/** Writes one entry with the version behind `basis`; false where the registry has moved on since. */
async function registryChange(db: Database, args: ChangeArgs): Promise<boolean> {
  const moved = await db.run(
    "UPDATE registry_version SET version = version + 1 WHERE name = ? AND version = ?",
    NAME,
    args.basis,
  );
  if (moved === 0) return false;
  await write(db, args.kind, args.id, args.basis + 1, args.sealed, args.at, args.by);
  await append(db, args.audit);
  return true;
}

async function write(
  db: Database,
  kind: string,
  id: string,
  version: number,
  sealed: string,
  at: number,
  by: string,
): Promise<void> {
  await db.run(
    `INSERT INTO registry (kind, id, version, sealed, changed_at, changed_by) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, sealed = excluded.sealed,
       changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
    kind,
    id,
    version,
    sealed,
    at,
    by,
  );
}

export const registryOperations = { registrySince, registrySeed, registryChange };
