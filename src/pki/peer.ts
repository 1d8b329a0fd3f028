/** Whether the certificate that a peer shows is good: an ECU's to the station, a tester's to an ECU (29 of ISO 14229-1). */
import type { KeyObject } from "node:crypto";
import { equalBytes } from "../shared/bytes.js";
import { isStationError } from "../shared/errors.js";
import { type Certificate, certificateKey, KEY_USAGE, parseCertificate } from "./certificate.js";
import { verifyChain } from "./chain.js";
import { isRevoked, parseCrl, type RevocationList } from "./crl-read.js";
import { unreadable } from "./der.js";
import { type Curve, type Hash, type PublicKey, publicKeyOf, readPublicKey, verifySignature } from "./keys.js";
import { decodeName, nameKey, parseDnTemplate } from "./names.js";
import { decodePem } from "./pem.js";

/** Proofs of ownership by the names that profiles use. */
export const PROOF_ALGORITHMS: Readonly<Record<"ecdsa-p256-sha256" | "ecdsa-p521-sha512", ProofAlgorithm>> = {
  "ecdsa-p256-sha256": { curve: "P-256", hash: "sha256" },
  "ecdsa-p521-sha512": { curve: "P-521", hash: "sha512" },
};

export interface ProofAlgorithm {
  readonly curve: Curve;
  readonly hash: Hash;
}

/** Whom a side trusts: CAs, and what they revoked. */
export interface Trust {
  /** DER. */
  readonly anchors: readonly Uint8Array[];
  readonly revoked: readonly RevocationList[];
}

/** CA certificates and revocation lists of one PEM file. @throws StationError PKI_UNREADABLE */
export function readTrust(pem: string): Trust {
  const anchors = decodePem(pem, "CERTIFICATE");
  if (anchors.length === 0) throw unreadable("there is no CERTIFICATE");
  if (anchors.some((der) => !parseCertificate(der).isCa)) throw unreadable("one of the certificates is no CA's");
  return { anchors, revoked: decodePem(pem, "X509 CRL").map(parseCrl) };
}

/** The certificates of a side that proves itself. */
export type OwnCertificates = readonly [Uint8Array, ...Uint8Array[]];

/** The leaf, whose key is `key`, and its issuing CAs of one PEM text, each behind the one that it issued. @throws StationError PKI_UNREADABLE */
export function readOwnCertificates(pem: string, key: KeyObject, { curve }: ProofAlgorithm): OwnCertificates {
  const [leaf, ...others] = decodePem(pem, "CERTIFICATE");
  if (leaf === undefined) throw unreadable("there is no CERTIFICATE");
  const shown = certificateKey(parseCertificate(leaf));
  if (shown.curve !== curve) throw unreadable(`the certificate's key is on ${shown.curve}, the profile wants ${curve}`);
  if (!equalBytes(shown.spki, publicKeyOf(key).spki)) throw unreadable("the key is not the certificate's");
  return [leaf, ...upwards(leaf, others)];
}

/** CAs on the way from a leaf, in its order; those that are not on it at the end, as they came. */
function upwards(leaf: Uint8Array, others: readonly Uint8Array[]): Uint8Array[] {
  const left = others.map(parseCertificate);
  const way: Certificate[] = [];
  for (let last: Certificate | undefined = parseCertificate(leaf); last !== undefined; last = way.at(-1)) {
    const { issuer } = last;
    const at = left.findIndex(({ subject }) => equalBytes(subject, issuer));
    if (at < 0) break;
    way.push(...left.splice(at, 1));
  }
  return [...way, ...left].map(({ raw }) => raw);
}

export type PeerFault =
  /** No certificate, or not one that can be read. */
  | "unreadable"
  /** A CA, or not one that signs. */
  | "type"
  /** Key or signature of another algorithm than agreed upon. */
  | "content"
  /** Another role. */
  | "scope"
  /** Signed by no key of who it names as its issuer. */
  | "signature"
  /** No path to an anchor. */
  | "chain"
  | "not-valid-now"
  | "revoked";

export interface PeerInput {
  /** DER: the leaf, then CAs on its way, in any order. */
  readonly certificates: readonly Uint8Array[];
  /** DER: more CAs that may stand on the way. */
  readonly issuers?: readonly Uint8Array[];
  readonly trust: Trust;
  readonly curve: Curve;
  /** `OU=…`: an attribute that the subject must have. */
  readonly role?: string | undefined;
  /** ms since the epoch. */
  readonly at: number;
}

export type PeerResult =
  | { readonly ok: true; readonly key: PublicKey }
  | { readonly ok: false; readonly reason: PeerFault; readonly what: string };

const fail = (reason: PeerFault, what: string): PeerResult => ({ ok: false, reason, what });

const FAULTS = {
  unreadable: "unreadable",
  "wrong-type": "type",
  "chain-invalid": "chain",
  "not-valid-now": "not-valid-now",
} as const;

export async function checkPeer(input: PeerInput): Promise<PeerResult> {
  const { certificates, issuers = [], trust, curve, role, at } = input;
  const { anchors, revoked } = trust;
  let leaf: Certificate;
  const others: Certificate[] = [];
  try {
    const [first, ...more] = certificates;
    if (first === undefined) return fail("unreadable", "there is no certificate");
    leaf = parseCertificate(first);
    decodeName(leaf.subject);
    for (const der of [...more, ...issuers, ...anchors]) others.push(parseCertificate(der));
  } catch (error) {
    return fail("unreadable", whatOf(error));
  }
  if (leaf.isCa) return fail("type", "it is a CA's");
  if (leaf.keyUsage !== undefined && (leaf.keyUsage & KEY_USAGE.digitalSignature) === 0)
    return fail("type", "its key may not sign");
  let key: PublicKey;
  try {
    key = readPublicKey(leaf.spki);
  } catch (error) {
    return fail("content", whatOf(error));
  }
  if (key.curve !== curve) return fail("content", `its key is on ${key.curve} instead of ${curve}`);
  const [sent, known] = [certificates.slice(1), issuers];
  const chain = await verifyChain({ leaf: leaf.raw, issuers: [...sent, ...known], anchors, at });
  if (!chain.ok) {
    const forged = chain.reason === "chain-invalid" && (await hasWrongSignature([leaf, ...others]));
    return fail(forged ? "signature" : FAULTS[chain.reason], chain.what);
  }
  if (await isRevoked(chain.path, revoked)) return fail("revoked", "it is revoked, or a CA above it");
  if (role !== undefined && !hasRole(leaf, role)) return fail("scope", `its subject has no ${role}`);
  return { ok: true, key };
}

/** What is wrong with a CA's certificate that the peer sends ahead of its own; undefined where nothing is. */
export async function authorityFault({
  certificate,
  issuers,
  trust,
  at,
}: {
  readonly certificate: Uint8Array;
  readonly issuers: readonly Uint8Array[];
  readonly trust: Trust;
  readonly at: number;
}): Promise<PeerFault | undefined> {
  let sent: Certificate;
  try {
    sent = parseCertificate(certificate);
    readPublicKey(sent.spki);
  } catch (error) {
    whatOf(error);
    return "unreadable";
  }
  if (!sent.isCa) return "type";
  const above = [...issuers, ...trust.anchors].map(parseCertificate);
  const named = above.filter(({ subject }) => equalBytes(subject, sent.issuer));
  if (named.length === 0) return "chain";
  const signers = await Promise.all(named.map((ca) => hasSigned(ca, sent)));
  const signer = named[signers.indexOf(true)];
  if (signer === undefined) return "signature";
  if (at < sent.notBefore || at >= sent.notAfter + 1_000) return "not-valid-now";
  return (await isRevoked([sent, signer], trust.revoked)) ? "revoked" : undefined;
}

async function hasSigned(ca: Certificate, { hash, tbs, signature }: Certificate): Promise<boolean> {
  return hash !== undefined && verifySignature(certificateKey(ca), hash, tbs, signature);
}

/** Whether one of them names an issuer who is there and has not signed it. */
async function hasWrongSignature(certificates: readonly Certificate[]): Promise<boolean> {
  for (const certificate of certificates) {
    const named = certificates.filter((other) => other.isCa && equalBytes(other.subject, certificate.issuer));
    if (named.length === 0) continue;
    const signed = await Promise.all(named.map((ca) => hasSigned(ca, certificate)));
    if (!signed.includes(true)) return true;
  }
  return false;
}

function hasRole(certificate: Certificate, role: string): boolean {
  const wanted = nameKey(parseDnTemplate([role]));
  return decodeName(certificate.subject).some((attribute) => nameKey([attribute]) === wanted);
}

function whatOf(error: unknown): string {
  if (!isStationError(error, "PKI_UNREADABLE")) throw error;
  return String(error.details.what);
}
