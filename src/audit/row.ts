/** A row of the audit log and its hash. Pure. */
import { createHash } from "node:crypto";

/** What a decision is written as. Never key material: not in the texts, not in the details. */
export interface AuditEntry {
  /** ms since the epoch. */
  readonly at: number;
  /** Who asked: a peer's address and certificate subject, a bay, or the program itself. */
  readonly actor: string;
  /** What was asked, e.g. `issue`, `PUT key`, `finish`. */
  readonly action: string;
  /** What it was about: a name, an EcuID, a run; empty where that is not known. */
  readonly subject: string;
  /** What was decided, e.g. `issued`, `refused`, `PASS`. */
  readonly outcome: string;
  /** Kept as JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The texts of a row, as they are stored. */
export const TEXT_COLUMNS = ["actor", "action", "subject", "outcome", "details"] as const;

/** A row without its hash. */
export interface AuditRow {
  /** From 1, without a gap. */
  readonly seq: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: string;
  /** JSON. */
  readonly details: string;
}

/** The end of a chain: how many rows it has and the hash of the last. */
export interface Head {
  readonly seq: number;
  /** SHA-256, 64 lower-case hex digits. */
  readonly hash: string;
}

/** What stands before the first row. */
export const GENESIS: Head = { seq: 0, hash: "0".repeat(64) };

const DOMAIN = Buffer.from("ecustation audit 1\0", "ascii");
const INTEGER_BYTES = 8;
const LENGTH_BYTES = 4;

/**
 * The bytes that a row's hash is made of, after the former row's hash: a fixed prefix, seq and at as signed 64-bit integers, then each
 * text in the order of TEXT_COLUMNS as its length in bytes (32 bits) and its UTF-8; all big endian. No two rows have the same.
 * @throws RangeError for a number that is no integer, or a text that is no Unicode (half a surrogate pair)
 */
export function encodeRow(row: AuditRow): Uint8Array {
  const texts = TEXT_COLUMNS.map((name) => utf8(row[name]));
  const size = texts.reduce((sum, text) => sum + LENGTH_BYTES + text.length, DOMAIN.length + 2 * INTEGER_BYTES);
  const bytes = Buffer.alloc(size);
  let at = DOMAIN.copy(bytes);
  at = bytes.writeBigInt64BE(BigInt(row.seq), at);
  at = bytes.writeBigInt64BE(BigInt(row.at), at);
  for (const text of texts) {
    at = bytes.writeUInt32BE(text.length, at);
    at += text.copy(bytes, at);
  }
  return bytes;
}

/** Hash of a row behind the row of hash `former`: SHA-256 over that hash's 32 bytes and the row's encoding, lower-case hex. */
export function hashRow(former: string, row: AuditRow): string {
  return createHash("sha256").update(Buffer.from(former, "hex")).update(encodeRow(row)).digest("hex");
}

/** Longest text of a row but its details, characters. */
const TEXT_LIMIT = 500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
const UNPRINTABLE = /[\u0000-\u001f\u007f]|\p{Surrogate}/gu;

/** The row that an entry is stored as: texts without control characters and no longer than 500 characters. */
export function rowOf(seq: number, entry: AuditEntry): AuditRow {
  return {
    seq,
    at: Math.trunc(entry.at),
    actor: plain(entry.actor),
    action: plain(entry.action),
    subject: plain(entry.subject),
    outcome: plain(entry.outcome),
    // Escapes control characters and halves of surrogate pairs.
    details: JSON.stringify(entry.details),
  };
}

function plain(text: string): string {
  const cut = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT - 1)}…` : text;
  return cut.replace(UNPRINTABLE, "\ufffd");
}

function utf8(text: string): Buffer {
  if (/\p{Surrogate}/u.test(text)) throw new RangeError("half a surrogate pair has no UTF-8");
  return Buffer.from(text, "utf8");
}
