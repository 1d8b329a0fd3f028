/** A folder that a MES reads results from: a file a result, there whole or not at all, and there after a power cut. */
import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import type { OutboxEntry } from "../types.js";
import type { Sink } from "./sink.js";

export interface FolderOptions {
  readonly name: string;
  /** Absolute; it must be there: one that is made would hide a share that is not mounted. */
  readonly path: string;
  readonly clock: Clock;
}

const DRAFT = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** ms after which a draft is nobody's work any more. */
const DRAFT_AGE = 3_600_000;

class Folder implements Sink {
  readonly name: string;
  readonly #path: string;
  readonly #clock: Clock;
  #swept = false;
  /** A share that hangs keeps its thread: no second one is given to it. */
  #writing: Promise<void> | undefined;

  constructor({ name, path, clock }: FolderOptions) {
    this.name = name;
    this.#path = path;
    this.#clock = clock;
  }

  async deliver(row: OutboxEntry, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#writing !== undefined) throw this.unreachable("the write before has not come back");
    this.#writing = this.#write(row);
    try {
      await this.#writing;
    } catch (error) {
      throw this.unreachable(describe(error), error);
    } finally {
      this.#writing = undefined;
    }
  }

  async #write({ runId, result }: OutboxEntry): Promise<void> {
    if (!this.#swept) await this.#sweep();
    this.#swept = true;
    const draft = join(this.#path, `.${runId}.${randomBytes(6).toString("hex")}.tmp`);
    try {
      const file = await open(draft, "wx", 0o640);
      try {
        await file.writeFile(`${JSON.stringify(result)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, join(this.#path, `${runId}.json`));
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
    const folder = await open(this.#path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Takes away what a process left that was killed between draft and name. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#path)) {
      if (!DRAFT.test(name)) continue;
      const file = join(this.#path, name);
      const { mtimeMs } = await stat(file);
      if (this.#clock.now() - mtimeMs > DRAFT_AGE) await rm(file, { force: true });
    }
  }

  unreachable(what: string, cause?: unknown): StationError {
    return new StationError("SINK_UNREACHABLE", { details: { sink: this.name, what }, cause });
  }

  /** A write that hangs is left alone: its draft has no name that a reader looks for. */
  async close(): Promise<void> {}
}

export function folderSink(options: FolderOptions): Sink {
  return new Folder(options);
}
