/** What certificates of every kind are built of: extensions, and the signed whole (RFC 5280). */
import { bitString, integer, octetString, oid, sequence, TAG, TRUE, textNode, time, tlv } from "./der.js";
import { type Hash, keyIdentifier, type PublicKey, signatureAlgorithm } from "./keys.js";

/** Extensions of CRLs. */
export const CRL_EXTENSION = {
  crlNumber: "2.5.29.20",
  reasonCode: "2.5.29.21",
  issuingDistributionPoint: "2.5.29.28",
} as const;

export const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlDistributionPoints: "2.5.29.31",
  certificatePolicies: "2.5.29.32",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
} as const;

/** keyUsage bits as they stand in the first octet. */
export const KEY_USAGE = { digitalSignature: 0x80, keyAgreement: 0x08, keyCertSign: 0x04, cRLSign: 0x02 } as const;

const URI = 0x86;

/** One Extension (RFC 5280 4.1). */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [TRUE] : []), octetString(value));
}

/** Critical keyUsage of these bits. */
export function keyUsage(...bits: readonly number[]): Uint8Array {
  const octet = bits.reduce((sum, bit) => sum | bit, 0);
  const unused = Math.log2(octet & -octet);
  return extension(EXTENSION.keyUsage, true, Uint8Array.of(TAG.BIT_STRING, 2, unused, octet));
}

export const authorityKey = (identifier: Uint8Array, critical: boolean) =>
  extension(EXTENSION.authorityKeyIdentifier, critical, sequence(tlv(0x80, identifier)));
export const subjectKey = (key: PublicKey, critical: boolean) =>
  extension(EXTENSION.subjectKeyIdentifier, critical, octetString(keyIdentifier(key)));
/** GeneralName uniformResourceIdentifier. */
export const uri = (url: string) => textNode(URI, url);

/** What an end entity that signs in one role carries: key identifiers, digitalSignature, no CA, and its purpose (an OID). */
export function signerExtensions(issuerKey: Uint8Array, key: PublicKey, purpose: string): Uint8Array[] {
  return [
    authorityKey(issuerKey, false),
    subjectKey(key, false),
    keyUsage(KEY_USAGE.digitalSignature),
    extension(EXTENSION.basicConstraints, true, sequence()),
    extension(EXTENSION.extKeyUsage, false, sequence(oid(purpose))),
  ];
}

/** What a certificate of any kind is made of. */
export interface Signable {
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  readonly extensions: readonly Uint8Array[];
  readonly hash: Hash;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

/** A signed v3 certificate, DER. */
export async function signCertificate(input: Signable): Promise<Uint8Array> {
  const algorithm = signatureAlgorithm(input.hash);
  const tbs = sequence(
    tlv(0xa0, Uint8Array.of(TAG.INTEGER, 1, 2)),
    integer(input.serial),
    algorithm,
    input.issuer,
    sequence(time(input.notBefore), time(input.notAfter)),
    input.subject,
    input.publicKey.spki,
    tlv(0xa3, sequence(...input.extensions)),
  );
  return sequence(tbs, algorithm, bitString(await input.sign(tbs)));
}
