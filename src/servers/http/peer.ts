/** Who a request comes from. */
import { createHash, type X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import { type Certificate, EXTENSION, parseCertificate } from "../../pki/certificate.js";
import { readAll, readWhole, TAG } from "../../pki/der.js";
import { CLIENT_AUTH } from "../../pki/types.js";
import { isStationError } from "../../shared/errors.js";

/** The certificate whose key the peer has proven to hold. By whom it was issued is not checked here. */
export interface PeerCertificate {
  readonly x509: X509Certificate;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** As OpenSSL prints it, attributes divided by commas. */
  readonly subject: string;
  /** Undefined where our reader does not take it. */
  readonly content: PeerFacts | undefined;
}

export interface PeerFacts {
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly publicKey: string;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** False where extKeyUsage leaves out clientAuth. */
  readonly forClients: boolean;
  /** Names of subjectAltName: dNSName in lower case, uniformResourceIdentifier as it stands. */
  readonly dns: readonly string[];
  readonly uris: readonly string[];
}

const DNS_NAME = 0x82;
const URI = 0x86;
const ANY_PURPOSE = "2.5.29.37.0";

/** A connection is one peer's for its whole life. */
const known = new WeakMap<TLSSocket, PeerCertificate>();
/** What a peer is called that the server knows. */
const names = new WeakMap<FastifyRequest, string>();

/** The certificate of a request's peer; undefined without TLS or without a certificate. */
export function certificateOf({ raw }: FastifyRequest): PeerCertificate | undefined {
  const { socket } = raw;
  if (!(socket instanceof TLSSocket)) return undefined;
  const earlier = known.get(socket);
  if (earlier !== undefined) return earlier;
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined) return undefined;
  const peer = peerCertificate(x509);
  known.set(socket, peer);
  return peer;
}

export function peerCertificate(x509: X509Certificate): PeerCertificate {
  return {
    x509,
    fingerprint: sha256(x509.raw),
    subject: x509.subject.replaceAll("\n", ","),
    content: factsOf(x509.raw),
  };
}

function factsOf(der: Uint8Array): PeerFacts | undefined {
  try {
    const certificate = parseCertificate(der);
    const { spki, notBefore, notAfter, extKeyUsage } = certificate;
    return {
      publicKey: sha256(spki),
      notBefore,
      notAfter,
      forClients: extKeyUsage?.some((purpose) => purpose === CLIENT_AUTH || purpose === ANY_PURPOSE) ?? true,
      dns: alternativeNames(certificate, DNS_NAME).map((name) => name.toLowerCase()),
      uris: alternativeNames(certificate, URI),
    };
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return undefined;
    throw error;
  }
}

function alternativeNames({ extensions }: Certificate, tag: number): string[] {
  const value = extensions.get(EXTENSION.subjectAltName)?.value;
  if (value === undefined) return [];
  return readAll(readWhole(value, TAG.SEQUENCE, "subjectAltName").content)
    .filter((node) => node.tag === tag)
    .map((node) => Buffer.from(node.content).toString("latin1"));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Keeps what the server calls the peer of a request. */
export function namePeer(request: FastifyRequest, name: string): void {
  names.set(request, name);
}

/** What the server calls the peer; undefined where it does not know it. */
export function nameOf(request: FastifyRequest): string | undefined {
  return names.get(request);
}

/** The peer's address, an IPv4-mapped one as IPv4. */
export function addressOf({ ip }: Pick<FastifyRequest, "ip">): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** The peer's address, and its name where the server knows it. */
export function peerOf(request: FastifyRequest): string {
  const name = nameOf(request);
  return name === undefined ? addressOf(request) : `${addressOf(request)} ${name}`;
}

/** What stays of a peer over its connections: the key that it has proven to hold (SHA-256 of its SPKI), else its address. */
export function peerKey(request: FastifyRequest): string {
  const certificate = certificateOf(request);
  return certificate === undefined ? addressOf(request) : (certificate.content?.publicKey ?? certificate.fingerprint);
}
