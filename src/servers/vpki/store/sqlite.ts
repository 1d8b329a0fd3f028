/**
 * The vPKI's records in SQLite. An operation is one transaction: uniqueness of key and serial, the certificate, the audit row and the
 * idempotency row stand or fall together. Keys are text, bytes are base64, so that another engine can hold the same.
 */
import type { Database } from "../../../db/database.js";
import type { StoreSource } from "../../../db/store.js";

export interface CertificateRow {
  /** Lower-case hex, unique. */
  readonly serial: string;
  /** Names the public key, whatever form it came in; unique over all types and names. */
  readonly keyId: string;
  readonly type: string;
  /** The subject as the name space compares it. */
  readonly nameKey: string;
  /** The subject for people. */
  readonly dn: string;
  readonly issuer: string;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER in base64. */
  readonly certificate: string;
}

export interface Idempotency {
  readonly key: string;
  /** Digest of path and body. */
  readonly request: string;
}

/** Who asked for what, and when. */
export interface Audit {
  readonly at: number;
  readonly operation: string;
  readonly peer: string;
  /** JSON: codes of the request, its PKCS#10 attributes. */
  readonly details: string;
}

export interface IssueArgs {
  readonly row: CertificateRow;
  readonly audit: Audit;
  /** Refuses a name that nothing was issued for. */
  readonly mustExist: boolean;
  readonly idempotency?: Idempotency;
}

export interface RevokeArgs {
  readonly type: string;
  readonly nameKey: string;
  readonly dn: string;
  readonly audit: Audit;
  readonly idempotency?: Idempotency;
}

export type Replay = { kind: "replay"; certificate: string | null } | { kind: "other-request" };
export type IssueResult = Replay | { kind: "issued" } | { kind: "key-used" } | { kind: "unknown-dn" };
export type RevokeResult = Replay | { kind: "revoked" } | { kind: "already-revoked" } | { kind: "no-certificate" };

const migrations = [
  `CREATE TABLE certificates (
     serial TEXT PRIMARY KEY,
     key_id TEXT NOT NULL UNIQUE,
     type TEXT NOT NULL,
     name_key TEXT NOT NULL,
     dn TEXT NOT NULL,
     issuer TEXT NOT NULL,
     not_before BIGINT NOT NULL,
     not_after BIGINT NOT NULL,
     certificate TEXT NOT NULL,
     revoked_at BIGINT
   );
   CREATE INDEX certificates_by_name ON certificates (type, name_key);
   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY,
     at BIGINT NOT NULL,
     operation TEXT NOT NULL,
     type TEXT NOT NULL,
     dn TEXT NOT NULL,
     serial TEXT,
     peer TEXT NOT NULL,
     details TEXT NOT NULL
   );
   CREATE TABLE idempotency (
     key TEXT PRIMARY KEY,
     request TEXT NOT NULL,
     serial TEXT REFERENCES certificates (serial),
     at BIGINT NOT NULL
   );`,
];

function replay(db: Database, idempotency: Idempotency | undefined): Replay | undefined {
  if (idempotency === undefined) return undefined;
  const found = db.get<{ request: string; certificate: string | null }>(
    `SELECT i.request, c.certificate FROM idempotency i LEFT JOIN certificates c ON c.serial = i.serial WHERE i.key = ?`,
    idempotency.key,
  );
  if (found === undefined) return undefined;
  return found.request === idempotency.request
    ? { kind: "replay", certificate: found.certificate }
    : { kind: "other-request" };
}

function remember(db: Database, idempotency: Idempotency | undefined, serial: string | null, at: number): void {
  if (idempotency === undefined) return;
  db.run(
    "INSERT INTO idempotency (key, request, serial, at) VALUES (?, ?, ?, ?)",
    idempotency.key,
    idempotency.request,
    serial,
    at,
  );
}

function note(db: Database, audit: Audit, type: string, dn: string, serial: string | null): void {
  db.run(
    "INSERT INTO audit (at, operation, type, dn, serial, peer, details) VALUES (?, ?, ?, ?, ?, ?, ?)",
    audit.at,
    audit.operation,
    type,
    dn,
    serial,
    audit.peer,
    audit.details,
  );
}

const keyUsed = (db: Database, keyId: string) =>
  db.get("SELECT 1 AS found FROM certificates WHERE key_id = ?", keyId) !== undefined;
const nameKnown = (db: Database, type: string, nameKey: string) =>
  db.get("SELECT 1 AS found FROM certificates WHERE type = ? AND name_key = ?", type, nameKey) !== undefined;

const operations = {
  /** What `issue` would say of an earlier answer, the key and the name, so that nothing is signed in vain. */
  check: (
    db: Database,
    args: { keyId: string; type: string; nameKey: string; mustExist: boolean },
  ): "key-used" | "unknown-dn" | "free" => {
    if (keyUsed(db, args.keyId)) return "key-used";
    return args.mustExist && !nameKnown(db, args.type, args.nameKey) ? "unknown-dn" : "free";
  },

  findAnswer: (db: Database, args: Idempotency): Replay | undefined => replay(db, args),

  issue: (db: Database, { row, audit, mustExist, idempotency }: IssueArgs): IssueResult => {
    const earlier = replay(db, idempotency);
    if (earlier !== undefined) return earlier;
    if (keyUsed(db, row.keyId)) return { kind: "key-used" };
    if (mustExist && !nameKnown(db, row.type, row.nameKey)) return { kind: "unknown-dn" };
    // The serial's own conflict is a fault (2^-158): it throws and leaves nothing behind.
    const written = db.run(
      `INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, not_before, not_after, certificate)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_id) DO NOTHING`,
      row.serial,
      row.keyId,
      row.type,
      row.nameKey,
      row.dn,
      row.issuer,
      row.notBefore,
      row.notAfter,
      row.certificate,
    );
    if (written === 0) return { kind: "key-used" };
    note(db, audit, row.type, row.dn, row.serial);
    remember(db, idempotency, row.serial, audit.at);
    return { kind: "issued" };
  },

  /** Revokes every certificate of that type and name that is not revoked yet. */
  revoke: (db: Database, { type, nameKey, dn, audit, idempotency }: RevokeArgs): RevokeResult => {
    const earlier = replay(db, idempotency);
    if (earlier !== undefined) return earlier;
    if (!nameKnown(db, type, nameKey)) return { kind: "no-certificate" };
    const revoked = db.all<{ serial: string }>(
      "UPDATE certificates SET revoked_at = ? WHERE type = ? AND name_key = ? AND revoked_at IS NULL RETURNING serial",
      audit.at,
      type,
      nameKey,
    );
    if (revoked.length === 0) return { kind: "already-revoked" };
    for (const { serial } of revoked) note(db, audit, type, dn, serial);
    remember(db, idempotency, null, audit.at);
    return { kind: "revoked" };
  },

  /** Audit rows, oldest first. */
  listAudit: (db: Database, args: { type?: string }) =>
    db.all<{ at: number; operation: string; type: string; dn: string; serial: string; peer: string; details: string }>(
      "SELECT at, operation, type, dn, serial, peer, details FROM audit WHERE ? = '' OR type = ? ORDER BY seq",
      args.type ?? "",
      args.type ?? "",
    ),

  /** Certificates of a name, oldest first; `revokedAt` null while they hold. */
  listCertificates: (db: Database, args: { type: string; nameKey: string }) =>
    db.all<{ serial: string; certificate: string; revokedAt: number | null }>(
      `SELECT serial, certificate, revoked_at AS "revokedAt" FROM certificates WHERE type = ? AND name_key = ?
       ORDER BY not_before, serial`,
      args.type,
      args.nameKey,
    ),
};

export const store = { migrations, operations } as const;
export type VpkiStoreDefinition = typeof store;

export const vpkiStore: StoreSource<VpkiStoreDefinition> = {
  definition: store,
  module: new URL(import.meta.url),
};
