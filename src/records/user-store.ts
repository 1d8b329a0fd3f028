/** Store operations of the operator page's users: each change stands in the audit log. */
import { append as audit } from "../audit/chain.js";
import type { AuditEntry } from "../audit/row.js";
import type { Database } from "../db/database.js";

export const USER_TABLES = `
  CREATE TABLE page_user (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    pin TEXT NOT NULL,
    badge TEXT UNIQUE,
    locked INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE page_tries (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    locked_until INTEGER NOT NULL
  ) STRICT;`;

/** A user as it is kept. */
export interface StoredUser {
  readonly name: string;
  readonly role: string;
  /** scrypt hash of the PIN. */
  readonly pin: string;
  /** SHA-256 of the badge's text, hex; null without one. */
  readonly badge: string | null;
  readonly locked: number;
}

/** Who changes, and when. */
export interface Change {
  /** ms since the epoch. */
  readonly at: number;
  readonly actor: string;
}

const COLUMNS = "name, role, pin, badge, locked";

const entry = ({ at, actor }: Change, action: string, subject: string, details: object): AuditEntry => ({
  at,
  actor,
  action,
  subject,
  outcome: "done",
  details: { ...details },
});

async function users(db: Database, _none: null): Promise<StoredUser[]> {
  return db.all<StoredUser>(`SELECT ${COLUMNS} FROM page_user ORDER BY name`);
}

async function user(db: Database, by: { name: string } | { badge: string }): Promise<StoredUser | undefined> {
  const [column, value] = "name" in by ? ["name", by.name] : ["badge", by.badge];
  return db.get<StoredUser>(`SELECT ${COLUMNS} FROM page_user WHERE ${column} = ?`, value);
}

/** Whether another user has the badge. */
async function hasBadge(db: Database, badge: string | null, name: string): Promise<boolean> {
  if (badge === null) return false;
  return (await db.get("SELECT 1 AS yes FROM page_user WHERE badge = ? AND name <> ?", badge, name)) !== undefined;
}

/** What was in the way, or nothing. */
async function userAdd(
  db: Database,
  args: { user: Omit<StoredUser, "locked">; change: Change },
): Promise<"name" | "badge" | undefined> {
  const { name, role, pin, badge } = args.user;
  if ((await user(db, { name })) !== undefined) return "name";
  if (await hasBadge(db, badge, name)) return "badge";
  await db.run("INSERT INTO page_user (name, role, pin, badge) VALUES (?, ?, ?, ?)", name, role, pin, badge);
  await audit(db, entry(args.change, "add user", name, { role, badge: badge !== null }));
  return undefined;
}

/** Gives another PIN, and another badge where one is named; tries begin anew. */
async function userPin(
  db: Database,
  args: { name: string; pin: string; badge: string | null; change: Change },
): Promise<"name" | "badge" | undefined> {
  const { name, pin, badge } = args;
  if (await hasBadge(db, badge, name)) return "badge";
  const changed = await db.run(
    "UPDATE page_user SET pin = ?, badge = coalesce(?, badge) WHERE name = ?",
    pin,
    badge,
    name,
  );
  if (changed === 0) return "name";
  await db.run("DELETE FROM page_tries WHERE name = ?", name);
  await audit(db, entry(args.change, "set PIN", name, { badge: badge !== null }));
  return undefined;
}

/** False where there is no such user. */
async function userLock(db: Database, args: { name: string; locked: boolean; change: Change }): Promise<boolean> {
  const { name, locked } = args;
  if ((await db.run("UPDATE page_user SET locked = ? WHERE name = ?", locked ? 1 : 0, name)) === 0) return false;
  if (!locked) await db.run("DELETE FROM page_tries WHERE name = ?", name);
  await audit(db, entry(args.change, locked ? "lock user" : "unlock user", name, {}));
  return true;
}

/** How many wrong tries cost nothing, then how long the pauses are. */
export interface TryLimits {
  readonly tries: number;
  /** ms behind the first wrong try beyond; each further one doubles it. */
  readonly pause: number;
  /** ms */
  readonly longestPause: number;
}

/**
 * Counts a try before its PIN is looked at, so that tries side by side count too.
 * @returns 0 where it may be looked at, else ms to wait
 */
async function userTry(db: Database, args: { name: string; at: number; limits: TryLimits }): Promise<number> {
  const { name, at, limits } = args;
  const row = await db.get<{ failures: number; locked_until: number }>(
    "SELECT failures, locked_until FROM page_tries WHERE name = ?",
    name,
  );
  if (row !== undefined && row.locked_until > at) return row.locked_until - at;
  const failures = (row?.failures ?? 0) + 1;
  const beyond = failures - limits.tries;
  const pause = beyond < 0 ? 0 : Math.min(limits.longestPause, limits.pause * 2 ** Math.min(beyond, 30));
  await db.run(
    `INSERT INTO page_tries (name, failures, locked_until) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until`,
    name,
    failures,
    pause === 0 ? 0 : Math.trunc(at + pause),
  );
  return 0;
}

/** Says of a person in the audit log what was done; `tried`: whose tries were right. */
async function userNote(db: Database, args: { entry: AuditEntry; tried?: string }): Promise<void> {
  if (args.tried !== undefined) await db.run("DELETE FROM page_tries WHERE name = ?", args.tried);
  await audit(db, args.entry);
}

export const userOperations = { users, user, userAdd, userPin, userLock, userTry, userNote };
