/** Certificate revocation lists as others give them (RFC 5280 clause 5): who revoked which serials. */
import { equalBytes } from "../shared/bytes.js";
import { type Certificate, certificateKey } from "./certificate.js";
import { expectTag, readAll, readBits, readTime, readWhole, TAG } from "./der.js";
import { type Hash, signatureHash, verifySignature } from "./keys.js";

export interface RevocationList {
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Content of the serials' INTEGERs, lower-case hex. */
  readonly serials: ReadonlySet<string>;
  /** The signed bytes. */
  readonly tbs: Uint8Array;
  /** Undefined for an algorithm that is not ECDSA with SHA-2. */
  readonly hash: Hash | undefined;
  readonly signature: Uint8Array;
}

/** Takes a list apart; its signature and its times are not checked. @throws StationError PKI_UNREADABLE */
export function parseCrl(der: Uint8Array): RevocationList {
  const [list, algorithm, signature] = readAll(readWhole(der, TAG.SEQUENCE, "revocation list").content);
  const tbs = expectTag(list, TAG.SEQUENCE, "revocation list");
  const fields = readAll(tbs.content);
  if (fields[0]?.tag === TAG.INTEGER) fields.shift();
  const [, issuer, thisUpdate, ...optional] = fields;
  readTime(thisUpdate, "thisUpdate");
  // nextUpdate may stand before the entries.
  const entries = optional.find((node) => node.tag === TAG.SEQUENCE);
  const serials = readAll(entries?.content ?? new Uint8Array(0)).map((entry) => {
    const [serial] = readAll(expectTag(entry, TAG.SEQUENCE, "revoked certificate").content);
    return Buffer.from(expectTag(serial, TAG.INTEGER, "serial number").content).toString("hex");
  });
  return {
    issuer: expectTag(issuer, TAG.SEQUENCE, "issuer").raw,
    serials: new Set(serials),
    tbs: tbs.raw,
    hash: signatureHash(expectTag(algorithm, TAG.SEQUENCE, "signature algorithm").raw),
    signature: readBits(signature, "signature"),
  };
}

/** Whether a certificate of a path (leaf first) stands in a list that its issuer has signed. */
export async function isRevoked(path: readonly Certificate[], lists: readonly RevocationList[]): Promise<boolean> {
  for (const [i, { serial, issuer }] of path.entries()) {
    const above = path[i + 1];
    if (above === undefined) return false;
    for (const list of lists) {
      if (!list.serials.has(serial) || !equalBytes(list.issuer, issuer) || list.hash === undefined) continue;
      if (await verifySignature(certificateKey(above), list.hash, list.tbs, list.signature)) return true;
    }
  }
  return false;
}
