import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { hasCode } from "./error-code.js";

/**
 * Makes a folder (0700) and those above it; one that is there is left as it is. Node's own `recursive` goes round for ever where a system of
 * files says "no such file" of what cannot be made, as /proc does (seen with Node 20).
 * @throws Error as mkdir: EACCES, ENOTDIR, EEXIST where it is a file …
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, "EEXIST") && statSync(folder).isDirectory()) return;
    const above = dirname(folder);
    if (!hasCode(error, "ENOENT") || existsSync(above)) throw error;
    makeFolder(above);
    makeFolder(folder);
  }
}
