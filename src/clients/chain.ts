/** Issuing CAs and roots out of a PEM bundle, by who issued whom. */
import { X509Certificate } from "node:crypto";
import { describe, StationError } from "../shared/errors.js";
import type { CertificateChain } from "../station/ports.js";

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** A bundle's certificates. Roots issued themselves; the others are issuing CAs. */
export interface ChainBundle {
  /** Every root, and every issuing CA that leads to one, those farther from the root first. */
  readonly all: CertificateChain;
  /** The way from a leaf to its root alone; undefined when the bundle has none. @param leaf DER */
  of(leaf: Uint8Array): CertificateChain | undefined;
}

/** @throws StationError CONFIG_INVALID when the text holds no root, or something else than CA certificates */
export function readChainBundle(pem: string, name = "chain file"): ChainBundle {
  const fail = (what: string, cause?: unknown) =>
    new StationError("CONFIG_INVALID", { details: { what: `${name}: ${what}` }, cause });
  const certificates = (pem.match(PEM) ?? []).map((text, i) => {
    try {
      return new X509Certificate(text);
    } catch (error) {
      throw fail(`certificate ${i + 1} cannot be read: ${describe(error)}`, error);
    }
  });
  const leaf = certificates.findIndex((certificate) => !certificate.ca);
  if (leaf >= 0) throw fail(`certificate ${leaf + 1} is no CA certificate`);
  const roots = certificates.filter((certificate) => issued(certificate, certificate));
  if (roots.length === 0) throw fail("there is no root (a certificate that issued itself)");
  const others = certificates.filter((certificate) => !roots.includes(certificate));

  const wayOf = (certificate: X509Certificate): X509Certificate[] | undefined => {
    const way: X509Certificate[] = [];
    for (let at = certificate; way.length <= certificates.length; ) {
      const root = roots.find((each) => issued(each, at));
      if (root !== undefined) return [...way, root];
      const issuer = others.find((each) => each !== at && issued(each, at));
      if (issuer === undefined) return undefined;
      way.push(issuer);
      at = issuer;
    }
    return undefined;
  };
  const depths = others.map((certificate) => ({ certificate, depth: wayOf(certificate)?.length ?? 0 }));
  const stray = depths.find(({ depth }) => depth === 0);
  if (stray !== undefined) throw fail(`no root leads to ${stray.certificate.subject.replaceAll("\n", ", ")}`);
  depths.sort((a, b) => b.depth - a.depth);
  // Each from itself to its root: known once, not checked again for every leaf.
  const ways = new Map([
    ...roots.map((root) => [root, [root]] as const),
    ...others.map((certificate) => [certificate, [certificate, ...(wayOf(certificate) ?? [])]] as const),
  ]);
  return {
    all: { issuers: depths.map(({ certificate }) => der(certificate)), anchors: roots.map(der) },
    of(leafDer) {
      const leaf = new X509Certificate(leafDer);
      const named = certificates.filter((certificate) => leaf.checkIssued(certificate));
      // A signature is checked here, which holds up everything else, only where names and key ids leave a choice.
      const issuer = named.length > 1 ? named.find((certificate) => issued(certificate, leaf)) : named[0];
      const way = issuer && ways.get(issuer);
      return way && { issuers: way.slice(0, -1).map(der), anchors: way.slice(-1).map(der) };
    },
  };
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function der(certificate: X509Certificate): Uint8Array {
  return new Uint8Array(certificate.raw);
}
