/** Certificate revocation lists (RFC 5280 clause 5): version 2, whole or the part that one distribution point names. */
import { concat, fromHex } from "../shared/bytes.js";
import type { Issuer } from "./certificate.js";
import { bitString, header, integer, sequence, TAG, time, tlv } from "./der.js";
import { authorityKey, CRL_EXTENSION, extension, uri } from "./extensions.js";
import { type Hash, signatureAlgorithm } from "./keys.js";

/** CRLReason (RFC 5280 5.3.1) as far as this service gives reasons; "unspecified" is the absence of one. */
export const CRL_REASON = { superseded: 4 } as const;

const VERSION_2 = Uint8Array.of(TAG.INTEGER, 1, 1);

export interface CrlEntry {
  /** Content of the certificate's serial INTEGER, hex. */
  readonly serial: string;
  /** ms since the epoch; below a second is cut. */
  readonly revokedAt: number;
  /** CRLReason; null = unspecified, which is left out. */
  readonly reason: number | null;
}

/** CRLReason as ENUMERATED. */
export const enumerated = (value: number) => tlv(TAG.ENUMERATED, Uint8Array.of(value));

/** Elements of revokedCertificates, one after the other, DER. */
export function encodeCrlEntries(entries: readonly CrlEntry[]): Uint8Array {
  return concat(
    ...entries.map(({ serial, revokedAt, reason }) => {
      const extensions =
        reason === null ? [] : [sequence(extension(CRL_EXTENSION.reasonCode, false, enumerated(reason)))];
      return sequence(tlv(TAG.INTEGER, fromHex(serial)), time(revokedAt), ...extensions);
    }),
  );
}

export interface CrlInput {
  readonly issuer: Issuer;
  /** Rises with every list of the same part. */
  readonly number: number;
  /** ms since the epoch; below a second is cut. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** From `encodeCrlEntries`, in any number of pieces. */
  readonly entries: readonly Uint8Array[];
  /** Addresses by which certificates name this part; empty for a list of all that the CA issued. */
  readonly addresses: readonly string[];
  readonly hash: Hash;
  /** ECDSA signature (DER) by the issuer over the bytes. */
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
  /** Lets others run in between, for a list can have megabytes. */
  readonly breathe: () => Promise<void>;
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

function extensionsOf({ issuer, number, addresses }: CrlInput): Uint8Array[] {
  const list = [
    authorityKey(issuer.keyIdentifier, false),
    extension(CRL_EXTENSION.crlNumber, false, integer(numberBytes(number))),
  ];
  if (addresses.length > 0) {
    // Every address stands in it: a verifier takes the list only if one of them is the certificate's own (RFC 5280 6.3.3 (b)(2)).
    const point = tlv(0xa0, tlv(0xa0, ...addresses.map(uri)));
    list.push(extension(CRL_EXTENSION.issuingDistributionPoint, true, sequence(point)));
  }
  return list;
}

/** Most bytes of an element's tag and length, and of a signature's BIT STRING. */
const MAX_HEADER = 6;
const MAX_SIGNATURE = 160;
/** Bytes that are put together in one go. */
const SLICE = 65_536;

/** All parts in one piece of memory, with room before and behind. */
async function assemble(
  parts: readonly Uint8Array[],
  room: { readonly before: number; readonly behind: number },
  breathe: CrlInput["breathe"],
): Promise<Uint8Array> {
  const whole = new Uint8Array(room.before + sizeOf(parts) + room.behind);
  let at = room.before;
  let since = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    since += part.length;
    if (since < SLICE) continue;
    since = 0;
    await breathe();
  }
  return whole;
}

/** A signed CRL, DER. However long it is, the event loop is never held up. */
export async function buildCrl(input: CrlInput): Promise<Uint8Array> {
  const algorithm = signatureAlgorithm(input.hash);
  const entries = input.entries.filter(({ length }) => length > 0);
  const size = sizeOf(entries);
  const fields = [
    VERSION_2,
    algorithm,
    input.issuer.name,
    time(input.thisUpdate),
    time(input.nextUpdate),
    ...(size === 0 ? [] : [header(TAG.SEQUENCE, size), ...entries]),
    tlv(0xa0, sequence(...extensionsOf(input))),
  ];
  const tbs = [header(TAG.SEQUENCE, sizeOf(fields)), ...fields];
  const tbsSize = sizeOf(tbs);
  const whole = await assemble(tbs, { before: MAX_HEADER, behind: algorithm.length + MAX_SIGNATURE }, input.breathe);
  const end = MAX_HEADER + tbsSize;
  const tail = concat(algorithm, bitString(await input.sign(whole.subarray(MAX_HEADER, end))));
  const outer = header(TAG.SEQUENCE, tbsSize + tail.length);
  whole.set(outer, MAX_HEADER - outer.length);
  whole.set(tail, end);
  return whole.subarray(MAX_HEADER - outer.length, end + tail.length);
}

const sizeOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, { length }) => sum + length, 0);
