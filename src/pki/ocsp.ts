/** OCSP (RFC 6960; nonce as in RFC 9654): requests read, answers and the certificate of their signer made. Pure. */
import { createHash } from "node:crypto";
import { toHex } from "../shared/bytes.js";
import { isStationError } from "../shared/errors.js";
import type { Certificate, Issuer } from "./certificate.js";
import { enumerated } from "./crl.js";
import {
  bitString,
  type DerNode,
  expectTag,
  generalizedTime,
  octetString,
  oid,
  readAll,
  readBits,
  readInteger,
  readOid,
  readWhole,
  sequence,
  TAG,
  tlv,
  unreadable,
} from "./der.js";
import { extension, type Signable, signCertificate, signerExtensions } from "./extensions.js";
import { type Hash, keyIdentifier, type PublicKey, signatureAlgorithm } from "./keys.js";

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const NONCE = "1.3.6.1.5.5.7.48.1.2";
const NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** Certificates that one request may ask for. */
const MAX_OCSP_REQUESTS = 100;
/** Octets of a nonce (RFC 9654 2.1; up to 32 in RFC 8954 before it). */
const NONCE_LENGTH = { min: 1, max: 128 };

/** OCSPResponseStatus of answers that carry nothing else (RFC 6960 4.2.1). */
export const OCSP_ERROR = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
export type OcspErrorName = keyof typeof OCSP_ERROR;

/** Hashes by which a request may name the issuer. */
const ISSUER_HASHES: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** The certificate that is asked for. */
export interface CertId {
  /** CertID as it came, DER: the answer repeats it. */
  readonly raw: Uint8Array;
  /** OID of the hash that the issuer is named by. */
  readonly hash: string;
  readonly nameHash: Uint8Array;
  readonly keyHash: Uint8Array;
  /** Content of the serial INTEGER, lower-case hex. */
  readonly serial: string;
}

export interface OcspRequest {
  /** 1–100. */
  readonly certificates: readonly CertId[];
  /** Extension value as it came (an OCTET STRING of 1–128 octets in DER); undefined without one. */
  readonly nonce: Uint8Array | undefined;
}

/**
 * Reads a request; a signature on it is not looked at (RFC 6960 4.1.2 leaves it to the responder).
 * @returns undefined for what has to be answered with malformedRequest
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest | undefined {
  try {
    return readRequest(der);
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return undefined;
    throw error;
  }
}

function readRequest(der: Uint8Array): OcspRequest {
  const [info, signature, ...after] = readAll(readWhole(der, TAG.SEQUENCE, "OCSP request").content);
  if (after.length > 0 || (signature !== undefined && signature.tag !== 0xa0)) throw unreadable("elements follow");
  const fields = readAll(expectTag(info, TAG.SEQUENCE, "tbsRequest").content);
  const version = fields[0]?.tag === 0xa0 ? fields.shift() : undefined;
  if (version !== undefined && !isVersion1(version)) throw unreadable("the version is not 1");
  if (fields[0]?.tag === 0xa1) fields.shift();
  const [list, extensions, ...rest] = fields;
  if (rest.length > 0) throw unreadable("elements follow the request");
  const requests = readAll(expectTag(list, TAG.SEQUENCE, "requestList").content);
  if (requests.length === 0 || requests.length > MAX_OCSP_REQUESTS) throw unreadable("not 1 to 100 certificates");
  return { certificates: requests.map(readSingle), nonce: readExtensions(extensions, 0xa2) };
}

function isVersion1(node: DerNode): boolean {
  const { content } = readWhole(node.content, TAG.INTEGER, "version");
  return content.length === 1 && content[0] === 0;
}

const isNull = ({ tag, content }: DerNode) => tag === TAG.NULL && content.length === 0;

function readSingle(node: DerNode): CertId {
  const [id, extensions, ...rest] = readAll(expectTag(node, TAG.SEQUENCE, "request").content);
  readExtensions(extensions, 0xa0);
  const certId = expectTag(id, TAG.SEQUENCE, "CertID");
  const [algorithm, nameHash, keyHash, serial, ...more] = readAll(certId.content);
  if (rest.length > 0 || more.length > 0) throw unreadable("elements follow the CertID");
  const [hash, parameters, ...others] = readAll(expectTag(algorithm, TAG.SEQUENCE, "hash algorithm").content);
  // The answer repeats the CertID and must be DER, so nothing else gets into it.
  if (others.length > 0 || (parameters !== undefined && !isNull(parameters)))
    throw unreadable("the hash algorithm has parameters");
  return {
    raw: certId.raw,
    hash: readOid(hash, "hash algorithm"),
    nameHash: expectTag(nameHash, TAG.OCTET_STRING, "issuer name hash").content,
    keyHash: expectTag(keyHash, TAG.OCTET_STRING, "issuer key hash").content,
    serial: toHex(readInteger(serial, "serial number")),
  };
}

/** The nonce among the extensions; a critical one that is not known makes the request unreadable. */
function readExtensions(node: DerNode | undefined, tag: number): Uint8Array | undefined {
  if (node === undefined) return undefined;
  let nonce: Uint8Array | undefined;
  const list = readWhole(expectTag(node, tag, "extensions").content, TAG.SEQUENCE, "extensions");
  for (const item of readAll(list.content)) {
    const parts = readAll(expectTag(item, TAG.SEQUENCE, "extension").content);
    const id = readOid(parts.shift(), "extension");
    const critical = parts[0]?.tag === TAG.BOOLEAN && parts.shift()?.content[0] !== 0;
    const value = expectTag(parts.shift(), TAG.OCTET_STRING, "extension value").content;
    if (parts.length > 0) throw unreadable("elements follow an extension");
    if (id !== NONCE) {
      if (critical) throw unreadable(`critical extension ${id}`);
      continue;
    }
    const { length } = readWhole(value, TAG.OCTET_STRING, "nonce").content;
    if (nonce !== undefined || length < NONCE_LENGTH.min || length > NONCE_LENGTH.max)
      throw unreadable("a nonce that is not one of 1 to 128 octets");
    nonce = value;
  }
  return nonce;
}

/** Whether a CertID names that issuer. */
export type IssuerMatch = (id: CertId) => boolean;

/** Prepares the comparison of CertIDs with an issuer, by SHA-1 and SHA-2. */
export function issuerMatcher(issuer: Pick<Certificate, "subject" | "spki">): IssuerMatch {
  const [, bits] = readAll(readWhole(issuer.spki, TAG.SEQUENCE, "public key").content);
  const key = readBits(bits, "public key");
  const hashes = new Map(
    Object.entries(ISSUER_HASHES).map(([id, name]) => {
      const digest = (bytes: Uint8Array) => createHash(name).update(bytes).digest();
      return [id, { name: digest(issuer.subject), key: digest(key) }];
    }),
  );
  return (id) => {
    const own = hashes.get(id.hash);
    if (own === undefined) return false;
    return own.name.equals(id.nameHash) && own.key.equals(id.keyHash);
  };
}

export type CertStatus =
  | { readonly kind: "good" }
  | { readonly kind: "unknown" }
  /** `revokedAt` in ms since the epoch; `reason` a CRLReason, null = unspecified, which is left out. */
  | { readonly kind: "revoked"; readonly revokedAt: number; readonly reason: number | null };

export interface OcspAnswerInput {
  readonly answers: readonly { readonly id: CertId; readonly status: CertStatus }[];
  readonly nonce: Uint8Array | undefined;
  /** ms since the epoch; below a second is cut. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly signer: OcspSigner;
}

/** Who signs answers. */
export interface OcspSigner {
  readonly publicKey: PublicKey;
  /** Its certificate, DER; sent with every answer. */
  readonly certificate: Uint8Array;
  readonly hash: Hash;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

function encodeStatus(status: CertStatus): Uint8Array {
  if (status.kind === "good") return tlv(0x80);
  if (status.kind === "unknown") return tlv(0x82);
  const reason = status.reason === null ? [] : [tlv(0xa0, enumerated(status.reason))];
  return tlv(0xa1, generalizedTime(status.revokedAt), ...reason);
}

/** A signed BasicOCSPResponse as OCSPResponse "successful", DER; responder by key. */
export async function buildOcspAnswer(input: OcspAnswerInput): Promise<Uint8Array> {
  const { signer, thisUpdate, nextUpdate, nonce } = input;
  const singles = input.answers.map(({ id, status }) =>
    sequence(id.raw, encodeStatus(status), generalizedTime(thisUpdate), tlv(0xa0, generalizedTime(nextUpdate))),
  );
  const tbs = sequence(
    tlv(0xa2, octetString(keyIdentifier(signer.publicKey))),
    generalizedTime(thisUpdate),
    sequence(...singles),
    ...(nonce === undefined ? [] : [tlv(0xa1, sequence(extension(NONCE, false, nonce)))]),
  );
  const basic = sequence(
    tbs,
    signatureAlgorithm(signer.hash),
    bitString(await signer.sign(tbs)),
    tlv(0xa0, sequence(signer.certificate)),
  );
  return sequence(enumerated(0), tlv(0xa0, sequence(oid(BASIC_RESPONSE), octetString(basic))));
}

/** An answer that is an error, DER; not signed (RFC 6960 2.3). */
export function ocspError(name: OcspErrorName): Uint8Array {
  return sequence(enumerated(OCSP_ERROR[name]));
}

export type OcspSignerInput = Omit<Signable, "extensions" | "issuer"> & { readonly issuer: Issuer };

/**
 * The certificate of a CA's OCSP signer (RFC 6960 4.2.2.2), DER: OCSPSigning, and nocheck, so that nobody asks a responder about the
 * responder itself; it must therefore be short-lived.
 */
export function buildOcspSignerCertificate(input: OcspSignerInput): Promise<Uint8Array> {
  return signCertificate({
    ...input,
    issuer: input.issuer.name,
    extensions: [
      ...signerExtensions(input.issuer.keyIdentifier, input.publicKey, OCSP_SIGNING),
      extension(NO_CHECK, false, tlv(TAG.NULL)),
    ],
  });
}
