/** Folders of backups: only ones that hold nothing yet are written to. */
import { open, readdir } from "node:fs/promises";
import { badBackup } from "./manifest.js";

/** @throws StationError USAGE where `folder` is there and holds something */
export async function checkEmpty(folder: string, hint: string): Promise<void> {
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error.code === "ENOTDIR" ? badBackup(`${folder}: is no folder`) : error;
  });
  if (there.length > 0) throw badBackup(`${folder}: is not empty (${hint})`);
}

/** Brings a file or a folder's entries to the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Windows has no such thing for folders.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  } finally {
    await handle.close();
  }
}
