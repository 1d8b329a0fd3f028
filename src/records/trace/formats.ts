/** The formats by name, and which one a file has. */
import { fromAscii } from "../../shared/bytes.js";
import { ascDecoder, ascEncoder, looksLikeAsc } from "./asc.js";
import { type TraceDecoder, type TraceEncoder, TraceFault } from "./frame.js";
import { logDecoder, logEncoder, looksLikeLog } from "./log.js";
import { pcapngEncoder } from "./pcapng.js";
import { looksLikePcapng, pcapngDecoder } from "./pcapng-read.js";

/** Each is the ending of its files, too. */
export const TRACE_FORMATS = ["log", "asc", "pcapng"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

export const ENCODERS: Readonly<Record<TraceFormat, TraceEncoder>> = {
  log: logEncoder,
  asc: ascEncoder,
  pcapng: pcapngEncoder,
};

/** Bytes of a file's beginning that tell its format. */
export const SNIFFED = 4_096;

interface Found {
  readonly format: TraceFormat;
  readonly decoder: TraceDecoder;
}

/** The format of a file by its first bytes (at most SNIFFED count). @throws TraceFault */
export function detectFormat(bytes: Uint8Array): Found {
  if (looksLikePcapng(bytes)) return { format: "pcapng", decoder: pcapngDecoder() };
  const text = fromAscii(bytes.subarray(0, SNIFFED));
  if (looksLikeLog(text)) return { format: "log", decoder: logDecoder() };
  if (looksLikeAsc(text)) return { format: "asc", decoder: ascDecoder() };
  throw new TraceFault(bytes.length === 0 ? "is empty" : "is no candump log, ASC or pcapng file");
}
