/**
 * What revocation lists and status answers are made of. A scope is one CRL of one CA: the whole list, or the part that one file name
 * stands for. A certificate belongs to the scope that was written when it was issued, whatever the settings are later.
 *
 * A list is made in three steps: `beginCrl` takes a number, which no other list of the scope ever gets, and claims for it every
 * revocation that no list had; `crlEntries` reads what was claimed up to that number; `saveCrl` keeps the signed list. If the second or
 * third step never comes, what was claimed still has a number above the newest list's and counts as not listed.
 */
import type { Database } from "../../../db/database.js";

/** Certificates that a reissue ends, and that no list has yet. A revocation is none of them, whatever the time says. */
const PLANNED = "reason IS NOT NULL AND listed IS NULL";
/** Certificates with a time of revocation that do not hold any more; its one parameter is now. A clock that was set back changes nothing in that. */
export const ENDED = `(revoked_at <= ? OR NOT (${PLANNED}))`;

/** What a status answer is made of. */
export interface CertificateState {
  readonly serial: string;
  /** ms since the epoch; null for a certificate that holds. */
  readonly revokedAt: number | null;
  /** Reason code; null for none. */
  readonly reason: number | null;
  /** 1 where it holds until then. */
  readonly planned: number;
}

export const statusMigration = `
  ALTER TABLE certificates ADD COLUMN crl TEXT NOT NULL DEFAULT '';
  ALTER TABLE certificates ADD COLUMN reason INTEGER;
  ALTER TABLE certificates ADD COLUMN listed BIGINT;
  UPDATE certificates SET crl = CASE issuer WHEN 'CA01001' THEN 'Crl1p1Dp4.crl' ELSE 'Crl1p1Dp1.crl' END;
  CREATE INDEX certificates_unlisted ON certificates (issuer, crl, listed, revoked_at) WHERE revoked_at IS NOT NULL;
  CREATE INDEX certificates_revoked ON certificates (issuer, crl, serial) WHERE revoked_at IS NOT NULL;
  CREATE TABLE crl_numbers (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (ca, crl)
  );
  CREATE TABLE crl_addresses (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    url TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (ca, crl, url)
  );
  CREATE TABLE crls (
    ca TEXT NOT NULL,
    crl TEXT NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    addresses TEXT NOT NULL,
    der TEXT NOT NULL,
    PRIMARY KEY (ca, crl, number)
  );`;

/** One CRL of one CA, by their names. */
export interface ScopeKey {
  readonly ca: string;
  readonly crl: string;
}

export interface CrlHead {
  readonly number: number;
  /** ms since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** JSON: the addresses that it names. */
  readonly addresses: string;
}

export interface CrlState {
  readonly newest: CrlHead | undefined;
  /** Whether something is revoked that the newest list does not have. */
  readonly unlisted: boolean;
}

export interface RevokedRow {
  readonly serial: string;
  readonly revokedAt: number;
  readonly reason: number | null;
}

/** Addresses that one list names at most; the last used ones. */
const MAX_ADDRESSES = 16;

function newestCrl(db: Database, { ca, crl }: ScopeKey): Promise<CrlHead | undefined> {
  return db.get<CrlHead>(
    `SELECT number, this_update AS "thisUpdate", next_update AS "nextUpdate", addresses FROM crls
     WHERE ca = ? AND crl = ? ORDER BY number DESC LIMIT 1`,
    ca,
    crl,
  );
}

export const statusOperations = {
  /** Notes the address of a scope, and tells all that certificates name, the last used ones first. */
  crlAddresses: async (db: Database, args: ScopeKey & { url: string; at: number }): Promise<string[]> => {
    await db.run(
      `INSERT INTO crl_addresses (ca, crl, url, used_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (ca, crl, url) DO UPDATE SET used_at = excluded.used_at`,
      args.ca,
      args.crl,
      args.url,
      args.at,
    );
    const rows = await db.all<{ url: string }>(
      `SELECT url FROM crl_addresses WHERE ca = ? AND crl = ? ORDER BY used_at DESC, url LIMIT ${MAX_ADDRESSES}`,
      args.ca,
      args.crl,
    );
    return rows.map(({ url }) => url);
  },

  /** Scopes of certificates and of lists that there were. */
  crlScopes: (db: Database): Promise<ScopeKey[]> =>
    db.all("SELECT ca, crl FROM crl_numbers UNION SELECT DISTINCT issuer AS ca, crl FROM certificates"),

  crlState: async (db: Database, args: ScopeKey & { now: number }): Promise<CrlState> => {
    const newest = await newestCrl(db, args);
    const found = async (condition: string, value: number) =>
      (await db.get(
        `SELECT 1 AS found FROM certificates WHERE issuer = ? AND crl = ? AND revoked_at IS NOT NULL AND ${condition} LIMIT 1`,
        args.ca,
        args.crl,
        value,
      )) !== undefined;
    const unlisted =
      (await found(`listed IS NULL AND ${ENDED}`, args.now)) || (await found("listed > ?", newest?.number ?? 0));
    return { newest, unlisted };
  },

  /** A part of a list's DER in base64 (characters from 0), and how many characters the whole has. */
  crlDer: (
    db: Database,
    args: ScopeKey & { number: number; from: number; size: number },
  ): Promise<{ text: string; all: number } | undefined> =>
    db.get(
      `SELECT substr(der, ?, ?) AS text, length(der) AS "all" FROM crls WHERE ca = ? AND crl = ? AND number = ?`,
      args.from + 1,
      args.size,
      args.ca,
      args.crl,
      args.number,
    ),

  beginCrl: async (
    db: Database,
    args: ScopeKey & { now: number },
  ): Promise<{ number: number; newest: CrlHead | undefined }> => {
    const taken = await db.get<{ last: number }>(
      `INSERT INTO crl_numbers (ca, crl, last) VALUES (?, ?, 1)
       ON CONFLICT (ca, crl) DO UPDATE SET last = crl_numbers.last + 1 RETURNING last`,
      args.ca,
      args.crl,
    );
    const number = taken?.last ?? 1;
    await db.run(
      `UPDATE certificates SET listed = ?
       WHERE issuer = ? AND crl = ? AND revoked_at IS NOT NULL AND listed IS NULL AND ${ENDED}`,
      number,
      args.ca,
      args.crl,
      args.now,
    );
    return { number, newest: await newestCrl(db, args) };
  },

  /**
   * Entries of the list `number` with a serial above `after`, by serial. One of an expired certificate is left out once a list that was
   * made after its end (`past`) has had it (RFC 5280 3.3).
   */
  crlEntries: (
    db: Database,
    args: ScopeKey & { number: number; after: string; limit: number; past: CrlHead | undefined },
  ): Promise<RevokedRow[]> =>
    db.all(
      `SELECT serial, revoked_at AS "revokedAt", reason FROM certificates
       WHERE issuer = ? AND crl = ? AND revoked_at IS NOT NULL AND serial > ? AND listed <= ?
         AND NOT (not_after < ? AND listed <= ?)
       ORDER BY serial LIMIT ?`,
      args.ca,
      args.crl,
      args.after,
      args.number,
      args.past?.thisUpdate ?? 0,
      args.past?.number ?? 0,
      args.limit,
    ),

  /** Keeps a list; older ones are dropped when their time has passed. */
  saveCrl: async (db: Database, args: ScopeKey & CrlHead & { der: string }): Promise<void> => {
    await db.run(
      "INSERT INTO crls (ca, crl, number, this_update, next_update, addresses, der) VALUES (?, ?, ?, ?, ?, ?, ?)",
      args.ca,
      args.crl,
      args.number,
      args.thisUpdate,
      args.nextUpdate,
      args.addresses,
      args.der,
    );
    await db.run(
      "DELETE FROM crls WHERE ca = ? AND crl = ? AND number < ? AND next_update < ?",
      args.ca,
      args.crl,
      args.number,
      args.thisUpdate,
    );
  },

  /** State of certificates of a CA by serial; a serial that it never gave is left out. */
  certificateStates: async (db: Database, args: { ca: string; serials: readonly string[] }) => {
    const states: CertificateState[] = [];
    for (const serial of args.serials) {
      const found = await db.all<(typeof states)[number]>(
        `SELECT serial, revoked_at AS "revokedAt", reason, CASE WHEN ${PLANNED} THEN 1 ELSE 0 END AS planned
         FROM certificates WHERE issuer = ? AND serial = ?`,
        args.ca,
        serial,
      );
      states.push(...found);
    }
    return states;
  },
};
