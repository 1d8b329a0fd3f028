/**
 * The vPKI's records, in SQLite or PostgreSQL. An operation is one transaction: uniqueness of key and serial, the certificate, the audit
 * row and the idempotency row stand or fall together. Keys are text and bytes are base64, so that both engines hold the same.
 */
import { append } from "../../../audit/chain.js";
import { keepHead, keptHeadFile } from "../../../audit/head-file.js";
import { auditMigration } from "../../../audit/migration.js";
import type { AuditEntry } from "../../../audit/row.js";
import type { Connection, Database } from "../../../db/database.js";
import type { StoreSource } from "../../../db/store.js";
import { CRL_REASON } from "../../../pki/crl.js";
import { ENDED, type ScopeKey, statusMigration, statusOperations } from "./status.js";

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
  /** File of the CRL that it belongs to. */
  readonly crl: string;
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
  /** Keys that were first used before this time may be forgotten, ms since the epoch. */
  readonly since: number;
}

/** Who asked for what, and when; the store adds what it decided. Details: type, codes of the request, its PKCS#10 attributes. */
export type Asked = Omit<AuditEntry, "outcome">;

export interface IssueArgs {
  readonly row: CertificateRow;
  readonly asked: Asked;
  /** Refuses a name that nothing was issued for. */
  readonly mustExist: boolean;
  /** When the former certificates of that type and name are superseded, ms since the epoch; left out, they are kept. */
  readonly supersedeAt?: number;
  readonly idempotency?: Idempotency;
}

export interface RevokeArgs {
  readonly type: string;
  readonly nameKey: string;
  readonly asked: Asked;
  readonly idempotency?: Idempotency;
}

/** What the store refuses, as the contract names it. */
export type StoreRefusal = "idempotency" | "keyUsed" | "unknownDn" | "alreadyRevoked" | "noCertificate";
export interface Refused {
  readonly kind: "refused";
  readonly failure: StoreRefusal;
}
/** The answer that the same request had before. */
export interface Replay {
  readonly kind: "replay";
  readonly certificate: string | null;
}
/** `revoked`: CRLs that lack something from now on. */
export type IssueResult = Replay | Refused | { readonly kind: "issued"; readonly revoked: readonly ScopeKey[] };
export type RevokeResult = Replay | Refused | { readonly kind: "revoked"; readonly revoked: readonly ScopeKey[] };

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
  async (db: Connection) => {
    await db.exec("ALTER TABLE audit RENAME TO former_audit");
    await auditMigration("vpki", ["certificates"], formerAudit)(db);
    await db.exec("DROP TABLE former_audit");
  },
  statusMigration,
  "CREATE INDEX idempotency_by_time ON idempotency (at)",
];

/** Most keys that a new one lets be forgotten: more than come, so that the table shrinks, and few enough to cost nothing. */
const FORGOTTEN_AT_ONCE = 20;

/** The decisions of the version before, in its words. */
async function formerAudit(db: Database): Promise<AuditEntry[]> {
  interface Former {
    at: number;
    operation: string;
    type: string;
    dn: string;
    serial: string | null;
    peer: string;
    details: string;
  }
  const rows = await db.all<Former>(
    "SELECT at, operation, type, dn, serial, peer, details FROM former_audit ORDER BY seq",
  );
  return rows.map(({ at, operation, type, dn, serial, peer, details }) => {
    const outcome = operation === "revoke" ? "revoked" : "issued";
    const more = { type, serial, ...(JSON.parse(details) as object) };
    return { at, actor: peer, action: operation, subject: dn, outcome, details: more };
  });
}

/** Writes what was decided to the audit log, in the transaction of the decision. */
async function note(
  db: Database,
  asked: Asked,
  outcome: string,
  more: Readonly<Record<string, unknown>>,
): Promise<void> {
  await append(db, { ...asked, outcome, details: { ...asked.details, ...more } });
}

async function refuse(db: Database, asked: Asked, failure: StoreRefusal): Promise<Refused> {
  await note(db, asked, "refused", { failure });
  return { kind: "refused", failure };
}

async function replay(
  db: Database,
  idempotency: Idempotency | undefined,
  asked: Asked,
): Promise<Replay | Refused | undefined> {
  if (idempotency === undefined) return undefined;
  const found = await db.get<{ request: string; serial: string | null; dn: string | null; certificate: string | null }>(
    `SELECT i.request, c.serial, c.dn, c.certificate FROM idempotency i LEFT JOIN certificates c ON c.serial = i.serial
     WHERE i.key = ?`,
    idempotency.key,
  );
  if (found === undefined) return undefined;
  if (found.request !== idempotency.request) return refuse(db, asked, "idempotency");
  await note(db, { ...asked, subject: found.dn ?? asked.subject }, "repeated", { serial: found.serial });
  return { kind: "replay", certificate: found.certificate };
}

async function remember(
  db: Database,
  idempotency: Idempotency | undefined,
  serial: string | null,
  at: number,
): Promise<void> {
  if (idempotency === undefined) return;
  await db.run(
    "INSERT INTO idempotency (key, request, serial, at) VALUES (?, ?, ?, ?)",
    idempotency.key,
    idempotency.request,
    serial,
    at,
  );
  await db.run(
    `DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE at < ? ORDER BY at LIMIT ${FORGOTTEN_AT_ONCE})`,
    idempotency.since,
  );
}

const keyUsed = async (db: Database, keyId: string) =>
  (await db.get("SELECT 1 AS found FROM certificates WHERE key_id = ?", keyId)) !== undefined;
const nameKnown = async (db: Database, type: string, nameKey: string) =>
  (await db.get("SELECT 1 AS found FROM certificates WHERE type = ? AND name_key = ?", type, nameKey)) !== undefined;

export interface CheckArgs extends Pick<IssueArgs, "asked" | "mustExist" | "idempotency"> {
  readonly keyId: string;
  readonly type: string;
  readonly nameKey: string;
}

interface Ended extends ScopeKey {
  readonly serial: string;
}

/** The CRLs of these certificates, each once. */
function listsOf(ended: readonly Ended[]): ScopeKey[] {
  return [...new Map(ended.map(({ ca, crl }) => [`${ca}/${crl}`, { ca, crl }])).values()];
}

/**
 * Ends, at a time that may lie ahead, what holds of the name's certificates but for the new one; what was to end earlier still does.
 * @returns CRLs that lack something from now on
 */
async function supersede(db: Database, { row, asked, supersedeAt }: IssueArgs): Promise<ScopeKey[]> {
  if (supersedeAt === undefined) return [];
  const ended = await db.all<Ended>(
    `UPDATE certificates SET revoked_at = ?, reason = ?
     WHERE type = ? AND name_key = ? AND serial <> ? AND revoked_at IS NULL AND not_after > ?
     RETURNING serial, issuer AS ca, crl`,
    supersedeAt,
    CRL_REASON.superseded,
    row.type,
    row.nameKey,
    row.serial,
    asked.at,
  );
  if (ended.length > 0)
    await note(db, asked, "superseded", { serials: ended.map(({ serial }) => serial), from: supersedeAt });
  return supersedeAt <= asked.at ? listsOf(ended) : [];
}

const operations = {
  ...statusOperations,

  /** What `issue` would refuse, where there is no certificate for it. */
  check: async (db: Database, args: CheckArgs): Promise<Replay | Refused | { readonly kind: "free" }> => {
    const earlier = await replay(db, args.idempotency, args.asked);
    if (earlier !== undefined) return earlier;
    if (await keyUsed(db, args.keyId)) return refuse(db, args.asked, "keyUsed");
    if (args.mustExist && !(await nameKnown(db, args.type, args.nameKey))) return refuse(db, args.asked, "unknownDn");
    return { kind: "free" };
  },

  findAnswer: (db: Database, args: { idempotency: Idempotency; asked: Asked }): Promise<Replay | Refused | undefined> =>
    replay(db, args.idempotency, args.asked),

  issue: async (db: Database, args: IssueArgs): Promise<IssueResult> => {
    const { row, asked, mustExist, idempotency } = args;
    const earlier = await replay(db, idempotency, asked);
    if (earlier !== undefined) return earlier;
    if (await keyUsed(db, row.keyId)) return refuse(db, asked, "keyUsed");
    if (mustExist && !(await nameKnown(db, row.type, row.nameKey))) return refuse(db, asked, "unknownDn");
    // The serial's own conflict is a fault (2^-158): it throws and leaves nothing behind.
    const written = await db.run(
      `INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, crl, not_before, not_after, certificate)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_id) DO NOTHING`,
      row.serial,
      row.keyId,
      row.type,
      row.nameKey,
      row.dn,
      row.issuer,
      row.crl,
      row.notBefore,
      row.notAfter,
      row.certificate,
    );
    if (written === 0) return refuse(db, asked, "keyUsed");
    await note(db, asked, "issued", { serial: row.serial, issuer: row.issuer });
    await remember(db, idempotency, row.serial, asked.at);
    return { kind: "issued", revoked: await supersede(db, args) };
  },

  /** Revokes every certificate of that type and name that is not revoked yet, also those that a reissue ends later. */
  revoke: async (db: Database, { type, nameKey, asked, idempotency }: RevokeArgs): Promise<RevokeResult> => {
    const earlier = await replay(db, idempotency, asked);
    if (earlier !== undefined) return earlier;
    if (!(await nameKnown(db, type, nameKey))) return refuse(db, asked, "noCertificate");
    const revoked = await db.all<Ended>(
      `UPDATE certificates SET revoked_at = ?, reason = NULL
       WHERE type = ? AND name_key = ? AND (revoked_at IS NULL OR NOT ${ENDED}) RETURNING serial, issuer AS ca, crl`,
      asked.at,
      type,
      nameKey,
      asked.at,
    );
    if (revoked.length === 0) return refuse(db, asked, "alreadyRevoked");
    await note(db, asked, "revoked", { serials: revoked.map(({ serial }) => serial) });
    await remember(db, idempotency, null, asked.at);
    return { kind: "revoked", revoked: listsOf(revoked) };
  },

  /** A decision that needed no look at the store. */
  note: (db: Database, entry: AuditEntry): Promise<void> => append(db, entry),

  /** Certificates of a name, oldest first; `revokedAt` null while they hold, ahead where a reissue ends them. */
  listCertificates: (db: Database, args: { type: string; nameKey: string }) =>
    db.all<{ serial: string; certificate: string; revokedAt: number | null }>(
      `SELECT serial, certificate, revoked_at AS "revokedAt" FROM certificates WHERE type = ? AND name_key = ?
       ORDER BY not_before, serial`,
      args.type,
      args.nameKey,
    ),
};

const reads = ["crlScopes", "crlState", "crlDer", "crlEntries", "certificateStates", "listCertificates"] as const;

export const store = { migrations, operations, reads, remains: keptHeadFile, committed: keepHead } as const;
export type VpkiStoreDefinition = typeof store;

export const vpkiStore: StoreSource<VpkiStoreDefinition> = {
  definition: store,
  module: new URL(import.meta.url),
};
