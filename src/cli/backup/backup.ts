/**
 * A copy of the data folder, taken while programs write to it.
 *
 * Every store is one instant of itself. The station's records come first, the servers' stores behind them: a server then knows at least what
 * the station knows of it, as after a crash that lost answers, which is what an interrupted run is taken up from. The kept head of an audit
 * chain is read before its store, so that it is in the chain; key files behind all stores, so that none is missing that a store names.
 */
import { chmod, copyFile, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { headFile } from "../../audit/head-file.js";
import { copyDatabase, refuseLost } from "../../db/database.js";
import type { Clock } from "../../shared/clock.js";
import { makeFolder } from "../../shared/folders.js";
import { programVersion } from "../../shared/paths.js";
import type { StationConfig } from "../config.js";
import { checkEmpty, sync } from "./files.js";
import { type BackupFile, badBackup, digestOf, type Manifest, manifestFile } from "./manifest.js";

const STORE = /\.sqlite$/;
const HEAD = /\.sqlite\.head$/;
/** What belongs to a running program: locks, drafts, SQLite's own files beside a store. */
const PASSING = /(?:\.lock|\.tmp|-wal|-shm|-journal)$/;

/**
 * @param to folder that is made; it may be there where it is empty
 * @throws StationError USAGE where there is nothing to back up, or something in the way; STORE_LOST
 */
export async function backUp({ dataDir, traces }: StationConfig, to: string, clock: Clock): Promise<Manifest> {
  const target = resolve(to);
  if (isWithin(dataDir, target)) throw badBackup(`${to}: is in the data folder itself (expected another place)`);
  const found = (await filesOf(dataDir, traces.folder)).filter((file) => !PASSING.test(file));
  const stores = found.filter((file) => STORE.test(file));
  const heads = new Set(stores.map(headFile));
  const others = found.filter((file) => !STORE.test(file) && !heads.has(file));
  if (found.length === 0) throw badBackup(`${dataDir}: there is nothing to back up (expected --data, --config)`);
  for (const head of found.filter((file) => HEAD.test(file))) await refuseLost(head.replace(HEAD, ".sqlite"), head);
  await checkEmpty(target, "expected a new folder for each backup");
  makeFolder(target);
  const at = new Date(clock.now()).toISOString();
  const files: BackupFile[] = [];
  const place = async (file: string, copy: (to: string) => Promise<void>) => {
    const path = relative(dataDir, file);
    const copied = join(target, path);
    makeFolder(dirname(copied));
    const mode = (await stat(file)).mode & 0o777;
    await copy(copied);
    await chmod(copied, mode);
    await sync(copied);
    files.push({ path: path.replaceAll(sep, "/"), ...(await digestOf(copied)), mode });
  };
  for (const store of stores) {
    const head = headFile(store);
    if (found.includes(head)) await place(head, (copied) => copyFile(head, copied));
    await place(store, (copied) => copyDatabase(store, copied));
  }
  for (const file of others) await place(file, (copied) => copyFile(file, copied));
  const manifest: Manifest = { schema: 1, program: programVersion(), at, files };
  await writeFile(manifestFile(target), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  await sync(target);
  return manifest;
}

const isWithin = (folder: string, path: string) => path === folder || path.startsWith(folder + sep);

/** Files below `folder`, sorted; none where it is not there. @param without a folder that is left out */
async function filesOf(folder: string, without: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && path !== without) files.push(...(await filesOf(path, without)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}
