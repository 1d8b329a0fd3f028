/** Messages of ISO 14230-2: `Fmt [Tgt Src] [Len] data CS`, and the key bytes that say which header forms an ECU takes. Pure. */

/** Bits 7–6 of Fmt (A1 A0): no addresses, exception mode (the headers of OBD, without a length), physical, functional. */
const MODES = ["none", "exception", "physical", "functional"] as const;
export type Mode = (typeof MODES)[number];

/** Longest message that a Len byte can say, and that fits Fmt's bits 5–0. */
export const MAX_LENGTH = 255;
const MAX_SHORT_LENGTH = 63;

/** Header forms that an ECU takes. */
export interface HeaderForms {
  /** Tgt and Src. */
  readonly addresses: boolean;
  /** The length in Fmt, for up to 63 bytes. */
  readonly lengthInFmt: boolean;
  /** The length in a byte of its own. */
  readonly lengthByte: boolean;
}

export const ALL_FORMS: HeaderForms = { addresses: true, lengthInFmt: true, lengthByte: true };

/** A message to or from somebody; without addresses target and source are undefined. */
export interface KlineMessage {
  readonly functional: boolean;
  readonly target: number | undefined;
  readonly source: number | undefined;
  /** 1–255 bytes. */
  readonly data: Uint8Array;
}

/** Longest message in one of `forms`. */
export function maxLength(forms: HeaderForms): number {
  return forms.lengthByte ? MAX_LENGTH : MAX_SHORT_LENGTH;
}

/** Sum of all bytes modulo 256. */
export function checksum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

/**
 * A physical or functional message in the shortest header that `forms` allow; functional ones always have addresses.
 * @throws RangeError for a length that no form holds: the caller has checked it by `maxLength`
 */
export function encodeMessage(
  mode: "physical" | "functional",
  target: number,
  source: number,
  data: Uint8Array,
  forms: HeaderForms,
): Uint8Array {
  if (data.length === 0 || data.length > maxLength(forms)) throw new RangeError(`${data.length} bytes of data`);
  const addressed = forms.addresses || mode === "functional";
  const short = forms.lengthInFmt && data.length <= MAX_SHORT_LENGTH;
  const fmt = (MODES.indexOf(addressed ? mode : "none") << 6) | (short ? data.length : 0);
  const header = [fmt, ...(addressed ? [target, source] : []), ...(short ? [] : [data.length])];
  const message = Uint8Array.of(...header, ...data, 0);
  message[message.length - 1] = checksum(message.subarray(0, -1));
  return message;
}

export interface Header {
  readonly mode: Mode;
  readonly target: number | undefined;
  readonly source: number | undefined;
  /** Place of the first data byte. */
  readonly dataAt: number;
  /** Data bytes; undefined in exception mode, where silence ends the message. */
  readonly length: number | undefined;
}

/** The header that `bytes` begin with; undefined while it is not whole; `invalid` for a Len byte of 0. */
export function readHeader(bytes: readonly number[]): Header | "invalid" | undefined {
  const [fmt, target, source] = bytes;
  if (fmt === undefined) return undefined;
  const mode = MODES[fmt >> 6] ?? "none";
  if (mode === "exception") return { mode, target, source, dataAt: 3, length: undefined };
  const addresses = mode === "none" ? 0 : 2;
  const short = fmt & MAX_SHORT_LENGTH;
  const dataAt = 1 + addresses + (short === 0 ? 1 : 0);
  if (bytes.length < dataAt) return undefined;
  const length = short === 0 ? (bytes[dataAt - 1] ?? 0) : short;
  if (length === 0) return "invalid";
  return addresses === 0
    ? { mode, target: undefined, source: undefined, dataAt, length }
    : { mode, target, source, dataAt, length };
}

/** Bits of key byte 1 (ISO 14230-2, key bytes). */
const KEY_BIT = { AL0: 0x01, AL1: 0x02, HB0: 0x04, HB1: 0x08 } as const;
/** Key byte 2 of every ECU of ISO 14230-2; others belong to other protocols (08 08 and 94 94: ISO 9141-2). */
const KEY_BYTE_2 = 0x8f;
/** Key bytes of an ECU with Tgt and Src, both length forms, and normal timing (key word 2027). */
export const KEY_BYTES_ALL: Uint8Array = Uint8Array.of(0x6b, KEY_BYTE_2);

/** Header forms by the key bytes; where they say nothing of a form, both are taken. Undefined: not an ECU of ISO 14230-2. */
export function formsOf(kb1: number, kb2: number): HeaderForms | undefined {
  if (kb2 !== KEY_BYTE_2) return undefined;
  const has = (bit: keyof typeof KEY_BIT) => (kb1 & KEY_BIT[bit]) !== 0;
  const anyLength = !has("AL0") && !has("AL1");
  return {
    addresses: has("HB1") || !has("HB0"),
    lengthInFmt: has("AL0") || anyLength,
    lengthByte: has("AL1") || anyLength,
  };
}
