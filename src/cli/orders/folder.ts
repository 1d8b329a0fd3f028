/**
 * Orders as files of a folder, one a unit: `KEY.json` or `KEY.csv`, KEY being the value of one input. An order is taken by a rename into
 * `taken`, where it stays for the unit's next run; what the folder has replaces it, in whichever form it comes. One that is not valid goes
 * into `rejected`, with its reason beside it.
 */
import { constants } from "node:fs";
import { lstat, mkdir, open, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLimit } from "../../shared/abort.js";
import type { Clock } from "../../shared/clock.js";
import { hasCode } from "../../shared/error-code.js";
import { describe, isStationError } from "../../shared/errors.js";
import type { Order, OrderSource } from "../../station/ports.js";
import { invalid, type OrderFormat, parseOrder, unreachable } from "./order.js";

export interface FolderOrders {
  /** Absolute. */
  readonly path: string;
  /** Name of the input that files are named by. */
  readonly key: string;
  /** ms until a folder that does not answer, as one of a share may, counts as out of reach; 100–600,000. */
  readonly timeout: number;
}

/** Of two that are of one time, the latter counts. */
const FORMATS: readonly OrderFormat[] = ["csv", "json"];
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Longest order, bytes. */
const SIZE_LIMIT = 65_536;

/** A file that was taken. */
interface Taken {
  readonly name: string;
  readonly format: OrderFormat;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /** Up to one byte more than an order may have. */
  readonly bytes: Uint8Array;
}

export function folderOrders({ path, key, timeout }: FolderOrders, clock: Clock): OrderSource {
  return {
    async orderFor(_profile, given, _missing, signal) {
      const value = given[key];
      // No file can have such a name.
      if (value === undefined || !FILE_NAME.test(value)) return undefined;
      const onLimit = () => unreachable(path, `no answer within ${timeout} ms`);
      try {
        return await withLimit(clock, timeout, signal, onLimit, () => newest(path, value));
      } catch (error) {
        signal.throwIfAborted();
        throw isStationError(error) ? error : unreachable(path, describe(error), error);
      }
    },
  };
}

async function newest(path: string, value: string): Promise<Order | undefined> {
  const names = FORMATS.map((format) => `${value}.${format}`);
  let taken: string | undefined;
  for (const name of await waiting(path, names)) taken = (await take(path, name)) ? name : undefined;
  // Only by whoever took the newest: another one's look into the folder may be older than what stands in `taken` by now.
  if (taken !== undefined)
    for (const former of names.filter((name) => name !== taken))
      await unlink(join(path, "taken", former)).catch(unlessMissing);
  const files = await Promise.all(FORMATS.map((format) => read(path, `${value}.${format}`, format)));
  // Two are there where somebody is just replacing one, or was stopped in it. A copied file brings its mtime along, but never its ctime.
  const [file] = files
    .filter((each) => each !== undefined)
    .reverse()
    .sort((a, b) => b.ctimeMs - a.ctimeMs || b.mtimeMs - a.mtimeMs);
  return file && orderOf(path, file);
}

/** Those of the names that the folder has, the newest last. Its `taken` is there then; the folder itself is the plant's to make. */
async function waiting(path: string, names: readonly string[]): Promise<string[]> {
  await mkdir(join(path, "taken")).catch((failure: unknown) => {
    if (!hasCode(failure, "EEXIST")) throw failure;
  });
  const found: { readonly name: string; readonly mtimeMs: number }[] = [];
  for (const name of names) {
    const file = await lstat(join(path, name)).catch(unlessMissing);
    if (file !== undefined) found.push({ name, mtimeMs: file.mtimeMs });
  }
  return found.sort((a, b) => a.mtimeMs - b.mtimeMs).map(({ name }) => name);
}

/** Whoever renames it first has it; false for another station, which finds it in `taken`. */
async function take(path: string, name: string): Promise<boolean> {
  try {
    await rename(join(path, name), join(path, "taken", name));
    return true;
  } catch (error) {
    unlessMissing(error);
    return false;
  }
}

async function orderOf(path: string, { name, format, bytes }: Taken): Promise<Order> {
  const folder = join(path, "rejected");
  const rejected = join(folder, name);
  const taken = join(path, "taken", name);
  try {
    // Where people find it if it is not valid.
    if (bytes.length > SIZE_LIMIT) throw invalid(rejected, `it is longer than ${SIZE_LIMIT} bytes`);
    return { ...parseOrder(bytes, format, rejected), source: taken };
  } catch (error) {
    if (!isStationError(error, "ORDER_INVALID")) throw error;
    await mkdir(folder, { recursive: true });
    await writeFile(`${rejected}.reason.txt`, `${describe(error)}\n`);
    // Another bay may have come before.
    await rename(taken, rejected).catch(unlessMissing);
    throw error;
  }
}

/** Undefined where it is not there. */
async function read(path: string, name: string, format: OrderFormat): Promise<Taken | undefined> {
  const file = join(path, "taken", name);
  try {
    // Neither does a link lead elsewhere, nor does a pipe wait for a writer.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { ctimeMs, mtimeMs } = await handle.stat();
      const buffer = Buffer.alloc(SIZE_LIMIT + 1);
      let length = 0;
      for (let last = -1; last !== 0 && length < buffer.length; length += last)
        last = (await handle.read(buffer, length, buffer.length - length, length)).bytesRead;
      return { name, format, ctimeMs, mtimeMs, bytes: buffer.subarray(0, length) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    unlessMissing(error);
    return undefined;
  }
}

function unlessMissing(error: unknown): undefined {
  if (!hasCode(error, "ENOENT")) throw error;
}
