/** Store operations of the profiles: each version by its hash, and who approved it. */
import { append as audit } from "../audit/chain.js";
import type { Database } from "../db/database.js";
import type { ApprovalRequest, KeptProfile, ProfileVersion } from "./types.js";

export const PROFILE_TABLES = `
  CREATE TABLE profile_version (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    kept_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE profile_approval (
    hash TEXT NOT NULL REFERENCES profile_version (hash),
    person TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (hash, person)
  ) STRICT;`;

/** The first text of a content stays: the same content laid out anew is the same version. */
async function profileKeep(db: Database, args: { profile: ProfileVersion; now: number }): Promise<void> {
  const { hash, name, version, text } = args.profile;
  await db.run(
    `INSERT INTO profile_version (hash, name, version, text, kept_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (hash) DO NOTHING`,
    hash,
    name,
    version,
    text,
    Math.trunc(args.now),
  );
}

/** False where this person had approved it already; the audit log gets a row either way. */
async function profileApprove(db: Database, args: ApprovalRequest & { now: number }): Promise<boolean> {
  const { profile, person, proof, now } = args;
  await profileKeep(db, { profile, now });
  const added = await db.run(
    "INSERT INTO profile_approval (hash, person, at) VALUES (?, ?, ?) ON CONFLICT (hash, person) DO NOTHING",
    profile.hash,
    person,
    Math.trunc(now),
  );
  const { hash, name, version } = profile;
  await audit(db, {
    at: now,
    actor: person,
    action: "approve profile",
    subject: `${name} version ${version}`,
    outcome: added > 0 ? "approved" : "repeated",
    details: { hash, proof },
  });
  return added > 0;
}

interface VersionRow {
  hash: string;
  name: string;
  version: number;
  kept_at: number;
}

/** Newest first. */
async function profileVersions(db: Database, args: { name?: string; hash?: string }): Promise<KeptProfile[]> {
  const [where, value] =
    args.hash !== undefined ? ["WHERE hash = ?", args.hash] : ["WHERE ? IN ('', name)", args.name ?? ""];
  const rows = await db.all<VersionRow>(
    `SELECT hash, name, version, kept_at FROM profile_version ${where} ORDER BY kept_at DESC, version DESC, hash`,
    value,
  );
  const versions: KeptProfile[] = [];
  for (const { hash, name, version, kept_at } of rows) {
    const approvals = await db.all<{ person: string; at: number }>(
      "SELECT person, at FROM profile_approval WHERE hash = ? ORDER BY at, person",
      hash,
    );
    versions.push({ hash, name, version, keptAt: kept_at, approvals });
  }
  return versions;
}

/** Versions whose hash begins so, at most two. */
async function profileTexts(db: Database, start: string): Promise<ProfileVersion[]> {
  return db.all<ProfileVersion & object>(
    "SELECT hash, name, version, text FROM profile_version WHERE substr(hash, 1, ?) = ? ORDER BY hash LIMIT 2",
    start.length,
    start,
  );
}

export const profileOperations = { profileKeep, profileApprove, profileVersions, profileTexts };
