/** What the console keeps in the KMS's store: tries of passwords and sessions, for all replicas and over restarts. */
import { append } from "../../../audit/chain.js";
import type { AuditEntry } from "../../../audit/row.js";
import type { Database } from "../../../db/database.js";

export const CONSOLE_TABLES = `
  CREATE TABLE console_tries (name TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until BIGINT NOT NULL);
  CREATE TABLE console_sessions (
    id TEXT PRIMARY KEY, user_name TEXT NOT NULL, credential TEXT NOT NULL,
    begun_at BIGINT NOT NULL, seen_at BIGINT NOT NULL);`;

export interface TryArgs {
  /** Whose password is tried. */
  readonly name: string;
  readonly at: number;
  /** Wrong passwords that cost nothing. */
  readonly free: number;
  /** Pause behind the first one beyond, ms; each further one doubles it up to `longest`. */
  readonly pause: number;
  readonly longest: number;
}

/**
 * Takes note of a try before its password is looked at, so that many at once count one by one; a right password takes it back.
 * @returns 0, or the ms until the next try is allowed
 */
async function consoleTry(db: Database, { name, at, free, pause, longest }: TryArgs): Promise<number> {
  await db.run(
    "INSERT INTO console_tries (name, failures, locked_until) VALUES (?, 0, 0) ON CONFLICT (name) DO NOTHING",
    name,
  );
  const counted = await db.run(
    "UPDATE console_tries SET failures = failures + 1 WHERE name = ? AND locked_until <= ?",
    name,
    at,
  );
  const row = await db.get<{ failures: number; locked_until: number }>(
    "SELECT failures, locked_until FROM console_tries WHERE name = ?",
    name,
  );
  if (row === undefined) throw new Error("the try was not written");
  if (counted === 0) return Number(row.locked_until) - at;
  if (row.failures < free) return 0;
  const until = at + Math.min(longest, pause * 2 ** Math.min(row.failures - free, 30));
  await db.run("UPDATE console_tries SET locked_until = ? WHERE name = ?", until, name);
  return 0;
}

export interface SessionLimits {
  /** ms without a request. */
  readonly idle: number;
  /** ms altogether. */
  readonly lifetime: number;
}

export interface BeginArgs extends SessionLimits {
  /** SHA-256 of the token, hex. */
  readonly id: string;
  readonly user: string;
  /** Of the password that the session was begun with. */
  readonly credential: string;
  readonly at: number;
  readonly audit: AuditEntry;
}

/** Begins a session behind a right password, and forgets sessions that have ended. */
async function consoleBegin(db: Database, args: BeginArgs): Promise<void> {
  const { id, user, credential, at, idle, lifetime, audit } = args;
  await db.run("DELETE FROM console_tries WHERE name = ?", user);
  await db.run("DELETE FROM console_sessions WHERE seen_at < ? OR begun_at < ?", at - idle, at - lifetime);
  await db.run(
    "INSERT INTO console_sessions (id, user_name, credential, begun_at, seen_at) VALUES (?, ?, ?, ?, ?)",
    id,
    user,
    credential,
    at,
    at,
  );
  await append(db, audit);
}

export interface FoundSession {
  readonly user: string;
  readonly credential: string;
}

/** The session of a request, which keeps it from going idle; undefined where there is none or it has ended. */
async function consoleSession(
  db: Database,
  { id, at, idle, lifetime }: SessionLimits & { readonly id: string; readonly at: number },
): Promise<FoundSession | undefined> {
  const seen = await db.run(
    "UPDATE console_sessions SET seen_at = ? WHERE id = ? AND seen_at >= ? AND begun_at >= ?",
    at,
    id,
    at - idle,
    at - lifetime,
  );
  if (seen === 0) return undefined;
  return db.get<FoundSession>(`SELECT user_name AS "user", credential FROM console_sessions WHERE id = ?`, id);
}

async function consoleEnd(
  db: Database,
  { id, audit }: { readonly id: string; readonly audit: AuditEntry },
): Promise<void> {
  await db.run("DELETE FROM console_sessions WHERE id = ?", id);
  await append(db, audit);
}

export const consoleOperations = { consoleTry, consoleBegin, consoleSession, consoleEnd };
