/** Reads a trace of any of the formats. */
import { createReadStream } from "node:fs";
import { concat } from "../../shared/bytes.js";
import { describe, StationError } from "../../shared/errors.js";
import { detectFormat, SNIFFED, type TraceFormat } from "./formats.js";
import { type TraceDecoder, TraceFault, type TraceRecord } from "./frame.js";

/** What `readTrace` says of the file as a whole, once it was read. */
export interface TraceEnd {
  readonly format: TraceFormat;
  /** The last record is cut off: its writer was killed, or the disk was full. */
  readonly cut: boolean;
  /** Packets of a capture that are no CAN frames: those of other interfaces. */
  readonly others: number;
}

/**
 * The records of a file, piece by piece; a file of any size takes little memory.
 * @throws StationError TRACE_UNREADABLE with the file, the place and what was expected there
 */
export async function* readTrace(file: string, signal?: AbortSignal): AsyncGenerator<TraceRecord[], TraceEnd> {
  let found: { format: TraceFormat; decoder: TraceDecoder } | undefined;
  let first: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of createReadStream(file, { ...(signal && { signal }) }) as AsyncIterable<Uint8Array>) {
      if (found !== undefined) {
        yield found.decoder.push(chunk);
        continue;
      }
      first = concat(first, chunk);
      if (first.length < SNIFFED) continue;
      first = withoutMark(first);
      found = detectFormat(first);
      yield found.decoder.push(first);
    }
    if (found === undefined) {
      first = withoutMark(first);
      found = detectFormat(first);
      yield found.decoder.push(first);
    }
    const { records, ...end } = found.decoder.end();
    yield [...records];
    return { format: found.format, ...end };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TraceFault && error.before.length > 0) yield [...error.before];
    throw new StationError("TRACE_UNREADABLE", { details: { what: `${file}: ${reasonOf(error)}` }, cause: error });
  }
}

/** Editors may put a byte order mark before text. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function reasonOf(error: unknown): string {
  if (error instanceof TraceFault) return error.message;
  const code = (error as NodeJS.ErrnoException).code;
  const texts: Record<string, string> = {
    ENOENT: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "it may not be read",
  };
  return texts[code ?? ""] ?? describe(error);
}
