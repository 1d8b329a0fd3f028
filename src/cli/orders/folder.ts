/**
 * Orders as files of a folder, one a unit: `KEY.json` or `KEY.csv`, KEY being the value of one input. An order is taken by a rename into
 * `taken`, where it stays for the unit's next run; a newer one of the folder replaces it, in whichever form it comes. One that is not valid
 * goes into `rejected`, with its reason beside it.
 */
import { constants } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLimit } from "../../shared/abort.js";
import type { Clock } from "../../shared/clock.js";
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

const FORMATS: readonly OrderFormat[] = ["json", "csv"];
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Longest order, bytes. */
const SIZE_LIMIT = 65_536;

/** A file that was taken. */
interface Taken {
  readonly name: string;
  readonly format: OrderFormat;
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
  for (const format of FORMATS) await take(path, `${value}.${format}`);
  const files = await Promise.all(FORMATS.map((format) => read(path, `${value}.${format}`, format)));
  const [file] = files.filter((each) => each !== undefined).sort((a, b) => b.mtimeMs - a.mtimeMs);
  return file && orderOf(path, file);
}

/** Whoever renames it first has it; another station finds it in `taken`. */
async function take(path: string, name: string): Promise<void> {
  const to = join(path, "taken", name);
  try {
    await rename(join(path, name), to);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // Either there is no order, or no folder yet to take it into. The folder of orders itself is the plant's to make.
    await mkdir(join(path, "taken")).catch((failure: unknown) => {
      if (!hasCode(failure, "EEXIST")) throw failure;
    });
    await rename(join(path, name), to).catch(unlessMissing);
  }
}

async function orderOf(path: string, { name, format, bytes }: Taken): Promise<Order> {
  const taken = join(path, "taken", name);
  try {
    if (bytes.length > SIZE_LIMIT) throw invalid(taken, `it is longer than ${SIZE_LIMIT} bytes`);
    return parseOrder(bytes, format, taken);
  } catch (error) {
    if (!isStationError(error, "ORDER_INVALID")) throw error;
    const folder = join(path, "rejected");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.reason.txt`), `${describe(error)}\n`);
    // Another bay may have come before.
    await rename(taken, join(folder, name)).catch(unlessMissing);
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
      const { mtimeMs } = await handle.stat();
      const buffer = Buffer.alloc(SIZE_LIMIT + 1);
      let length = 0;
      for (let last = -1; last !== 0 && length < buffer.length; length += last)
        last = (await handle.read(buffer, length, buffer.length - length, length)).bytesRead;
      return { name, format, mtimeMs, bytes: buffer.subarray(0, length) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    unlessMissing(error);
    return undefined;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
