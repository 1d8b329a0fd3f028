/** One file of a trace: takes bytes without waiting, and has them on the disk as fast as the disk takes them. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, StationError } from "../../shared/errors.js";
import { makeFolder } from "../../shared/folders.js";

/** What TraceFile needs of an open file; `write` may take less than it is given. */
export interface TraceSink {
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Makes a file that is not there yet, for its owner alone, and its folder. */
export type OpenSink = (path: string) => Promise<TraceSink>;

export const openSink: OpenSink = async (path) => {
  makeFolder(dirname(path));
  const handle = await open(path, "wx", 0o600);
  return {
    write: async (bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
};

/** Most records of one write, so that a slow disk's pile is not joined at one go. */
const BATCH = 10_000;

export class TraceFile {
  #path: string;
  readonly #limit: number;
  readonly #sink: Promise<TraceSink>;
  #waiting: Uint8Array[] = [];
  #size = 0;
  /** Bytes on the disk, all of whole records. */
  #written = 0;
  #work: Promise<void> | undefined;
  #failure: StationError | undefined;

  /** @param limit most bytes that wait for the disk; beyond it the trace ends, so that neither the memory nor the bus has to wait */
  constructor(path: string, limit: number, opener: OpenSink) {
    this.#path = path;
    this.#limit = limit;
    this.#sink = opener(path);
    this.#sink.catch((error: unknown) => this.#fail(error));
  }

  get path(): string {
    return this.#path;
  }

  /** Why nothing more is written: what was given before stands in the file, without a gap. */
  get failure(): StationError | undefined {
    return this.#failure;
  }

  /** Takes whole records. Never waits, never throws. */
  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined || bytes.length === 0) return;
    if (this.#size + bytes.length > this.#limit) {
      this.#fail(new Error(`${this.#limit} bytes wait for the disk`));
      return;
    }
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    this.#work ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      const sink = await this.#sink;
      while (this.#waiting.length > 0) {
        const batch = Buffer.concat(this.#waiting.splice(0, BATCH));
        await this.#put(sink, batch);
        this.#size -= batch.length;
      }
    } catch (error) {
      this.#fail(error);
      this.#waiting = [];
    } finally {
      this.#work = undefined;
    }
  }

  async #put(sink: TraceSink, batch: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < batch.length; ) at += await sink.write(batch.subarray(at), this.#written + at);
      this.#written += batch.length;
    } catch (error) {
      // No half record at the end of what is there.
      await sink.truncate(this.#written).catch(() => undefined);
      throw error;
    }
  }

  #fail(cause: unknown): void {
    this.#failure ??= new StationError("TRACE_INCOMPLETE", {
      details: { file: this.#path, what: describe(cause) },
      cause,
    });
  }

  /** Gives the file another name; writing goes on. A name that is taken or cannot be had leaves the old one. */
  async rename(path: string): Promise<void> {
    await this.#sink.catch(() => undefined);
    if (this.#failure !== undefined) return;
    await rename(this.#path, path);
    this.#path = path;
  }

  /** All is on the disk, or `failure` says why not. Never rejects. */
  async close(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
    const sink = await this.#sink.catch(() => undefined);
    if (sink === undefined) return;
    await sink.sync().catch((error: unknown) => this.#fail(error));
    await sink.close().catch((error: unknown) => this.#fail(error));
  }
}
