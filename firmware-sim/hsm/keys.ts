/** The ECU's own EC key pairs: made, kept and used inside; only public keys, requests and signatures leave it. */
import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { type Curve, type Hash, signer } from "../../src/pki/keys.js";
import { fromBase64, type KeyPairState, toBase64 } from "../state.js";

/** Curves as the key-pair routine numbers them, each with the hash of its signatures. */
export const CURVES: Readonly<Record<number, { curve: Curve; hash: Hash }>> = {
  1: { curve: "P-256", hash: "sha256" },
  2: { curve: "P-521", hash: "sha512" },
};

const HASHES: Readonly<Record<Curve, Hash>> = { "P-256": "sha256", "P-521": "sha512" };

/** Makes a key pair on the thread pool. */
export function makeKeyPair(curve: Curve): Promise<KeyPairState> {
  return new Promise((resolve, reject) => {
    generateKeyPair(
      "ec",
      {
        namedCurve: curve,
        privateKeyEncoding: { type: "pkcs8", format: "der" },
        publicKeyEncoding: { type: "spki", format: "der" },
      },
      (error, _publicKey, privateKey) => {
        if (error === null) resolve({ curve, pkcs8: toBase64(privateKey) });
        else reject(error);
      },
    );
  });
}

export function hashOf(pair: KeyPairState): Hash {
  return HASHES[pair.curve];
}

/** SubjectPublicKeyInfo, DER: named curve, uncompressed point. */
export function publicKeyOf(pair: KeyPairState): Uint8Array {
  return new Uint8Array(createPublicKey(privateKeyOf(pair)).export({ type: "spki", format: "der" }));
}

/** ECDSA signer (DER) with the pair's own hash, on the thread pool. */
export function signWith(pair: KeyPairState): (data: Uint8Array) => Promise<Uint8Array> {
  return signer(privateKeyOf(pair), hashOf(pair));
}

function privateKeyOf(pair: KeyPairState) {
  return createPrivateKey({ key: Buffer.from(fromBase64(pair.pkcs8)), format: "der", type: "pkcs8" });
}
