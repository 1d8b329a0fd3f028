/** What a trace holds, whatever its format. */

/** A CAN or CAN FD frame, or the kernel's error frame. */
export interface TraceFrame {
  /** Identifier: 11 bits, or 29 when `extended`; with `error` the error class (linux/can/error.h), 29 bits. */
  readonly id: number;
  readonly extended: boolean;
  /** 0–8 bytes; up to 64 with `fd`. Of a remote frame as many bytes as its DLC says, which are not sent. */
  readonly data: Uint8Array;
  readonly fd?: boolean;
  /** Bit-rate switch, CAN FD only. */
  readonly brs?: boolean;
  readonly remote?: boolean;
  /** No frame of the bus: what the adapter says about it. */
  readonly error?: boolean;
}

/** `tx`: sent by the station. */
export type TraceDirection = "tx" | "rx";

export interface FrameRecord {
  readonly kind: "frame";
  /** µs since the epoch, a whole number. */
  readonly at: number;
  /** Undefined where the file does not say it. */
  readonly direction: TraceDirection | undefined;
  readonly frame: TraceFrame;
}

/** What happened to the link, in words. */
export interface NoteRecord {
  readonly kind: "note";
  /** µs since the epoch. */
  readonly at: number;
  /** One line. */
  readonly text: string;
}

export type TraceRecord = FrameRecord | NoteRecord;

/** What stands at the head of a trace. */
export interface TraceHead {
  /** µs since the epoch, whole milliseconds. */
  readonly startedAt: number;
  /** Program and version. */
  readonly program: string;
  /** URL of the link. */
  readonly link: string;
}

/** Makes a trace's bytes; the same for every format. */
export interface TraceEncoder {
  head(head: TraceHead): Uint8Array;
  /** Empty where the format has no place for the record. */
  record(record: TraceRecord, head: TraceHead): Uint8Array;
  /** What follows the last record. */
  end(head: TraceHead): Uint8Array;
}

/** Takes a trace's bytes in pieces of any size. Both calls throw TraceFault; nothing is read behind it. */
export interface TraceDecoder {
  push(bytes: Uint8Array): TraceRecord[];
  /** What is left at the file's end, whether its last record is cut off, and how many packets are no CAN frames. */
  end(): { readonly records: readonly TraceRecord[]; readonly cut: boolean; readonly others: number };
}

/** The file is not what it seemed to be: where, and what was expected. */
export class TraceFault extends Error {
  /** @param before what the same piece of the file held before the fault */
  constructor(
    message: string,
    readonly before: readonly TraceRecord[] = [],
  ) {
    super(message);
  }
}

export const MAX_ID = { standard: 0x7ff, extended: 0x1fff_ffff } as const;

/** Lengths that CAN FD has above 8, by their DLC (ISO 11898-1). */
const FD_LENGTHS = [12, 16, 20, 24, 32, 48, 64] as const;

/** DLC of a data length. */
export function dlcOf(length: number): number {
  return length <= 8 ? length : 9 + FD_LENGTHS.findIndex((known) => known >= length);
}

/** True for the lengths that a frame can have. */
export function isFrameLength(length: number, fd: boolean): boolean {
  return length <= 8 || (fd && FD_LENGTHS.some((known) => known === length));
}
