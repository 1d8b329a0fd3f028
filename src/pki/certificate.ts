/** X.509 certificates (RFC 5280): those of the five types, those of the CAs, and reading of any of them. */
import {
  type DerNode,
  expectTag,
  integer,
  oid,
  readAll,
  readBits,
  readOid,
  readTime,
  readWhole,
  sequence,
  TAG,
  TRUE,
  textNode,
  tlv,
  unreadable,
} from "./der.js";
import {
  authorityKey,
  EXTENSION,
  extension,
  KEY_USAGE,
  keyUsage,
  signCertificate,
  subjectKey,
  uri,
} from "./extensions.js";
import { type Hash, type PublicKey, readPublicKey, signatureHash } from "./keys.js";
import { CERTIFICATE_TYPES, type CertificateType, type TypeProfile } from "./types.js";

const OCSP = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
const CPS = "1.3.6.1.5.5.7.2.1";
const USER_NOTICE = "1.3.6.1.5.5.7.2.2";

/** Addresses that go into certificates; only those that the type carries are used. */
export interface CertificateUrls {
  readonly crl: string;
  readonly ocsp: string;
  readonly caIssuers: string;
  readonly cps: string;
  /** Explicit text of the user notice. */
  readonly notice: string;
}

export { EXTENSION, KEY_USAGE } from "./extensions.js";

export interface Issuer {
  /** Its subject Name, DER. */
  readonly name: Uint8Array;
  readonly keyIdentifier: Uint8Array;
}

export interface CertificateInput {
  readonly type: CertificateType;
  /** Subject Name, DER. */
  readonly subject: Uint8Array;
  readonly publicKey: PublicKey;
  readonly issuer: Issuer;
  /** Unsigned, big endian, at most 20 octets with the top bit clear. */
  readonly serial: Uint8Array;
  /** ms since the epoch; below a second is cut. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly urls: CertificateUrls;
  /** Exactly the extensions that the OEM's service was seen to write. */
  readonly asSeen: boolean;
  /** ECDSA signature (DER) by the issuer over the bytes, with the type's hash. */
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

const KOREA = 9 * 3_600_000;
const DAY = 86_400_000;

/**
 * Validity of a certificate of that type issued now: to the same Korean calendar day `years` on, 23:59:59 Korean time; 29 February
 * becomes 28 February where that year has none.
 * @param issuedAt ms since the epoch
 * @param backdateMs how long before `issuedAt` the certificate begins, for ECUs whose clock is behind
 */
export function validity(
  type: CertificateType,
  issuedAt: number,
  backdateMs = 0,
): { notBefore: number; notAfter: number } {
  const { years } = CERTIFICATE_TYPES[type];
  const today = new Date(issuedAt + KOREA);
  const month = today.getUTCMonth();
  const year = today.getUTCFullYear() + years;
  let midnight = Date.UTC(year, month, today.getUTCDate());
  if (new Date(midnight).getUTCMonth() !== month) midnight -= DAY;
  const second = (ms: number) => Math.floor(ms / 1000) * 1000;
  return { notBefore: second(issuedAt - backdateMs), notAfter: midnight + DAY - 1000 - KOREA };
}

function policies(profile: NonNullable<TypeProfile["policy"]>, urls: CertificateUrls, asSeen: boolean): Uint8Array {
  const id = oid(asSeen ? profile.oidAsSeen : profile.oid);
  // RFC 5280 4.2.1.4 asks for UTF8String and forbids VisibleString, which the samples have.
  const notice = textNode(asSeen ? TAG.VISIBLE_STRING : TAG.UTF8_STRING, urls.notice);
  const qualifiers = sequence(
    sequence(oid(USER_NOTICE), sequence(notice)),
    sequence(oid(CPS), textNode(TAG.IA5_STRING, urls.cps)),
  );
  const information = profile.qualifiers ? sequence(id, qualifiers) : sequence(id);
  return extension(EXTENSION.certificatePolicies, false, sequence(information));
}

/** The extensions in the order of the samples. */
function extensionsOf(input: CertificateInput): Uint8Array[] {
  const profile = CERTIFICATE_TYPES[input.type];
  const { urls, asSeen } = input;
  const critical = asSeen && profile.criticalKeyIdentifiersAsSeen;
  const list = [
    authorityKey(input.issuer.keyIdentifier, critical),
    subjectKey(input.publicKey, critical),
    keyUsage(KEY_USAGE.digitalSignature, KEY_USAGE.keyAgreement),
  ];
  if (profile.policy !== undefined) list.push(policies(profile.policy, urls, asSeen));
  list.push(extension(EXTENSION.basicConstraints, true, sequence()));
  if (profile.extKeyUsage !== undefined) {
    const { critical: strict, purposes } = profile.extKeyUsage;
    list.push(extension(EXTENSION.extKeyUsage, strict, sequence(...purposes.map(oid))));
  }
  if (profile.crlDistributionPoint !== undefined) {
    const point = sequence(tlv(0xa0, tlv(0xa0, uri(urls.crl))));
    list.push(extension(EXTENSION.crlDistributionPoints, profile.crlDistributionPoint.critical, sequence(point)));
  }
  if (profile.authorityInfo !== undefined) {
    const access = [sequence(oid(OCSP), uri(urls.ocsp))];
    if (profile.authorityInfo.caIssuers) access.push(sequence(oid(CA_ISSUERS), uri(urls.caIssuers)));
    list.push(extension(EXTENSION.authorityInfoAccess, false, sequence(...access)));
  }
  return list;
}

/** A certificate of one of the five types, DER. */
export function buildCertificate(input: CertificateInput): Promise<Uint8Array> {
  return signCertificate({
    ...input,
    issuer: input.issuer.name,
    extensions: extensionsOf(input),
    hash: CERTIFICATE_TYPES[input.type].hash,
  });
}

export interface CaCertificateInput {
  /** Subject Name, DER. */
  readonly subject: Uint8Array;
  readonly publicKey: PublicKey;
  /** Left out for a root. */
  readonly issuer?: Issuer;
  readonly serial: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** How many CAs may stand below it; left out = any number. */
  readonly pathLen?: number;
  readonly hash: Hash;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

/** A CA certificate, DER: root where no issuer is given. */
export function buildCaCertificate(input: CaCertificateInput): Promise<Uint8Array> {
  const limit = input.pathLen === undefined ? [] : [integer(Uint8Array.of(input.pathLen))];
  const authority = input.issuer === undefined ? [] : [authorityKey(input.issuer.keyIdentifier, false)];
  return signCertificate({
    ...input,
    issuer: input.issuer?.name ?? input.subject,
    extensions: [
      ...authority,
      subjectKey(input.publicKey, false),
      keyUsage(KEY_USAGE.keyCertSign, KEY_USAGE.cRLSign),
      extension(EXTENSION.basicConstraints, true, sequence(TRUE, ...limit)),
    ],
  });
}

export interface Extension {
  readonly critical: boolean;
  /** Content of the OCTET STRING. */
  readonly value: Uint8Array;
}

/** A certificate taken apart; its signature is not checked. */
export interface Certificate {
  readonly raw: Uint8Array;
  /** TBSCertificate, the signed bytes. */
  readonly tbs: Uint8Array;
  /** Lower-case hex of the INTEGER's content. */
  readonly serial: string;
  /** Names in DER as they stand. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  /** Undefined for an algorithm that is not ECDSA with SHA-2. */
  readonly hash: Hash | undefined;
  readonly signature: Uint8Array;
  /** By OID. */
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly isCa: boolean;
  readonly pathLen: number | undefined;
  /** First octet of keyUsage (see KEY_USAGE); undefined without the extension. */
  readonly keyUsage: number | undefined;
  readonly extKeyUsage: readonly string[] | undefined;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
}

/** @throws StationError PKI_UNREADABLE */
export function parseCertificate(der: Uint8Array): Certificate {
  const [info, algorithm, signature, ...after] = readAll(readWhole(der, TAG.SEQUENCE, "certificate").content);
  if (after.length > 0) throw unreadable("elements follow the certificate");
  const tbs = expectTag(info, TAG.SEQUENCE, "certificate information");
  const fields = readAll(tbs.content);
  const version = fields[0]?.tag === 0xa0 ? fields.shift() : undefined;
  if (version !== undefined && readWhole(version.content, TAG.INTEGER, "version").content.length !== 1)
    throw unreadable("the version is no number");
  const [serial, inner, issuer, times, subject, spki, ...optional] = fields;
  const outer = expectTag(algorithm, TAG.SEQUENCE, "signature algorithm").raw;
  if (!Buffer.from(outer).equals(expectTag(inner, TAG.SEQUENCE, "signature algorithm").raw))
    throw unreadable("the two signature algorithms differ");
  const [notBefore, notAfter] = readAll(expectTag(times, TAG.SEQUENCE, "validity").content);
  const extensions = readExtensions(optional.find((node) => node.tag === 0xa3));
  return {
    raw: der,
    tbs: tbs.raw,
    serial: Buffer.from(expectTag(serial, TAG.INTEGER, "serial number").content).toString("hex"),
    issuer: expectTag(issuer, TAG.SEQUENCE, "issuer").raw,
    subject: expectTag(subject, TAG.SEQUENCE, "subject").raw,
    notBefore: readTime(notBefore, "notBefore"),
    notAfter: readTime(notAfter, "notAfter"),
    spki: expectTag(spki, TAG.SEQUENCE, "public key").raw,
    hash: signatureHash(outer),
    signature: readBits(signature, "signature"),
    extensions,
    ...readConstraints(extensions),
    ...readUsages(extensions),
    ...readIdentifiers(extensions),
  };
}

function readExtensions(node: DerNode | undefined): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>();
  if (node === undefined) return found;
  for (const item of readAll(readWhole(node.content, TAG.SEQUENCE, "extensions").content)) {
    const parts = readAll(expectTag(item, TAG.SEQUENCE, "extension").content);
    const id = readOid(parts.shift(), "extension");
    const flag = parts[0]?.tag === TAG.BOOLEAN ? parts.shift() : undefined;
    const value = expectTag(parts.shift(), TAG.OCTET_STRING, "extension value").content;
    if (found.has(id)) throw unreadable(`extension ${id} stands twice`);
    found.set(id, { critical: flag !== undefined && flag.content[0] !== 0, value });
  }
  return found;
}

function readConstraints(extensions: ReadonlyMap<string, Extension>): Pick<Certificate, "isCa" | "pathLen"> {
  const value = extensions.get(EXTENSION.basicConstraints)?.value;
  if (value === undefined) return { isCa: false, pathLen: undefined };
  const parts = readAll(readWhole(value, TAG.SEQUENCE, "basicConstraints").content);
  const flag = parts[0]?.tag === TAG.BOOLEAN ? parts.shift() : undefined;
  const limit = parts.shift();
  const number = limit === undefined ? undefined : expectTag(limit, TAG.INTEGER, "path length").content;
  if (number !== undefined && number.length > 2) throw unreadable("the path length is no usable number");
  return {
    isCa: flag !== undefined && flag.content[0] !== 0,
    pathLen: number?.reduce((sum, byte) => sum * 256 + byte, 0),
  };
}

function readUsages(extensions: ReadonlyMap<string, Extension>): Pick<Certificate, "keyUsage" | "extKeyUsage"> {
  const usage = extensions.get(EXTENSION.keyUsage)?.value;
  const extended = extensions.get(EXTENSION.extKeyUsage)?.value;
  return {
    keyUsage: usage === undefined ? undefined : (readWhole(usage, TAG.BIT_STRING, "keyUsage").content[1] ?? 0),
    extKeyUsage:
      extended === undefined
        ? undefined
        : readAll(readWhole(extended, TAG.SEQUENCE, "extKeyUsage").content).map((node) => readOid(node)),
  };
}

function readIdentifiers(
  extensions: ReadonlyMap<string, Extension>,
): Pick<Certificate, "subjectKeyIdentifier" | "authorityKeyIdentifier"> {
  const own = extensions.get(EXTENSION.subjectKeyIdentifier)?.value;
  const authority = extensions.get(EXTENSION.authorityKeyIdentifier)?.value;
  return {
    subjectKeyIdentifier: own === undefined ? undefined : readWhole(own, TAG.OCTET_STRING, "key identifier").content,
    authorityKeyIdentifier:
      authority === undefined
        ? undefined
        : readAll(readWhole(authority, TAG.SEQUENCE, "authority key identifier").content).find(
            (node) => node.tag === 0x80,
          )?.content,
  };
}

/** Public key of a certificate. @throws StationError PKI_UNREADABLE */
export function certificateKey(certificate: Certificate): PublicKey {
  return readPublicKey(certificate.spki);
}
