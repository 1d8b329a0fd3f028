/** The allow list as a file that may change while the servers run: the last valid list counts. */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { Clock, Timer } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import { readSettings } from "../../shared/files.js";
import type { Logger } from "../../shared/logger.js";
import { parseAccess, type ReadAccess } from "./access-config.js";
import type { AccessList, Verdict } from "./access-list.js";

export interface AccessFileOptions {
  readonly file: string;
  /** CA of this installation, PEM. */
  readonly own: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often it is looked whether the file changed, ms; default 1000, 100–3600000. */
  readonly checkEvery?: number;
}

interface Loaded extends ReadAccess {
  /** Content of every file that was read, by path. */
  readonly contents: ReadonlyMap<string, string>;
}

/** Reads the list, once. @param own as of parseAccess @throws StationError CONFIG_INVALID with file, line and what was expected */
export async function loadAccess(file: string, own?: string): Promise<Loaded> {
  const folder = dirname(resolve(file));
  const text = await read(file).catch((error: unknown) => {
    throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  });
  const loaded = await parseAccess(text, file, own, (name) => read(resolve(folder, name)));
  const issuers = [...loaded.issuers].map(([name, content]) => [resolve(folder, name), content] as const);
  return { ...loaded, contents: new Map([[file, text], ...issuers]) };
}

async function read(file: string): Promise<string> {
  try {
    return await readSettings(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("there is no such file", { cause: error });
  }
}

export class AccessFile {
  readonly #options: AccessFileOptions;
  readonly #every: number;
  #loaded: Loaded;
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  /** Digest of files that changed, which are taken when they are the same at the next look. */
  #unsettled: string | undefined;
  /** The fault that the log has already. */
  #fault: string | undefined;
  #closed = false;

  private constructor(options: AccessFileOptions, loaded: Loaded) {
    this.#options = options;
    this.#every = options.checkEvery ?? 1_000;
    this.#loaded = loaded;
    this.#plan();
  }

  /** @throws StationError CONFIG_INVALID with file, line and what was expected */
  static async open(options: AccessFileOptions): Promise<AccessFile> {
    const loaded = await loadAccess(options.file, options.own);
    options.logger.info("allow list", { file: options.file, clients: loaded.list.size });
    return new AccessFile(options, loaded);
  }

  /** Judges by the list that counts now. */
  judge(...asked: Parameters<AccessList["judge"]>): Verdict {
    return this.#loaded.list.judge(...asked);
  }

  /** Takes the file as it is now. Where it is not valid, the former list stays and the log says why. */
  reload(): Promise<void> {
    return this.#queue(true);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#work;
  }

  #plan(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.timer(this.#every, () => void this.#queue(false).then(() => this.#plan()));
  }

  #queue(atOnce: boolean): Promise<void> {
    this.#work = this.#work.then(() => this.#look(atOnce));
    return this.#work;
  }

  async #look(atOnce: boolean): Promise<void> {
    const { file, own, logger } = this.#options;
    const before = digestOf(this.#loaded.contents);
    const found = digestOf(await this.#contents());
    if (found === before) {
      this.#unsettled = undefined;
      if (this.#fault !== undefined) logger.info("allow list is again as it counts", { file });
      this.#fault = undefined;
      return;
    }
    // Perhaps somebody is still writing.
    if (!atOnce && found !== this.#unsettled) {
      this.#unsettled = found;
      return;
    }
    try {
      this.#loaded = await loadAccess(file, own);
      this.#fault = undefined;
      logger.info("allow list taken", { file, clients: this.#loaded.list.size });
    } catch (error) {
      const what = describe(error);
      if (what !== this.#fault || atOnce)
        logger.error("allow list not taken, the former one still counts", { file, what });
      this.#fault = what;
    }
  }

  /** The files of the list that counts, as they are now. */
  async #contents(): Promise<ReadonlyMap<string, string>> {
    const paths = [...this.#loaded.contents.keys()];
    return new Map(
      await Promise.all(
        paths.map(async (path) => [path, await read(path).catch((error: unknown) => describe(error))] as const),
      ),
    );
  }
}

function digestOf(contents: ReadonlyMap<string, string>): string {
  return createHash("sha256")
    .update(JSON.stringify([...contents]))
    .digest("hex");
}
