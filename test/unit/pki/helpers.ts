import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { buildCaCertificate, buildCertificate, type Issuer, validity } from "../../../src/pki/certificate.js";
import { type Hash, keyIdentifier, type PublicKey, readPublicKey, signer } from "../../../src/pki/keys.js";
import { encodeName, parseDn } from "../../../src/pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../src/pki/types.js";

export interface Pair {
  readonly key: KeyObject;
  readonly public: PublicKey;
}

export function pair(curve: "P-256" | "P-521"): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return { key: privateKey, public: readPublicKey(publicKey.export({ format: "der", type: "spki" })) };
}

export function serial(): Uint8Array {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

export const name = (dn: string) => encodeName(parseDn(dn));
const hashOf = (pair: Pair): Hash => (pair.public.curve === "P-256" ? "sha256" : "sha512");
export const issuerOf = (dn: string, by: Pair): Issuer => ({
  name: name(dn),
  keyIdentifier: keyIdentifier(by.public),
});

export const AT = Date.UTC(2026, 5, 1, 12);
const YEAR = 365 * 86_400_000;

export interface CaOptions {
  readonly pathLen?: number;
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** A CA certificate named `dn` for `subject`, signed by `by` (itself for a root). */
export function ca(dn: string, subject: Pair, by?: { dn: string; pair: Pair }, options: CaOptions = {}) {
  return buildCaCertificate({
    subject: name(dn),
    publicKey: subject.public,
    ...(by === undefined ? {} : { issuer: issuerOf(by.dn, by.pair) }),
    serial: serial(),
    notBefore: options.notBefore ?? AT - YEAR,
    notAfter: options.notAfter ?? AT + 40 * YEAR,
    ...(options.pathLen === undefined ? {} : { pathLen: options.pathLen }),
    hash: hashOf(by?.pair ?? subject),
    sign: signer((by?.pair ?? subject).key, hashOf(by?.pair ?? subject)),
  });
}

export const SUBJECTS: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "cn=KM8P2844A9TD84HR91,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM",
  "prov-15118-20": "cn=KM7P2E4Z95N5TGQ178,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20",
  "vehicle-15118-20": "cn=KM7V200DA343BEMZEG80,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV",
  "ccu-sha256": "cn=test20230207091007.com,ou=P001,ou=C001,ou=ECC,o=HKMC,c=KR",
  "ccu-sha512": "cn=test20230207105921.com,ou=P002,ou=C002,ou=ECC,o=HKMC,c=KR",
};

export const URLS = {
  crl: "http://127.0.0.1:8081/ECC/CA01001/crl/Crl1p1Dp4.crl",
  ocsp: "http://127.0.0.1:8081/ECC/OCSP/CA01001",
  caIssuers: "http://127.0.0.1:8081/ECC/cert/CA01001.der",
  cps: "https://127.0.0.1:8081/cps",
  notice: "http://127.0.0.1:8081/repository",
};

export function leaf(
  type: CertificateType,
  subject: Pair,
  by: { dn: string; pair: Pair },
  options: { asSeen?: boolean; notBefore?: number; notAfter?: number } = {},
) {
  const times = validity(type, AT);
  return buildCertificate({
    type,
    subject: name(SUBJECTS[type]),
    publicKey: subject.public,
    issuer: issuerOf(by.dn, by.pair),
    serial: serial(),
    notBefore: options.notBefore ?? times.notBefore,
    notAfter: options.notAfter ?? times.notAfter,
    urls: URLS,
    asSeen: options.asSeen ?? false,
    sign: signer(by.pair.key, CERTIFICATE_TYPES[type].hash),
  });
}
