/** Requests for certificates as those who load a vPKI send them. */
import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { buildCsr } from "../../pki/csr.js";
import { type Hash, publicKeyOf, signer } from "../../pki/keys.js";
import { type DnAttribute, encodeName } from "../../pki/names.js";
import { encodePem } from "../../pki/pem.js";
import { CERTIFICATE_TYPES, type CertificateType, sampleSubject } from "../../pki/types.js";

/** Codes that go with a CSR, such as the OEM's samples have. */
export const SAMPLE_CODES = {
  unitCode: "C001",
  tierCode: "P001",
  vehicleCode: "SX2",
  localCode: "KR",
  brandCode: "HMC",
} as const;

const newKeyPair = promisify(generateKeyPair);

/** A CSR without attributes, signed by the key that it is for, PEM. */
export async function csrPem(key: KeyObject, subject: readonly DnAttribute[], hash: Hash): Promise<string> {
  const der = await buildCsr({
    subject: encodeName(subject),
    publicKey: publicKeyOf(key).spki,
    attributes: new Uint8Array(),
    hash,
    sign: signer(key, hash),
  });
  return encodePem(der, "CERTIFICATE REQUEST");
}

/** Body of an issue or a reissue with a fresh key, JSON. */
export async function issueBody(type: CertificateType): Promise<string> {
  const { curve, hash } = CERTIFICATE_TYPES[type];
  const { privateKey } = await newKeyPair("ec", { namedCurve: curve });
  return JSON.stringify({ csr: await csrPem(privateKey, sampleSubject(type), hash), ...SAMPLE_CODES });
}
