/** ECDSA keys and signatures on P-256 and P-521. Signing and verifying run on the thread pool. */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, verify } from "node:crypto";
import { StationError } from "../shared/errors.js";
import {
  bitString,
  expectTag,
  integer,
  oid,
  readAll,
  readBits,
  readOid,
  readWhole,
  sequence,
  TAG,
  unreadable,
} from "./der.js";

export type Curve = "P-256" | "P-521";
export type Hash = "sha256" | "sha384" | "sha512";

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const CURVES: Readonly<Record<string, { curve: Curve; size: number }>> = {
  "1.2.840.10045.3.1.7": { curve: "P-256", size: 32 },
  "1.3.132.0.35": { curve: "P-521", size: 66 },
};
/** Octets of a point by its first one (SEC 1 2.3.3; RFC 5480 2.2 knows no other forms). */
const POINT_SIZES: Readonly<Record<number, (size: number) => number>> = {
  2: (size) => 1 + size,
  3: (size) => 1 + size,
  4: (size) => 1 + 2 * size,
};
/** Signature algorithms by OID (RFC 5758 3.2). */
const SIGNATURES: Readonly<Record<string, Hash>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};

/** An EC public key on one of the two curves. */
export interface PublicKey {
  readonly curve: Curve;
  /** SubjectPublicKeyInfo in its one usual form: named curve, uncompressed point. */
  readonly spki: Uint8Array;
  /** The uncompressed point. */
  readonly point: Uint8Array;
  readonly key: KeyObject;
}

/**
 * Reads a SubjectPublicKeyInfo; the point may be compressed and must lie on the curve.
 * @throws StationError PKI_UNREADABLE, also for other algorithms and curves
 */
export function readPublicKey(spki: Uint8Array): PublicKey {
  const [algorithm, bits] = readAll(readWhole(spki, TAG.SEQUENCE, "public key").content);
  const [type, parameters] = readAll(expectTag(algorithm, TAG.SEQUENCE, "key algorithm").content);
  const typeOid = readOid(type, "key algorithm");
  if (typeOid !== EC_PUBLIC_KEY || parameters?.tag !== TAG.OID) throw unreadable("not an EC key on a named curve");
  const named = CURVES[readOid(parameters)];
  if (named === undefined) throw unreadable(`curve ${readOid(parameters)} is neither P-256 nor P-521`);
  const given = readBits(bits, "public key");
  // Before Node sees the key: asked about the point at infinity, it ends the whole process.
  if (POINT_SIZES[given[0] ?? 0]?.(named.size) !== given.length)
    throw unreadable("the public key is no compressed or uncompressed point of its curve");
  let key: KeyObject;
  let jwk: { x?: string; y?: string };
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    jwk = key.export({ format: "jwk" });
  } catch (error) {
    throw unreadable("the public key is no point of its curve", error);
  }
  const point = new Uint8Array(1 + 2 * named.size);
  point[0] = 4;
  point.set(coordinate(jwk.x, named.size), 1);
  point.set(coordinate(jwk.y, named.size), 1 + named.size);
  const usual = given[0] === 4 ? new Uint8Array(spki) : sequence(algorithm?.raw ?? new Uint8Array(), bitString(point));
  return { curve: named.curve, spki: usual, point, key };
}

function coordinate(text: string | undefined, size: number): Uint8Array {
  const bytes = Buffer.from(text ?? "", "base64url");
  if (bytes.length > size) throw unreadable("the public key is no point of its curve");
  return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}

/** Key identifier by RFC 5280 4.2.1.2 (1): SHA-1 of the point. */
export function keyIdentifier(key: PublicKey): Uint8Array {
  return new Uint8Array(createHash("sha1").update(key.point).digest());
}

/** AlgorithmIdentifier of ecdsa-with-SHA… */
export function signatureAlgorithm(hash: Hash): Uint8Array {
  const found = Object.entries(SIGNATURES).find(([, name]) => name === hash);
  return sequence(oid(found?.[0] ?? ""));
}

/** Hash of a signature's AlgorithmIdentifier; undefined for one that is not ECDSA with SHA-2. */
export function signatureHash(algorithm: Uint8Array): Hash | undefined {
  const [type, ...parameters] = readAll(readWhole(algorithm, TAG.SEQUENCE, "signature algorithm").content);
  const hash = SIGNATURES[readOid(type, "signature algorithm")];
  return parameters.length === 0 ? hash : undefined;
}

/** Checks an ECDSA signature (DER). False for one that is no signature at all. */
export function verifySignature(key: PublicKey, hash: Hash, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    verify(hash, data, key.key, signature, (error, result) => resolve(error === null && result));
  });
}

/** A signer by a private key of this process: ECDSA, DER. */
export function signer(privateKey: KeyObject, hash: Hash): (data: Uint8Array) => Promise<Uint8Array> {
  return (data) =>
    new Promise((resolve, reject) => {
      sign(hash, data, privateKey, (error, signature) => {
        if (error === null) resolve(new Uint8Array(signature));
        else reject(new StationError("INTERNAL", { details: { what: "signing failed" }, cause: error }));
      });
    });
}

/** A signature as tokens give it (r‖s, each half as long) in the form of certificates (RFC 3279 2.2.3). */
export function derSignature(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}

/** A new serial number: 20 random octets, positive. */
export function randomSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(20));
  // The top bit clear keeps it positive, the next one set keeps it at 20 octets.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** SubjectPublicKeyInfo of a private key of this process. */
export function publicKeyOf(privateKey: KeyObject): PublicKey {
  return readPublicKey(new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" })));
}
