/** A backup brought back: checked whole before anything is written, and put in place as a whole. */
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makeFolder } from "../../shared/folders.js";
import { reason } from "../files.js";
import { checkEmpty, sync } from "./files.js";
import { type BackupFile, badBackup, digestOf, type Manifest, readManifest } from "./manifest.js";

/**
 * @param dataDir folder that is made, or is there and empty; its owner is given all files where root runs this
 * @throws StationError USAGE where `from` is no whole backup, or the folder holds something
 */
export async function restore(from: string, dataDir: string): Promise<Manifest> {
  const source = resolve(from);
  const manifest = await readManifest(source);
  await checkEmpty(dataDir, "expected a data folder without anything in it: move the former one away");
  for (const file of manifest.files) await check(source, file);
  makeFolder(dataDir);
  const { uid, gid } = await stat(dataDir);
  const give = async (path: string) => {
    if (process.getuid?.() === 0) await chown(path, uid, gid);
  };
  // A restore that is interrupted must not look like a data folder.
  const draft = await mkdtemp(join(dataDir, ".restore-"));
  try {
    await give(draft);
    for (const file of manifest.files) {
      const to = join(draft, file.path);
      await makeFolders(draft, dirname(to), give);
      await copyFile(join(source, file.path), to);
      await chmod(to, file.mode);
      await give(to);
      await sync(to);
    }
    for (const name of await readdir(draft)) await rename(join(draft, name), join(dataDir, name));
    await rmdir(draft);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await sync(dataDir);
  return manifest;
}

async function makeFolders(base: string, folder: string, give: (path: string) => Promise<void>): Promise<void> {
  if (folder === base) return;
  await makeFolders(base, dirname(folder), give);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await give(folder);
}

async function check(source: string, { path, bytes, sha256 }: BackupFile): Promise<void> {
  const file = join(source, path);
  const found = await digestOf(file).catch((error: unknown) => {
    throw badBackup(`${file}: ${reason(error)}`);
  });
  if (found.bytes !== bytes || found.sha256 !== sha256) throw badBackup(`${file}: was changed since the backup`);
}
