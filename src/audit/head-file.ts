/** The head of a chain, kept in a file beside its store, so that a store that was cut or put back is noticed. */
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { hasCode } from "../shared/error-code.js";
import { type AuditStore, headOf } from "./chain.js";
import type { Head } from "./row.js";

const DIGITS = 16;
const LINE = /^(\d{16}) ([0-9a-f]{64})\n$/;

/** Where the head of the chain in `store` is kept. */
export const headFile = (store: string) => `${store}.head`;

/**
 * Writes the head of the chain behind a commit; of a store without a file (`:memory:`) nothing is kept. A kept head that is not in the
 * chain is left as it is: it tells that rows were cut off or written anew. The line has one length and is written over in place, so that
 * a killed process leaves the former or the new one. It is not synced: after a loss of power it may be older than the store, never newer.
 * @throws Error where the file cannot be written
 */
export async function keepHead(db: AuditStore, store: string): Promise<void> {
  if (store === ":memory:") return;
  const head = await headOf(db);
  if (head === undefined) return;
  const text = readText(headFile(store)) ?? "";
  if (text !== "" && !(await inChain(db, parse(text)))) return;
  const line = `${String(head.seq).padStart(DIGITS, "0")} ${head.hash}\n`;
  if (text === line) return;
  const file = openSync(headFile(store), constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(file, line, 0, "utf8");
  } finally {
    closeSync(file);
  }
}

/** The head file of `store` where it was written: a store that is missing or empty beside it was lost. */
export function keptHeadFile(store: string): string | undefined {
  const file = headFile(store);
  return store !== ":memory:" && existsSync(file) ? file : undefined;
}

/** The kept head; undefined where there is none, `"damaged"` where the file holds something else. */
export function readHead(store: string): Head | undefined | "damaged" {
  const text = readText(headFile(store)) ?? "";
  return text === "" ? undefined : (parse(text) ?? "damaged");
}

async function inChain(db: AuditStore, kept: Head | undefined): Promise<boolean> {
  if (kept === undefined) return false;
  const row = await db.get<{ hash: string }>("SELECT hash FROM audit WHERE seq = ?", kept.seq);
  return row?.hash === kept.hash;
}

function parse(text: string): Head | undefined {
  const match = LINE.exec(text);
  return match === null ? undefined : { seq: Number(match[1]), hash: match[2] ?? "" };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
