import { randomBytes } from "node:crypto";
import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

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
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
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
    if (exclusive && error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
