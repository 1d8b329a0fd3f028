import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Flash, FlashOptions } from "./flash.js";
import { JournalledFlash } from "./journalled.js";
import type { Area, FlashPort } from "./port.js";

/**
 * Flash in a file (mode 0600: it holds private keys), whose spare area is a second file beside it while one is written. A SIGKILL or a
 * power cut at any point leaves the old or the new image.
 *
 * @param path of the file; its folder must exist
 */
export function fileFlash(path: string, options: FlashOptions = {}): Flash {
  const file = resolve(path);
  return new JournalledFlash(new FilePort(file), file, options);
}

class FilePort implements FlashPort {
  readonly #paths: Readonly<Record<Area, string>>;
  /** Open ones. */
  readonly #handles: { [area in Area]?: FileHandle } = {};

  constructor(file: string) {
    this.#paths = { used: file, spare: `${file}.new` };
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      return new Uint8Array(await readFile(this.#paths.used));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async erase(): Promise<void> {
    await this.#close("spare");
    // Left behind by a kill, perhaps with another mode.
    await rm(this.#paths.spare, { force: true });
    this.#handles.spare = await open(this.#paths.spare, "wx", 0o600);
  }

  async write(area: Area, at: number, bytes: Uint8Array): Promise<void> {
    const handle = await this.#open(area);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  }

  async sync(area: Area): Promise<void> {
    await (await this.#open(area)).datasync();
  }

  async swap(): Promise<void> {
    await this.#close("spare");
    await this.#close("used");
    await rename(this.#paths.spare, this.#paths.used);
    await syncFolder(dirname(this.#paths.used));
  }

  async close(): Promise<void> {
    await this.#close("spare");
    await this.#close("used");
  }

  async #open(area: Area): Promise<FileHandle> {
    const handle = this.#handles[area] ?? (await open(this.#paths[area], "r+"));
    this.#handles[area] = handle;
    return handle;
  }

  async #close(area: Area): Promise<void> {
    const handle = this.#handles[area];
    delete this.#handles[area];
    await handle?.close();
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
