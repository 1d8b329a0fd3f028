/** CAs and clients for tests of who may come in: any issuer, names, times and purpose. */
import { createHash, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { buildCaCertificate } from "../../../../src/pki/certificate.js";
import { sequence, textNode } from "../../../../src/pki/der.js";
import { EXTENSION, extension, signCertificate, signerExtensions } from "../../../../src/pki/extensions.js";
import { keyIdentifier, publicKeyOf, randomSerial, signer } from "../../../../src/pki/keys.js";
import { encodeName } from "../../../../src/pki/names.js";
import { encodePem } from "../../../../src/pki/pem.js";
import { CLIENT_AUTH, SERVER_AUTH } from "../../../../src/pki/types.js";
import { type PeerCertificate, peerCertificate } from "../../../../src/servers/http/peer.js";

const DAY = 86_400_000;
const DNS_NAME = 0x82;
const URI = 0x86;

export interface Holder {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly name: Uint8Array;
  readonly privateKey: KeyObject;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly pin: string;
  readonly peer: PeerCertificate;
}

export interface Wanted {
  readonly cn?: string;
  /** Left out, the certificate is self-signed. */
  readonly issuer?: Holder;
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  readonly role?: "client" | "server";
  /** The key of another certificate. */
  readonly sameKey?: Holder;
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function times({ from = -1, to = 30 }: Wanted) {
  return { notBefore: Date.now() + from * DAY, notAfter: Date.now() + to * DAY };
}

function holder(der: Uint8Array, privateKey: KeyObject, name: Uint8Array): Holder {
  return {
    cert: encodePem(der, "CERTIFICATE"),
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    name,
    privateKey,
    pin: createHash("sha256").update(publicKeyOf(privateKey).spki).digest("hex"),
    peer: peerCertificate(new X509Certificate(der)),
  };
}

export async function makeCa(wanted: Wanted = {}): Promise<Holder> {
  const privateKey = newKey();
  const subject = encodeName([{ type: "CN", value: wanted.cn ?? "Plant CA" }]);
  const der = await buildCaCertificate({
    subject,
    publicKey: publicKeyOf(privateKey),
    serial: randomSerial(),
    ...times(wanted),
    hash: "sha256",
    sign: signer(privateKey, "sha256"),
  });
  return holder(der, privateKey, subject);
}

export async function makeClient(wanted: Wanted = {}): Promise<Holder> {
  const { issuer, dns = [], uris = [], role = "client" } = wanted;
  const privateKey = wanted.sameKey?.privateKey ?? newKey();
  const subject = encodeName([{ type: "CN", value: wanted.cn ?? "business server" }]);
  const issuerKey = issuer?.privateKey ?? privateKey;
  const names = [...dns.map((name) => textNode(DNS_NAME, name)), ...uris.map((name) => textNode(URI, name))];
  const der = await signCertificate({
    subject,
    issuer: issuer?.name ?? subject,
    publicKey: publicKeyOf(privateKey),
    serial: randomSerial(),
    ...times(wanted),
    extensions: [
      ...signerExtensions(
        keyIdentifier(publicKeyOf(issuerKey)),
        publicKeyOf(privateKey),
        role === "client" ? CLIENT_AUTH : SERVER_AUTH,
      ),
      ...(names.length === 0 ? [] : [extension(EXTENSION.subjectAltName, false, sequence(...names))]),
    ],
    hash: "sha256",
    sign: signer(issuerKey, "sha256"),
  });
  return holder(der, privateKey, subject);
}
