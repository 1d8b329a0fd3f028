/**
 * Orders as files of a folder, one a unit: `KEY.json` or `KEY.csv`, KEY being the value of one input. An order is taken by a rename into
 * `taken`, where it stays for the unit's next run; a newer one of the folder replaces it. One that is not valid goes into `rejected`, with
 * its reason beside it.
 */
import { constants } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, isStationError } from "../../shared/errors.js";
import type { Order, OrderSource } from "../../station/ports.js";
import { parseOrder, unreachable } from "./order.js";

export interface FolderOrders {
  /** Absolute. */
  readonly path: string;
  /** Name of the input that files are named by. */
  readonly key: string;
}

const FORMATS = ["json", "csv"] as const;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Longest order, bytes. */
const SIZE_LIMIT = 65_536;

export function folderOrders({ path, key }: FolderOrders): OrderSource {
  return {
    async orderFor(_profile, given, _missing, signal) {
      const value = given[key];
      // No file can have such a name.
      if (value === undefined || !FILE_NAME.test(value)) return undefined;
      try {
        for (const format of FORMATS) {
          signal.throwIfAborted();
          await take(path, `${value}.${format}`);
        }
        for (const format of FORMATS) {
          const order = await read(path, `${value}.${format}`, format);
          if (order !== undefined) return order;
        }
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        throw isStationError(error) ? error : unreachable(path, describe(error), error);
      }
    },
  };
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
      if (!(failure instanceof Error && "code" in failure && failure.code === "EEXIST")) throw failure;
    });
    await rename(join(path, name), to).catch((failure: unknown) => {
      if (!isMissing(failure)) throw failure;
    });
  }
}

async function read(path: string, name: string, format: "json" | "csv"): Promise<Order | undefined> {
  const taken = join(path, "taken", name);
  let text: string;
  try {
    text = await readText(taken);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return parseOrder(text, format, taken);
  } catch (error) {
    if (!isStationError(error, "ORDER_INVALID")) throw error;
    const folder = join(path, "rejected");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.reason.txt`), `${describe(error)}\n`);
    await rename(taken, join(folder, name));
    throw error;
  }
}

async function readText(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.alloc(SIZE_LIMIT + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    if (bytesRead > SIZE_LIMIT) throw new Error(`${file} is longer than ${SIZE_LIMIT} bytes`);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
