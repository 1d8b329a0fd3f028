/** Requests for certificates as the benches of the vPKI send them. */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { buildCsr, encodePem } from "../../pki/csr.js";
import { publicKeyOf, signer } from "../../pki/keys.js";
import { encodeName } from "../../pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType, sampleSubject } from "../../pki/types.js";

const CODES = { unitCode: "C001", tierCode: "P001", vehicleCode: "SX2", localCode: "KR", brandCode: "HMC" };
const newKeyPair = promisify(generateKeyPair);

/** Body of an issue or a reissue with a fresh key, JSON. */
export async function issueBody(type: CertificateType): Promise<string> {
  const { curve, hash } = CERTIFICATE_TYPES[type];
  const { privateKey } = await newKeyPair("ec", { namedCurve: curve });
  const der = await buildCsr({
    subject: encodeName(sampleSubject(type)),
    publicKey: publicKeyOf(privateKey).spki,
    attributes: new Uint8Array(),
    hash,
    sign: signer(privateKey, hash),
  });
  return JSON.stringify({ csr: encodePem(der, "CERTIFICATE REQUEST"), ...CODES });
}
