/**
 * What stands in an area of the flash, all big endian: magic `ECUFLASH`, version (4), then records, each of length of its patch (4),
 * sequence number (4), CRC-32 of the rest of the record (4) and the patch: place (4), number of bytes taken out there (4), bytes put in.
 * The first record brings a whole image. Only the last record may be torn; it never counted.
 */
import { crc32 } from "node:zlib";
import { ascii, concat, equalBytes, readUintBE, uintBE } from "../../src/shared/bytes.js";
import { decodeFormerImage, FORMER_VERSION } from "./former.js";

const MAGIC = ascii("ECUFLASH");
const VERSION = 2;
export const AREA_HEADER = concat(MAGIC, uintBE(VERSION, 4));
/** Length, sequence number, CRC. */
const RECORD_HEADER = 12;
/** Place and number of bytes taken out. */
const PATCH_HEADER = 8;

export interface Journal {
  readonly image: Uint8Array;
  /** Of the last sound record. */
  readonly sequence: number;
  /** Where the next record goes; undefined where nothing can be written behind what is there. */
  readonly end: number | undefined;
}

/** The record that makes `next` of `former`: what lies between their common beginning and their common end. */
export function encodeRecord(sequence: number, former: Uint8Array, next: Uint8Array): Uint8Array {
  const shorter = Math.min(former.length, next.length);
  let head = 0;
  while (head < shorter && former[head] === next[head]) head++;
  let tail = 0;
  while (tail < shorter - head && former[former.length - 1 - tail] === next[next.length - 1 - tail]) tail++;
  const patch = concat(
    uintBE(head, 4),
    uintBE(former.length - tail - head, 4),
    next.subarray(head, next.length - tail),
  );
  const [length, number] = [uintBE(patch.length, 4), uintBE(sequence, 4)];
  return concat(length, number, checksum(length, number, patch), patch);
}

/** @throws RangeError saying what is wrong with the area */
export function decodeJournal(area: Uint8Array): Journal {
  if (area.length < AREA_HEADER.length || !equalBytes(area.subarray(0, MAGIC.length), MAGIC))
    throw new RangeError("it is no flash file of this simulator");
  const version = readUintBE(area, MAGIC.length, 4);
  if (version === FORMER_VERSION) return { image: decodeFormerImage(area), sequence: 0, end: undefined };
  if (version !== VERSION) throw new RangeError(`it has version ${version}, this program reads ${VERSION}`);
  let at = AREA_HEADER.length;
  let record = readRecord(area, at);
  if (record === undefined) throw new RangeError(`it is damaged at byte ${at}`);
  let image: Uint8Array = new Uint8Array();
  let sequence = record.sequence;
  while (record !== undefined && record.sequence === sequence) {
    image = applyPatch(image, record.patch, at);
    at += RECORD_HEADER + record.patch.length;
    sequence++;
    record = readRecord(area, at);
  }
  if (hasRecordBehind(area, at, sequence)) throw new RangeError(`it is damaged at byte ${at}`);
  return { image, sequence: sequence - 1, end: at === area.length ? at : undefined };
}

/** The sound record at a place. */
function readRecord(area: Uint8Array, at: number): { sequence: number; patch: Uint8Array } | undefined {
  if (area.length < at + RECORD_HEADER + PATCH_HEADER) return undefined;
  const length = readUintBE(area, at, 4);
  const from = at + RECORD_HEADER;
  if (length < PATCH_HEADER || length > area.length - from) return undefined;
  const patch = area.subarray(from, from + length);
  const sum = checksum(area.subarray(at, at + 4), area.subarray(at + 4, at + 8), patch);
  return equalBytes(sum, area.subarray(at + 8, from)) ? { sequence: readUintBE(area, at + 4, 4), patch } : undefined;
}

/** A torn record is the last one; with a later one behind it, what was lost had counted. */
function hasRecordBehind(area: Uint8Array, from: number, sequence: number): boolean {
  for (let at = from; at + RECORD_HEADER <= area.length; at++)
    if (readUintBE(area, at + 4, 4) === sequence + 1 && readRecord(area, at) !== undefined) return true;
  return false;
}

function applyPatch(image: Uint8Array, patch: Uint8Array, record: number): Uint8Array {
  const [place, taken] = [readUintBE(patch, 0, 4), readUintBE(patch, 4, 4)];
  if (place + taken > image.length) throw new RangeError(`it is damaged at byte ${record}`);
  return concat(image.subarray(0, place), patch.subarray(PATCH_HEADER), image.subarray(place + taken));
}

function checksum(...parts: readonly Uint8Array[]): Uint8Array {
  return uintBE(
    parts.reduce((sum, part) => crc32(part, sum), 0),
    4,
  );
}
