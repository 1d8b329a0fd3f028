import { printable } from "./printable.js";

/** What a command has of the process; tests pass streams of their own. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends with SIGINT or SIGTERM, and with SIGHUP where nobody reads files anew on it. */
  readonly signal: AbortSignal;
  /** What the program will answer; 0 unless a command says otherwise. */
  exitCode?: number;
}

/** Exit codes of every command; `run` adds 1 FAIL, 4 TIMEOUT and 5 ABORTED. */
export const EXIT = { OK: 0, FAIL: 1, USAGE: 2, ERROR: 3, TIMEOUT: 4, ABORTED: 5 } as const;

/** Says with what code the program shall end; the command itself goes on to its end. */
export function setExit(io: Io, code: number): void {
  io.exitCode = code;
}

/** Writes one line for people to standard output and waits while its reader is behind. */
export function printLine(io: Io, line: string): Promise<void> {
  return writeAll(io.stdout, `${printable(line)}\n`);
}

/** Writes a value for programs to standard output, exactly as it is. @param indent 0: in one line */
export function printJson(io: Io, value: unknown, indent = 0): Promise<void> {
  return writeAll(io.stdout, `${JSON.stringify(value, undefined, indent)}\n`);
}

/** Writes `text` and waits until the stream has taken it; a reader that went away (EPIPE, a closed terminal's EIO) is no error. */
export function writeAll(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined || isBrokenPipe(error)) resolve();
      else reject(error);
    });
  });
}

export function isBrokenPipe(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "EPIPE" || code === "EIO" || code === "ERR_STREAM_DESTROYED" || code === "ERR_STREAM_WRITE_AFTER_END";
}

/** Options that every command takes. */
export interface GlobalOptions {
  /** Configuration file, as given. */
  readonly config?: string;
  /** Folder of stores, keys and traces, as given. */
  readonly data?: string;
}
