/** Byte helpers without state: hex, concatenation, big-endian integers, constant-time comparison. */

const HEX = /^(?:[0-9a-f]{2})*$/i;

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of a hex string of either case; throws RangeError on an odd length or another character. */
export function fromHex(hex: string): Uint8Array {
  if (!HEX.test(hex)) throw new RangeError("not a hex string of whole bytes");
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** True for hex of exactly `length` bytes (of any length when left out). */
export function isHex(text: string, length?: number): boolean {
  return HEX.test(text) && (length === undefined || text.length === 2 * length);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Big-endian unsigned integer of `length` bytes (1–6). */
export function uintBE(value: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/** Reads `length` bytes (1–6) big-endian at `offset`; throws RangeError past the end. */
export function readUintBE(bytes: Uint8Array, offset: number, length: number): number {
  if (offset + length > bytes.length)
    throw new RangeError(`${length} bytes wanted at ${offset}, ${bytes.length} there`);
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}

/** Plain equality; for public data only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Equality whose time depends on the lengths alone; for MACs, keys and proofs. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Text of `bytes` as Latin-1, so that no byte is lost or refused. */
export function fromAscii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
