import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { describe, StationError } from "../../src/shared/errors.js";
import { type Flash, type FlashOptions, type PowerPoint, SaveQueue } from "./flash.js";
import { decodeImage, encodeImage } from "./image.js";

/**
 * Flash in a file (mode 0600: it holds private keys). A save writes a temporary file beside it, syncs, renames it over the old one and
 * syncs the folder, so that a SIGKILL or a power cut at any point leaves the old or the new image.
 *
 * @param path of the file; its folder must exist
 */
export function fileFlash(path: string, options: FlashOptions = {}): Flash {
  const file = resolve(path);
  const queue = new SaveQueue(options);
  return {
    load: () => read(file),
    save(image) {
      const bytes = encodeImage(image);
      return queue.run((reach) => replace(file, bytes, reach));
    },
    close: () => queue.idle(),
  };
}

async function read(file: string): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw failed(file, error);
  }
  try {
    return new Uint8Array(decodeImage(bytes));
  } catch (error) {
    throw failed(file, error);
  }
}

async function replace(file: string, bytes: Uint8Array, reach: (point: PowerPoint) => void): Promise<void> {
  reach("begin");
  const temporary = `${file}.new`;
  try {
    // Left behind by a kill, perhaps with another mode.
    await rm(temporary, { force: true });
    const handle = await open(temporary, "wx", 0o600);
    try {
      const half = bytes.length >> 1;
      await writeAll(handle, bytes.subarray(0, half));
      reach("half-written");
      await writeAll(handle, bytes.subarray(half));
      reach("written");
      await handle.sync();
    } finally {
      await handle.close();
    }
    reach("synced");
    await rename(temporary, file);
    reach("renamed");
    await syncFolder(dirname(file));
  } catch (error) {
    throw error instanceof Error && error.name === "PowerCut" ? error : failed(file, error);
  }
  reach("durable");
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Makes the rename itself durable; Windows cannot open a folder and needs no such step. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function failed(file: string, cause: unknown): StationError {
  return new StationError("STORE_FAILED", { details: { what: `${file}: ${describe(cause)}` }, cause });
}
