/** A device that is asked by lines: opened when it is first needed, one dialogue at a time, opened anew after a fault. */

import type { ByteStream } from "../ecu/link/stream.js";
import { abortable, withLimit } from "../shared/abort.js";
import type { Clock } from "../shared/clock.js";
import { describe, isStationError, StationError } from "../shared/errors.js";

/** Bytes of an answer without an end; more is no instrument. */
const MAX_LINE = 65_536;

export interface Dialogue {
  /** Sends a line that has no answer. @throws StationError POWER_UNREACHABLE */
  tell(line: string): Promise<void>;
  /** The answer's line, without its end. @throws StationError POWER_UNREACHABLE */
  ask(line: string): Promise<string>;
}

export interface InstrumentOptions {
  /** For messages. */
  readonly name: string;
  open(signal: AbortSignal): Promise<ByteStream>;
  /** ms for the connection, and for each line. */
  readonly timeout: number;
  readonly clock: Clock;
}

interface Connection {
  readonly stream: ByteStream;
  readonly answers: string[];
  /** Wakes whoever waits for an answer. */
  wake: () => void;
  gone: Error | undefined;
}

export class Instrument {
  readonly name: string;
  readonly #options: InstrumentOptions;
  #connection: Connection | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: InstrumentOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** A whole dialogue: those of others come before or after it. @throws StationError POWER_UNREACHABLE; as `work` */
  use<T>(signal: AbortSignal, work: (dialogue: Dialogue) => Promise<T>): Promise<T> {
    const before = this.#last;
    const done = (async () => {
      await abortable(before, signal);
      return this.#converse(signal, work);
    })();
    // Whoever gave up waiting must not let the next one in before those ahead of it are done.
    this.#last = Promise.allSettled([before, done]);
    return done;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #converse<T>(signal: AbortSignal, work: (dialogue: Dialogue) => Promise<T>): Promise<T> {
    const dialogue: Dialogue = {
      tell: (line) => this.#limited(signal, line, (own) => this.#tell(line, own)),
      ask: (line) => this.#limited(signal, line, (own) => this.#ask(line, own)),
    };
    try {
      return await work(dialogue);
    } catch (error) {
      // An answer that is still on its way must not be taken for the next one's.
      if (!isStationError(error) || error.code === "POWER_UNREACHABLE" || signal.aborted) await this.#drop();
      throw error;
    }
  }

  async #limited<T>(signal: AbortSignal, line: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timeout } = this.#options;
    const late = () => this.#unreachable(`no answer to ${line} in ${timeout} ms`);
    try {
      return await withLimit(clock, timeout, signal, late, work);
    } catch (error) {
      signal.throwIfAborted();
      if (isStationError(error, "POWER_UNREACHABLE")) throw error;
      throw this.#unreachable(describe(error), error);
    }
  }

  async #tell(line: string, signal: AbortSignal): Promise<void> {
    const { stream } = await this.#open(signal);
    await stream.write(new TextEncoder().encode(`${line}\n`));
  }

  async #ask(line: string, signal: AbortSignal): Promise<string> {
    await this.#tell(line, signal);
    const connection = await this.#open(signal);
    for (;;) {
      const answer = connection.answers.shift();
      if (answer !== undefined) return answer;
      if (connection.gone !== undefined) throw connection.gone;
      const woken = new Promise<void>((resolve) => {
        connection.wake = resolve;
      });
      await abortable(woken, signal);
    }
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    if (this.#connection !== undefined && this.#connection.gone === undefined) return this.#connection;
    await this.#drop();
    const stream = await this.#options.open(signal);
    const connection: Connection = { stream, answers: [], wake: () => undefined, gone: undefined };
    if (signal.aborted) {
      // Opened too late.
      await stream.close();
      signal.throwIfAborted();
    }
    let rest = "";
    stream.onData((chunk) => {
      rest += new TextDecoder("latin1").decode(chunk);
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      connection.answers.push(...lines.map((line) => line.trim()));
      if (rest.length > MAX_LINE) connection.gone = this.#unreachable("its answer has no end");
      connection.wake();
    });
    stream.onClosed((error) => {
      connection.gone = error;
      connection.wake();
    });
    this.#connection = connection;
    return connection;
  }

  async #drop(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.stream.close();
  }

  #unreachable(what: string, cause?: unknown): StationError {
    return new StationError("POWER_UNREACHABLE", { details: { what: `${this.name}: ${what}` }, cause });
  }
}
