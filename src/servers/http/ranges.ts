/** Ranges of IP addresses in CIDR notation (RFC 4632, RFC 4291 2.3). Pure. IPv4-mapped IPv6 addresses count as IPv4, on both sides. */
import { isIPv4, isIPv6 } from "node:net";
import { ipBytes } from "../../pki/tls.js";

export interface AddressRange {
  /** 4 or 16 bytes of the range's first address. */
  readonly bytes: Uint8Array;
  /** Bits that all its addresses share, 0–32 or 0–128. */
  readonly prefix: number;
}

const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
const MAPPED_BITS = 8 * MAPPED.length;

/** 4 or 16 bytes of an address, without its zone; undefined where it is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  const text = address.replace(/%.*$/s, "");
  if (!isIPv4(text) && !isIPv6(text)) return undefined;
  const bytes = ipBytes(text);
  return isMapped(bytes) ? bytes.slice(MAPPED.length) : bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && MAPPED.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads `10.20.0.0/16`, `2001:db8::/32`, or one address.
 * @returns what is wrong with it where it is no range
 */
export function parseRange(text: string): AddressRange | string {
  const [address = "", length, ...rest] = text.split("/");
  if (rest.length > 0 || (!isIPv4(address) && !isIPv6(address)) || address.includes("%"))
    return "is no IP address or range (expected e.g. 10.20.0.0/16 or 2001:db8::/32)";
  const bytes = ipBytes(address);
  const bits = 8 * bytes.length;
  const prefix = length === undefined ? bits : /^(?:0|[1-9]\d{0,2})$/.test(length) ? Number(length) : bits + 1;
  if (prefix > bits) return `has no prefix length (expected 0–${bits} behind the /)`;
  if (!bytes.every((byte, i) => (byte & ~maskOf(prefix, i)) === 0))
    return `has bits set behind its prefix of ${prefix}`;
  return isMapped(bytes) && prefix >= MAPPED_BITS
    ? { bytes: bytes.slice(MAPPED.length), prefix: prefix - MAPPED_BITS }
    : { bytes, prefix };
}

/** The bits of byte `index` that belong to a prefix. */
function maskOf(prefix: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * index));
  return (0xff00 >> bits) & 0xff;
}

/** Whether an address (4 or 16 bytes) is in the range; one of the other family never is. */
export function inRange({ bytes, prefix }: AddressRange, address: Uint8Array): boolean {
  return (
    bytes.length === address.length && bytes.every((byte, i) => ((byte ^ (address[i] ?? 0)) & maskOf(prefix, i)) === 0)
  );
}

/** What reaches no other machine. */
export const LOOPBACK: readonly AddressRange[] = [
  { bytes: Uint8Array.of(127, 0, 0, 0), prefix: 8 },
  { bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), prefix: 128 },
];

/** Whether a server that listens on this address or name is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const bytes = addressBytes(host);
  return bytes !== undefined && LOOPBACK.some((range) => inRange(range, bytes));
}

/** What stands for one client when things are counted by address: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes === undefined ? address : Buffer.from(bytes.subarray(0, 8)).toString("hex");
}
