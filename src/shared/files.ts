import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "./error-code.js";
import { makeFolder } from "./folders.js";

/** Most bytes of a settings file. */
export const SETTINGS_LIMIT = 16 * 1024 * 1024;

/** What reading would wait for, or never come to the end of. */
const NO_PLAIN_FILE: readonly (readonly [is: (stats: Stats) => boolean, what: string])[] = [
  [(stats) => stats.isFIFO(), "a FIFO"],
  [(stats) => stats.isSocket(), "a socket"],
  [(stats) => stats.isCharacterDevice() || stats.isBlockDevice(), "a device"],
];

/**
 * Reads a file that people write: configuration, profiles, registries, certificates, keys.
 * @throws Error as of readFile, and where it is no plain file or has more than SETTINGS_LIMIT bytes
 */
export async function readSettings(file: string): Promise<Buffer>;
export async function readSettings(file: string, encoding: "utf8"): Promise<string>;
export async function readSettings(file: string, encoding?: "utf8"): Promise<Buffer | string> {
  const stats = await stat(file);
  const other = NO_PLAIN_FILE.find(([is]) => is(stats));
  if (other !== undefined) throw new Error(`it is ${other[1]} (expected a plain file)`);
  if (stats.size > SETTINGS_LIMIT) throw new Error(`it has ${stats.size} bytes (expected at most ${SETTINGS_LIMIT})`);
  return readFile(file, encoding);
}

export interface WriteOptions {
  /** Permission bits; default 0600. */
  readonly mode?: number;
  /** Leaves a file alone that is there already. */
  readonly exclusive?: boolean;
}

/**
 * Writes a whole file or nothing: a reader or a crash never sees half of it. Folders are made as needed (0700).
 * @returns false where `exclusive` found the file there
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array,
  { mode = 0o600, exclusive = false }: WriteOptions = {},
): Promise<boolean> {
  makeFolder(dirname(file));
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(draft, "wx", mode);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!exclusive) await rename(draft, file);
    else await link(draft, file);
    return true;
  } catch (error) {
    if (exclusive && hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
