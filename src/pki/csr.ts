/** PKCS#10 certification requests (RFC 2986). Attributes are kept raw: challengePassword comes as IA5String, which strict readers refuse. */
import { concat } from "../shared/bytes.js";
import { isStationError } from "../shared/errors.js";
import {
  bitString,
  expectTag,
  oid,
  readAll,
  readBits,
  readDer,
  readOid,
  readText,
  readWhole,
  sequence,
  TAG,
  textNode,
  tlv,
  unreadable,
} from "./der.js";
import {
  type Curve,
  type Hash,
  type PublicKey,
  readPublicKey,
  signatureAlgorithm,
  signatureHash,
  verifySignature,
} from "./keys.js";

export { decodeCsrPem, encodePem } from "./pem.js";

const ATTRIBUTES = 0xa0;

export interface CsrAttribute {
  readonly oid: string;
  readonly type: "utf8" | "ia5";
  readonly value: string;
}

/**
 * The Attribute SEQUENCEs one after the other, without the [0] header (`ecu-interface.md`, routine 0220), in the order of a SET OF in DER
 * (X.690 11.6), whatever theirs is.
 */
export function encodeAttributes(attributes: readonly CsrAttribute[]): Uint8Array {
  const encoded = attributes.map(({ oid: type, type: form, value }) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5String is all of ASCII (X.680 clause 41).
    if (form === "ia5" && !/^[\x00-\x7f]*$/.test(value)) throw unreadable(`attribute ${type} is not ASCII`);
    return sequence(oid(type), tlv(TAG.SET, textNode(form === "ia5" ? TAG.IA5_STRING : TAG.UTF8_STRING, value)));
  });
  return concat(...encoded.sort(Buffer.compare));
}

/** Attributes for people: OID, and the value's text where it is one text, else its hex. @throws StationError PKI_UNREADABLE */
export function decodeAttributes(attributes: Uint8Array): { oid: string; value: string }[] {
  return readAll(attributes).map((node) => {
    const [type, values] = readAll(expectTag(node, TAG.SEQUENCE, "attribute").content);
    const set = expectTag(values, TAG.SET, "attribute values").content;
    return { oid: readOid(type, "attribute type"), value: attributeText(set) ?? Buffer.from(set).toString("hex") };
  });
}

function attributeText(set: Uint8Array): string | undefined {
  if (set.length === 0) return "";
  const node = readDer(set);
  if (node.raw.length !== set.length) return undefined;
  try {
    return readText(node);
  } catch {
    return undefined;
  }
}

export interface CsrInput {
  /** Subject Name, DER. */
  readonly subject: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Attribute SEQUENCEs one after the other; empty gives an empty [0]. */
  readonly attributes: Uint8Array;
  readonly hash: Hash;
  /** ECDSA signature (DER) over the bytes. */
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

/** A signed request in DER. */
export async function buildCsr(input: CsrInput): Promise<Uint8Array> {
  const tbs = sequence(
    Uint8Array.of(TAG.INTEGER, 1, 0),
    input.subject,
    input.publicKey,
    tlv(ATTRIBUTES, input.attributes),
  );
  return sequence(tbs, signatureAlgorithm(input.hash), bitString(await input.sign(tbs)));
}

export interface Csr {
  /** CertificationRequestInfo, the signed bytes. */
  readonly tbs: Uint8Array;
  /** Subject Name, DER as sent. */
  readonly subject: Uint8Array;
  readonly publicKey: Uint8Array;
  /** Attribute SEQUENCEs one after the other, as sent. */
  readonly attributes: Uint8Array;
  /** Undefined for an algorithm that is not ECDSA with SHA-2. */
  readonly hash: Hash | undefined;
  readonly signature: Uint8Array;
}

/** Takes a request apart; neither key nor signature are looked at. @throws StationError PKI_UNREADABLE */
export function parseCsr(der: Uint8Array): Csr {
  const [info, algorithm, signature, ...after] = readAll(readWhole(der, TAG.SEQUENCE, "request").content);
  const tbs = expectTag(info, TAG.SEQUENCE, "request information");
  const [version, subject, publicKey, attributes, ...more] = readAll(tbs.content);
  const number = expectTag(version, TAG.INTEGER, "request version").content;
  if (number.length !== 1 || number[0] !== 0) throw unreadable("the request's version is not v1");
  if (after.length > 0 || more.length > 0) throw unreadable("elements follow the request");
  const raw = attributes === undefined ? new Uint8Array() : expectTag(attributes, ATTRIBUTES, "attributes").content;
  for (const node of readAll(raw)) expectTag(node, TAG.SEQUENCE, "attribute");
  return {
    tbs: tbs.raw,
    subject: expectTag(subject, TAG.SEQUENCE, "subject").raw,
    publicKey: expectTag(publicKey, TAG.SEQUENCE, "public key").raw,
    attributes: raw,
    hash: signatureHash(expectTag(algorithm, TAG.SEQUENCE, "signature algorithm").raw),
    signature: readBits(signature, "signature"),
  };
}

export type CsrCheck =
  | { readonly ok: true; readonly key: PublicKey }
  | { readonly ok: false; readonly reason: "curve" | "hash" | "signature"; readonly what: string };

/** Proof of possession, and the curve and hash that the certificate type asks for. */
export async function verifyCsr(csr: Csr, wanted: { readonly curve: Curve; readonly hash: Hash }): Promise<CsrCheck> {
  let key: PublicKey;
  try {
    key = readPublicKey(csr.publicKey);
  } catch (error) {
    if (!isStationError(error, "PKI_UNREADABLE")) throw error;
    return { ok: false, reason: "curve", what: String(error.details.what) };
  }
  if (key.curve !== wanted.curve)
    return { ok: false, reason: "curve", what: `${key.curve} instead of ${wanted.curve}` };
  if (csr.hash !== wanted.hash)
    return { ok: false, reason: "hash", what: `${csr.hash ?? "another algorithm"} instead of ${wanted.hash}` };
  if (!(await verifySignature(key, csr.hash, csr.tbs, csr.signature)))
    return { ok: false, reason: "signature", what: "the signature is not by the request's key" };
  return { ok: true, key };
}
