/** Checks of certificates: a path to a trust anchor, and whether an issued certificate is the one that was asked for. */
import { equalBytes } from "../shared/bytes.js";
import { isStationError } from "../shared/errors.js";
import { type Certificate, certificateKey, EXTENSION, KEY_USAGE, parseCertificate } from "./certificate.js";
import { readAll, readWhole } from "./der.js";
import { type PublicKey, readPublicKey, verifySignature } from "./keys.js";
import { type DnAttribute, decodeName, formatDn, nameKey } from "./names.js";
import { CERTIFICATE_TYPES, type CertificateType } from "./types.js";

export type ChainFault = "unreadable" | "wrong-type" | "chain-invalid" | "not-valid-now";

export type ChainResult =
  /** Leaf first, anchor last. */
  | { readonly ok: true; readonly path: readonly Certificate[] }
  | { readonly ok: false; readonly reason: ChainFault; readonly what: string };

export interface ChainInput {
  /** All DER. */
  readonly leaf: Uint8Array;
  /** In any order. */
  readonly issuers: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
  /** ms since the epoch. */
  readonly at: number;
}

/** Most certificates of a path, and most signatures checked in search of one. */
const MAX_PATH = 8;
const MAX_SIGNATURES = 64;

/** What this module or its callers look at; any other critical extension makes a path invalid (RFC 5280 4.2). */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set(Object.values(EXTENSION));

interface Link {
  readonly certificate: Certificate;
  readonly key: PublicKey;
  readonly name: string;
  readonly issuerName: string;
}

/** Unwinds the search; never leaves this module. */
class Fault extends Error {
  constructor(
    readonly reason: ChainFault,
    readonly what: string,
  ) {
    super(what);
  }
}

function link(der: Uint8Array, role: "the leaf" | "an issuing CA" | "an anchor"): Link {
  try {
    const certificate = parseCertificate(der);
    return {
      certificate,
      key: certificateKey(certificate),
      name: nameKey(decodeName(certificate.subject)),
      issuerName: nameKey(decodeName(certificate.issuer)),
    };
  } catch (error) {
    if (!isStationError(error, "PKI_UNREADABLE")) throw error;
    throw new Fault("unreadable", `${role} cannot be read: ${String(error.details.what)}`);
  }
}

function title(certificate: Certificate): string {
  return formatDn(decodeName(certificate.subject));
}

/**
 * Finds and checks a path from the leaf over the issuers to an anchor: signatures, names, key identifiers, CA flags, keyUsage, path
 * lengths, critical extensions, and the validity of every certificate, the anchor's included. An anchor's own signature is not looked
 * at. Critical AKI and SKI are accepted.
 */
export async function verifyChain(input: ChainInput): Promise<ChainResult> {
  try {
    const leaf = link(input.leaf, "the leaf");
    const issuers = input.issuers.map((der) => link(der, "an issuing CA"));
    const anchors = input.anchors.map((der) => link(der, "an anchor"));
    if (leaf.certificate.isCa) throw new Fault("wrong-type", "the leaf is a CA certificate");
    for (const { certificate } of [...issuers, ...anchors])
      if (!certificate.isCa) throw new Fault("wrong-type", `${title(certificate)} is no CA certificate`);
    checkExtensions(leaf.certificate);
    const path = await new PathSearch(issuers, anchors, input.at).from(leaf);
    return { ok: true, path: path.map(({ certificate }) => certificate) };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, reason: error.reason, what: error.what };
    throw error;
  }
}

function checkExtensions(certificate: Certificate): void {
  for (const [id, { critical }] of certificate.extensions)
    if (critical && !KNOWN_EXTENSIONS.has(id))
      throw new Fault("chain-invalid", `${title(certificate)} has the unknown critical extension ${id}`);
}

function checkTime(certificate: Certificate, at: number): void {
  const when = new Date(at).toISOString();
  if (at < certificate.notBefore) throw new Fault("not-valid-now", `${title(certificate)} is not yet valid at ${when}`);
  // notAfter names a second that is still part of the validity.
  if (at >= certificate.notAfter + 1000)
    throw new Fault("not-valid-now", `${title(certificate)} is no longer valid at ${when}`);
}

/** @param below number of CAs under this one that are not self-issued (RFC 5280 6.1.4 l) */
function checkIssuer(issuer: Certificate, below: number): void {
  checkExtensions(issuer);
  if (issuer.keyUsage !== undefined && (issuer.keyUsage & KEY_USAGE.keyCertSign) === 0)
    throw new Fault("chain-invalid", `${title(issuer)} may not sign certificates`);
  if (issuer.pathLen !== undefined && below > issuer.pathLen)
    throw new Fault("chain-invalid", `${title(issuer)} allows ${issuer.pathLen} CAs below it, there are ${below}`);
}

class PathSearch {
  #signatures = 0;
  #fault: Fault | undefined;

  constructor(
    readonly issuers: readonly Link[],
    readonly anchors: readonly Link[],
    readonly at: number,
  ) {}

  async from(leaf: Link): Promise<readonly Link[]> {
    const path = await this.#extend([leaf]);
    if (path !== undefined) return path;
    throw this.#fault ?? new Fault("chain-invalid", `no path from ${title(leaf.certificate)} to an anchor`);
  }

  /** The first whole path that begins so; undefined, with the reason kept, when there is none. */
  async #extend(path: readonly Link[]): Promise<readonly Link[] | undefined> {
    const last = path.at(-1);
    if (last === undefined || path.length >= MAX_PATH) return undefined;
    for (const anchor of this.anchors) {
      const whole = await this.#try(path, last, anchor);
      if (whole !== undefined && this.#inTime(whole)) return whole;
    }
    for (const issuer of this.issuers) {
      if (path.includes(issuer)) continue;
      const longer = await this.#try(path, last, issuer);
      const whole = longer === undefined ? undefined : await this.#extend(longer);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  async #try(path: readonly Link[], child: Link, issuer: Link): Promise<readonly Link[] | undefined> {
    if (child.issuerName !== issuer.name) return undefined;
    const wanted = child.certificate.authorityKeyIdentifier;
    const found = issuer.certificate.subjectKeyIdentifier;
    if (wanted !== undefined && found !== undefined && !equalBytes(wanted, found)) return undefined;
    try {
      const below = path.slice(1).filter(({ name, issuerName }) => name !== issuerName).length;
      checkIssuer(issuer.certificate, below);
      const { hash, tbs, signature } = child.certificate;
      if (++this.#signatures > MAX_SIGNATURES) throw new Fault("chain-invalid", "too many certificates to try");
      if (hash === undefined || !(await verifySignature(issuer.key, hash, tbs, signature)))
        throw new Fault("chain-invalid", `${title(child.certificate)} is not signed by ${title(issuer.certificate)}`);
      return [...path, issuer];
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  #inTime(path: readonly Link[]): boolean {
    try {
      for (const { certificate } of path) checkTime(certificate, this.at);
      return true;
    } catch (error) {
      this.#note(error);
      return false;
    }
  }

  /** Time is the last thing checked: a path that fails by it alone tells more than one that was broken before. */
  #note(error: unknown): void {
    if (!(error instanceof Fault)) throw error;
    if (this.#fault === undefined || error.reason === "not-valid-now") this.#fault = error;
  }
}

export interface IssuedInput {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly type: CertificateType;
  /** Subject as it was asked for, DER order. */
  readonly subject: readonly DnAttribute[];
  /** SubjectPublicKeyInfo of the request. */
  readonly publicKey: Uint8Array;
}

export type IssuedResult =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly reason: "unreadable" | "profile" | "subject" | "public-key"; readonly what: string };

/** Whether an issued certificate is what was asked for: its type's profile, the subject letter by letter, the public key. */
export function checkIssued(input: IssuedInput): IssuedResult {
  const fail = (reason: "unreadable" | "profile" | "subject" | "public-key", what: string): IssuedResult => ({
    ok: false,
    reason,
    what,
  });
  let certificate: Certificate;
  let key: PublicKey;
  let asked: PublicKey;
  let subject: readonly DnAttribute[];
  try {
    certificate = parseCertificate(input.certificate);
    key = certificateKey(certificate);
    subject = decodeName(certificate.subject);
    asked = readPublicKey(input.publicKey);
  } catch (error) {
    if (!isStationError(error, "PKI_UNREADABLE")) throw error;
    return fail("unreadable", String(error.details.what));
  }
  if (formatDn(subject) !== formatDn(input.subject))
    return fail("subject", `the subject is ${formatDn(subject)}, asked for was ${formatDn(input.subject)}`);
  if (!equalBytes(key.spki, asked.spki)) return fail("public-key", "the public key is not the request's");
  const fault = profileFault(certificate, key, input.type);
  return fault === undefined ? { ok: true, certificate } : fail("profile", fault);
}

function profileFault(certificate: Certificate, key: PublicKey, type: CertificateType): string | undefined {
  const profile = CERTIFICATE_TYPES[type];
  if (certificate.isCa) return "it is a CA certificate";
  if (key.curve !== profile.curve) return `the curve is ${key.curve} instead of ${profile.curve}`;
  if (certificate.hash !== profile.hash) return `the signature's hash is not ${profile.hash}`;
  const usage = KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement;
  if (certificate.keyUsage !== usage) return "keyUsage is not digitalSignature and keyAgreement";
  const purposes = profile.extKeyUsage?.purposes ?? [];
  const missing = purposes.filter((purpose) => !(certificate.extKeyUsage ?? purposes).includes(purpose));
  if (missing.length > 0) return `extKeyUsage lacks ${missing.join(", ")}`;
  if (purposes.length > 0 && certificate.extKeyUsage === undefined) return "extKeyUsage is missing";
  const { maxBytes = Number.POSITIVE_INFINITY } = profile;
  if (certificate.raw.length > maxBytes) return `it has ${certificate.raw.length} bytes instead of at most ${maxBytes}`;
  if (certificate.notAfter <= certificate.notBefore) return "it ends before it begins";
  return undefined;
}

/** DER certificates one after the other, taken apart; nothing is read inside of them. @throws StationError PKI_UNREADABLE */
export function splitCertificates(bytes: Uint8Array): Uint8Array[] {
  return readAll(bytes).map((node) => readWhole(node.raw, 0x30, "certificate").raw);
}
