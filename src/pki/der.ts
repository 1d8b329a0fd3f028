/**
 * DER (ITU-T X.690) as far as names, PKCS#10 and X.509 need it: single-byte tags, definite lengths in their shortest form.
 * Every reader throws StationError PKI_UNREADABLE.
 */
import { concat } from "../shared/bytes.js";
import { StationError } from "../shared/errors.js";

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  ENUMERATED: 0x0a,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  VISIBLE_STRING: 0x1a,
  UNIVERSAL_STRING: 0x1c,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** One element: its tag byte, its content, and all of its bytes. Views into the buffer that was read. */
export interface DerNode {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

export function unreadable(what: string, cause?: unknown): StationError {
  return new StationError("PKI_UNREADABLE", { details: { what }, cause });
}

/** The element at `offset`; what follows it is left alone. */
export function readDer(bytes: Uint8Array, offset = 0): DerNode {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw unreadable("the data ends inside an element");
  if ((tag & 0x1f) === 0x1f) throw unreadable("a tag of several bytes");
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw unreadable("a length in a form that is not DER");
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
    start += count;
    if (length < 0x80 || length < 256 ** (count - 1)) throw unreadable("a length that is not in its shortest form");
  }
  if (start + length > bytes.length) throw unreadable("an element is longer than its data");
  return { tag, content: bytes.subarray(start, start + length), raw: bytes.subarray(offset, start + length) };
}

/** The one element that fills `bytes`, of that tag where one is given. */
export function readWhole(bytes: Uint8Array, tag?: number, what = "element"): DerNode {
  const node = readDer(bytes);
  if (node.raw.length !== bytes.length) throw unreadable(`bytes follow the ${what}`);
  if (tag !== undefined) expectTag(node, tag, what);
  return node;
}

/** The elements that fill `content`, one after the other. */
export function readAll(content: Uint8Array): DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < content.length; ) {
    const node = readDer(content, at);
    nodes.push(node);
    at += node.raw.length;
  }
  return nodes;
}

export function expectTag(node: DerNode | undefined, tag: number, what: string): DerNode {
  if (node === undefined) throw unreadable(`${what} is missing`);
  if (node.tag !== tag) throw unreadable(`${what} has tag ${node.tag.toString(16).padStart(2, "0")} hex`);
  return node;
}

/** Tag and length of an element whose content has `size` bytes. */
export function header(tag: number, size: number): Uint8Array {
  if (size < 0x80) return Uint8Array.of(tag, size);
  const length: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | length.length, ...length);
}

/** One element of that tag around the parts. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  return concat(header(tag, content.length), content);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tlv(TAG.SEQUENCE, ...parts);
export const octetString = (bytes: Uint8Array): Uint8Array => tlv(TAG.OCTET_STRING, bytes);
/** A BIT STRING of whole bytes. */
export const bitString = (bytes: Uint8Array): Uint8Array => tlv(TAG.BIT_STRING, Uint8Array.of(0), bytes);
export const TRUE = Uint8Array.of(TAG.BOOLEAN, 1, 0xff);

/** The content of a BIT STRING of whole bytes. */
export function readBits(node: DerNode | undefined, what: string): Uint8Array {
  const bits = expectTag(node, TAG.BIT_STRING, what).content;
  if (bits[0] !== 0) throw unreadable(`${what} is not of whole bytes`);
  return bits.subarray(1);
}

/** INTEGER of an unsigned big-endian number of any length. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const magnitude = bytes.length === 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return tlv(TAG.INTEGER, ...((magnitude[0] ?? 0) >= 0x80 ? [Uint8Array.of(0), magnitude] : [magnitude]));
}

/** The content of an INTEGER. */
export function readInteger(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, TAG.INTEGER, what);
  const [first, second] = content;
  if (first === undefined) throw unreadable(`${what} is empty`);
  if (second !== undefined && first === (second < 0x80 ? 0 : 0xff))
    throw unreadable(`${what} is not in its shortest form`);
  return content;
}

/** OBJECT IDENTIFIER of its dotted form. @throws StationError PKI_UNREADABLE when it is none */
export function oid(dotted: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9]\d{0,14}))+$/.test(dotted)) throw unreadable(`${dotted} is no object identifier`);
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  if (first < 2 && second > 39) throw unreadable(`${dotted} is no object identifier`);
  const out: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const septets = [arc % 128];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128))
      septets.unshift((high % 128) | 0x80);
    out.push(...septets);
  }
  return tlv(TAG.OID, Uint8Array.from(out));
}

/** No arc is larger than a UUID (2.25, ITU-T X.667); bounds the work that a request can ask for. */
const MAX_ARC = 2n ** 128n;

/** Dotted form of an OBJECT IDENTIFIER element. */
export function readOid(node: DerNode | undefined, what = "object identifier"): string {
  const { content } = expectTag(node, TAG.OID, what);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const [i, byte] of content.entries()) {
    if (arc === 0n && byte === 0x80) throw unreadable(`${what} is not in its shortest form`);
    arc = arc * 128n + BigInt(byte & 0x7f);
    if (arc >= MAX_ARC) throw unreadable(`${what} has too large an arc`);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0n;
    } else if (i === content.length - 1) throw unreadable(`${what} ends inside an arc`);
  }
  const [head, ...rest] = arcs;
  if (head === undefined) throw unreadable(`${what} is empty`);
  const first = head < 80n ? head / 40n : 2n;
  return [first, head - 40n * first, ...rest].join(".");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const utf16be = (bytes: Uint8Array) => {
  if (bytes.length % 2 !== 0) throw unreadable("a BMPString of half characters");
  const text = Buffer.from(bytes).swap16().toString("utf16le");
  if (/\p{Cs}/u.test(text)) throw unreadable("a BMPString of half characters");
  return text;
};

/** Text of any of the string types; for others undefined. */
export function readText(node: DerNode): string | undefined {
  switch (node.tag) {
    case TAG.UTF8_STRING:
      try {
        return utf8.decode(node.content);
      } catch (error) {
        throw unreadable("a UTF8String that is not UTF-8", error);
      }
    case TAG.PRINTABLE_STRING:
    case TAG.IA5_STRING:
    case TAG.VISIBLE_STRING:
      if (node.content.some((byte) => byte >= 0x80)) throw unreadable("a character outside of its string type");
      return Buffer.from(node.content).toString("latin1");
    case TAG.TELETEX_STRING:
      return Buffer.from(node.content).toString("latin1");
    case TAG.BMP_STRING:
      return utf16be(node.content);
    default:
      return undefined;
  }
}

export function textNode(tag: number, text: string): Uint8Array {
  return tlv(tag, new Uint8Array(Buffer.from(text, "utf8")));
}

function digitsOf(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
}

/** GeneralizedTime to the second, without a fraction (RFC 6960 4.2.2.1). @param ms since the epoch; below a second is cut */
export const generalizedTime = (ms: number): Uint8Array => textNode(TAG.GENERALIZED_TIME, digitsOf(ms));

/** Time as RFC 5280 4.1.2.5 wants it: UTCTime up to 2049, GeneralizedTime later. @param ms since the epoch; below a second is cut */
export function time(ms: number): Uint8Array {
  const digits = digitsOf(ms);
  const year = Number(digits.slice(0, 4));
  return year >= 1950 && year < 2050 ? textNode(TAG.UTC_TIME, digits.slice(2)) : textNode(TAG.GENERALIZED_TIME, digits);
}

/** ms since the epoch of a UTCTime or GeneralizedTime in the form of RFC 5280. */
export function readTime(node: DerNode | undefined, what = "time"): number {
  const text = node === undefined ? "" : Buffer.from(node.content).toString("latin1");
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  const [, yearText = "", ...rest] = match ?? [];
  const wanted = node?.tag === TAG.UTC_TIME ? 2 : node?.tag === TAG.GENERALIZED_TIME ? 4 : 0;
  if (match === null || yearText.length !== wanted) throw unreadable(`${what} is no time`);
  const short = Number(yearText);
  const year = wanted === 4 ? short : short < 50 ? 2000 + short : 1900 + short;
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!real) throw unreadable(`${what} is no time`);
  return date.getTime();
}
