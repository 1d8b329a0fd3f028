/** The station's key: Ed25519, made at the first start; it signs unit records over their canonical JSON. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { hasCode } from "../shared/error-code.js";
import { describe, StationError } from "../shared/errors.js";
import { readSettings, writeFileAtomic } from "../shared/files.js";
import { canonicalJson } from "./canonical.js";
import type { Signature, UnitRecord } from "./unit-record.js";

/** A public key that signatures name. */
export interface VerifyingKey {
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface StationKey extends VerifyingKey {
  /** SubjectPublicKeyInfo, base64. */
  readonly spki: string;
  sign(record: UnitRecord): UnitRecord & { readonly signature: Signature };
}

/** @param key a public key; @throws StationError CONFIG_INVALID for one of another kind */
export function verifyingKey(key: KeyObject, where: string): VerifyingKey {
  if (key.asymmetricKeyType !== "ed25519") throw invalid(where, "is no Ed25519 key");
  return { id: createHash("sha256").update(spkiOf(key)).digest("hex"), key };
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function invalid(where: string, what: string): StationError {
  return new StationError("CONFIG_INVALID", { details: { what: `${where}: ${what}` } });
}

/** The bytes that are signed. */
export function signedBytes(record: UnitRecord): Uint8Array {
  const { signature: _, ...rest } = record;
  return Buffer.from(canonicalJson(rest), "utf8");
}

/** The key of that file; made where there is none. @throws StationError CONFIG_INVALID where it holds something else */
export async function openStationKey(file: string): Promise<StationKey> {
  const found = await readText(file);
  if (found !== undefined) return stationKey(found, file);
  const { privateKey } = generateKeyPairSync("ed25519");
  // Another process may have made one meanwhile: the first one counts.
  await writeFileAtomic(file, privateKey.export({ type: "pkcs8", format: "pem" }), { exclusive: true });
  return stationKey((await readText(file)) ?? "", file);
}

/** The public half of the key of that file, PEM; undefined where there is none. @throws StationError CONFIG_INVALID */
export async function readPublicKey(file: string): Promise<string | undefined> {
  const found = await readText(file);
  if (found === undefined) return undefined;
  return stationKey(found, file).key.export({ type: "spki", format: "pem" }).toString();
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readSettings(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw invalid(file, `cannot be read (${describe(error)})`);
  }
}

function stationKey(pem: string, file: string): StationKey {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    throw invalid(file, "is no private key (PEM)");
  }
  const own = verifyingKey(createPublicKey(privateKey), file);
  return {
    ...own,
    spki: spkiOf(own.key).toString("base64"),
    sign: (record) => {
      const { signature: _, ...rest } = record;
      const value = sign(null, signedBytes(record), privateKey).toString("base64");
      return { ...rest, signature: { alg: "Ed25519", key: own.id, value } };
    },
  };
}

/** Whether the record's signature is by that key. */
export function isSignedBy(record: UnitRecord, { id, key }: VerifyingKey): boolean {
  const { signature } = record;
  if (signature?.key !== id) return false;
  return verify(null, signedBytes(record), key, Buffer.from(signature.value, "base64"));
}
