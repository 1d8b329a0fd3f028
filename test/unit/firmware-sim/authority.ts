/** A test PKI made by @peculiar/x509, independent of src/pki. */
import { webcrypto } from "node:crypto";
// First: the next import needs it.
import "./reflect.js";

import * as x509 from "@peculiar/x509";

// Node's and the browser's types of the same thing differ.
x509.cryptoProvider.set(webcrypto as Crypto);

export type Curve = "P-256" | "P-521";
const HASH = { "P-256": "SHA-256", "P-521": "SHA-512" } as const;

/** The bench's ECU clock is set into this span. */
export const NOW = Date.UTC(2026, 5, 1);
const YEAR = 365 * 24 * 3_600_000;

export interface Validity {
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export class Authority {
  private constructor(
    readonly certificate: x509.X509Certificate,
    readonly keys: webcrypto.CryptoKeyPair,
    readonly curve: Curve,
  ) {}

  static async root(name: string, curve: Curve = "P-256", validity: Validity = {}): Promise<Authority> {
    const keys = await newKeys(curve);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name,
      keys,
      signingAlgorithm: { name: "ECDSA", hash: HASH[curve] },
      ...dates(validity),
      extensions: await caExtensions(keys.publicKey),
    });
    return new Authority(certificate, keys, curve);
  }

  async subordinate(name: string, validity: Validity = {}): Promise<Authority> {
    const keys = await newKeys(this.curve);
    const certificate = await this.#issue(name, keys.publicKey, await caExtensions(keys.publicKey), validity);
    return new Authority(certificate, keys, this.curve);
  }

  /** A leaf for the key of a request. Critical key identifiers are what OpenSSL peers would refuse. */
  async leaf(csr: Uint8Array, validity: Validity = {}, criticalIds = false): Promise<Uint8Array> {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr));
    const key = await request.publicKey.export();
    return der(
      await this.#issue(
        request.subject,
        key,
        [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyAgreement, true),
          await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey, criticalIds),
          await x509.SubjectKeyIdentifierExtension.create(key, criticalIds),
        ],
        validity,
      ),
    );
  }

  get der(): Uint8Array {
    return der(this.certificate);
  }

  #issue(subject: string, publicKey: webcrypto.CryptoKey, extensions: x509.Extension[], validity: Validity) {
    return x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject,
      issuer: this.certificate.subject,
      signingKey: this.keys.privateKey,
      publicKey,
      signingAlgorithm: { name: "ECDSA", hash: HASH[this.curve] },
      ...dates(validity),
      extensions,
    });
  }
}

async function newKeys(curve: Curve): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: curve }, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
}

/** A request for a key that the ECU has not. */
export async function strangeCsr(name: string): Promise<Uint8Array> {
  const keys = await newKeys("P-256");
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  return new Uint8Array(
    (await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm })).rawData,
  );
}

function dates({ notBefore = NOW - YEAR, notAfter = NOW + YEAR }: Validity) {
  return { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
}

async function caExtensions(key: webcrypto.CryptoKey): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(key),
  ];
}

const serial = () =>
  Buffer.from(webcrypto.getRandomValues(new Uint8Array(19)))
    .toString("hex")
    .padStart(40, "01");
const der = (certificate: x509.X509Certificate) => new Uint8Array(certificate.rawData);

/** Subject of a request, whether its signature is good, and its hash. */
export async function readCsr(csr: Uint8Array) {
  const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr));
  return {
    subject: request.subject,
    verified: await request.verify(),
    algorithm: request.signatureAlgorithm,
    attributes: request.attributes.map(({ type }) => type),
    publicKey: request.publicKey,
  };
}
