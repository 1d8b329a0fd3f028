/** The slcan (Lawicel) text protocol: lines that end in CR, BEL for a refusal. Pure. */
import { fromAscii } from "../../../shared/bytes.js";
import { DLC_LENGTH, frameFault, LENGTH_DLC } from "../frames.js";
import type { CanFrame } from "../link.js";

const CR = 13;
const LF = 10;
const BEL = 7;
/** Longest line: extended identifier, 64 bytes, time stamp of 8 digits. What is longer is garbage. */
const MAX_LINE = 1 + 8 + 1 + 128 + 8;
const HEX = [..."0123456789ABCDEF"].map((digit) => digit.charCodeAt(0));

const NIBBLE = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  NIBBLE[HEX[i] ?? 0] = i;
  NIBBLE["0123456789abcdef".charCodeAt(i)] = i;
}

interface FrameKind {
  readonly extended: boolean;
  readonly remote: boolean;
  readonly fd: boolean;
  readonly brs: boolean;
}
const kind = (extended: boolean, remote: boolean, fd: boolean, brs: boolean): FrameKind => ({
  extended,
  remote,
  fd,
  brs,
});

/** What each frame letter means. */
const FRAME_KINDS: ReadonlyMap<number, FrameKind> = new Map(
  Object.entries({
    t: kind(false, false, false, false),
    T: kind(true, false, false, false),
    r: kind(false, true, false, false),
    R: kind(true, true, false, false),
    d: kind(false, false, true, false),
    D: kind(true, false, true, false),
    b: kind(false, false, true, true),
    B: kind(true, false, true, true),
  }).map(([letter, value]) => [letter.charCodeAt(0), value]),
);

function letterOf(frame: CanFrame): string {
  const letter = frame.remote === true ? "r" : frame.fd === true ? (frame.brs === true ? "b" : "d") : "t";
  return frame.extended ? letter.toUpperCase() : letter;
}

/**
 * One frame as a line with its CR.
 *
 * @param timestamp ms modulo 60,000, appended as four digits (after `Z1`)
 * @throws RangeError for an identifier or a length that no frame has
 */
export function encodeFrame(frame: CanFrame, timestamp?: number): Uint8Array {
  const fault = frameFault(frame);
  if (fault !== undefined) throw new RangeError(fault);
  const idDigits = frame.extended ? 8 : 3;
  const size = frame.data.length;
  const dlc = LENGTH_DLC.get(size) ?? 0;
  const bytes = frame.remote === true ? 0 : size;
  const line = new Uint8Array(1 + idDigits + 1 + 2 * bytes + (timestamp === undefined ? 0 : 4) + 1);
  line[0] = letterOf(frame).charCodeAt(0);
  let at = putHex(line, 1, frame.id, idDigits);
  at = putHex(line, at, dlc, 1);
  for (let i = 0; i < bytes; i++) at = putHex(line, at, frame.data[i] ?? 0, 2);
  if (timestamp !== undefined) at = putHex(line, at, timestamp, 4);
  line[at] = CR;
  return line;
}

function putHex(line: Uint8Array, at: number, value: number, digits: number): number {
  for (let i = digits - 1; i >= 0; i--) line[at + digits - 1 - i] = HEX[(value >>> (4 * i)) & 15] ?? 0;
  return at + digits;
}

function readHex(line: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = 0; i < digits; i++) {
    const nibble = NIBBLE[line[at + i] ?? 0] ?? -1;
    if (nibble < 0) return -1;
    value = value * 16 + nibble;
  }
  return value;
}

/** True when the line begins as a frame does. */
export function isFrameLine(line: Uint8Array): boolean {
  return FRAME_KINDS.has(line[0] ?? 0);
}

/** The frame of a line without its CR; a time stamp of 4 or 8 digits may follow. Undefined for anything malformed. */
export function parseFrame(line: Uint8Array): CanFrame | undefined {
  const form = FRAME_KINDS.get(line[0] ?? 0);
  if (form === undefined) return undefined;
  const idDigits = form.extended ? 8 : 3;
  const id = readHex(line, 1, idDigits);
  const dlc = readHex(line, 1 + idDigits, 1);
  if (line.length < 2 + idDigits || id < 0 || dlc < 0) return undefined;
  if (id > (form.extended ? 0x1fffffff : 0x7ff) || (dlc > 8 && !form.fd)) return undefined;
  const size = form.remote ? 0 : (DLC_LENGTH[dlc] ?? 0);
  const start = 2 + idDigits;
  const rest = line.length - start - 2 * size;
  if (rest !== 0 && rest !== 4 && rest !== 8) return undefined;
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const byte = readHex(line, start + 2 * i, 2);
    if (byte < 0) return undefined;
    data[i] = byte;
  }
  if (rest > 0 && readHex(line, start + 2 * size, rest) < 0) return undefined;
  return {
    id,
    extended: form.extended,
    data,
    ...(form.fd ? { fd: true, brs: form.brs } : {}),
    ...(form.remote ? { remote: true } : {}),
  };
}

export interface LineHandler {
  /** A line without its CR; only valid during the call. */
  line(bytes: Uint8Array): void;
  /** BEL. */
  bell(): void;
}

/**
 * Cuts a stream of bytes into lines. A line that grows too long is dropped up to its CR, and the next one counts again.
 * An LF at the beginning of a line is left out: some programs and adapters end lines with CR LF.
 */
export class LineSplitter {
  readonly #handler: LineHandler;
  readonly #partial = new Uint8Array(MAX_LINE);
  #length = 0;
  #overlong = false;

  constructor(handler: LineHandler) {
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === LF && i === start && this.#length === 0 && !this.#overlong) start++;
      if (byte !== CR && byte !== BEL) continue;
      const piece = chunk.subarray(start, i);
      start = i + 1;
      if (byte === BEL) {
        // BEL stands alone; what came before it on the line is garbage.
        this.#reset();
        this.#handler.bell();
      } else if (this.#length === 0 && !this.#overlong && piece.length <= MAX_LINE) {
        this.#handler.line(piece);
      } else {
        this.#keep(piece);
        const whole = this.#overlong ? undefined : this.#partial.slice(0, this.#length);
        this.#reset();
        if (whole !== undefined) this.#handler.line(whole);
      }
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(piece: Uint8Array): void {
    if (this.#length + piece.length > MAX_LINE) this.#overlong = true;
    if (this.#overlong) return;
    this.#partial.set(piece, this.#length);
    this.#length += piece.length;
  }

  #reset(): void {
    this.#length = 0;
    this.#overlong = false;
  }
}

/** What a line from the adapter is. */
type AdapterLine =
  | { readonly kind: "frame"; readonly frame: CanFrame }
  /** Bare CR, `z`CR (11 bit) or `Z`CR (29 bit): a command was taken. It says nothing about the bus. */
  | { readonly kind: "ack" }
  /** `Fxx`: status flags. */
  | { readonly kind: "status"; readonly flags: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "garbage" };

const LETTER = { z: 0x7a, Z: 0x5a, F: 0x46 } as const;

export function parseAdapterLine(line: Uint8Array): AdapterLine {
  if (line.length === 0) return { kind: "ack" };
  if (line.length === 1 && (line[0] === LETTER.z || line[0] === LETTER.Z)) return { kind: "ack" };
  if (isFrameLine(line)) {
    const frame = parseFrame(line);
    return frame === undefined ? { kind: "garbage" } : { kind: "frame", frame };
  }
  if (line.length === 3 && line[0] === LETTER.F) {
    const flags = readHex(line, 1, 2);
    return flags < 0 ? { kind: "garbage" } : { kind: "status", flags };
  }
  return line.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? { kind: "text", text: fromAscii(line) }
    : { kind: "garbage" };
}

/** Bits of the `F` status byte (CAN232 manual). */
export const STATUS_FLAGS = {
  rxFull: 0x01,
  txFull: 0x02,
  errorWarning: 0x04,
  overrun: 0x08,
  errorPassive: 0x20,
  arbitrationLost: 0x40,
  busError: 0x80,
} as const;
