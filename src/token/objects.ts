/** Key pairs in a token: found by label and CKA_ID, made there, their public half read. */
import { randomBytes } from "node:crypto";
import { type Attribute, CKA, CKK, CKM, CKO, type Cryptoki, type Handle } from "./cryptoki.js";
import { awaiting, calling, fault } from "./module.js";
import type { KeyName, TokenCurve } from "./protocol.js";

interface CurveRow {
  /** CKA_EC_PARAMS: the curve's OID, DER. */
  readonly params: string;
  /** Bytes of a coordinate. */
  readonly size: number;
  /** A SubjectPublicKeyInfo up to its uncompressed point (RFC 5480). */
  readonly spki: string;
}

export const CURVES: Readonly<Record<TokenCurve, CurveRow>> = {
  "P-256": {
    params: "06082a8648ce3d030107",
    size: 32,
    spki: "3059301306072a8648ce3d020106082a8648ce3d030107034200",
  },
  "P-521": { params: "06052b81040023", size: 66, spki: "30819b301006072a8648ce3d020106052b8104002303818600" },
};

export const keyText = ({ label, id }: KeyName) => (id === undefined ? label : `${label} (id ${id})`);

export function named({ label, id }: KeyName): Attribute[] {
  const byLabel = { type: CKA.LABEL, value: label };
  return id === undefined ? [byLabel] : [byLabel, { type: CKA.ID, value: Buffer.from(id, "hex") }];
}

/** Type of the keys that the program uses, by object class. */
const KEY_TYPES = { PUBLIC_KEY: CKK.EC, PRIVATE_KEY: CKK.EC, SECRET_KEY: CKK.AES } as const;

/** The EC or AES key of that name, undefined where there is none. @throws StationError TOKEN_KEY_MISSING where the name fits several */
export function findKey(
  cryptoki: Cryptoki,
  session: Handle,
  kind: keyof typeof KEY_TYPES,
  key: KeyName,
): Handle | undefined {
  const template = [
    { type: CKA.CLASS, value: CKO[kind] },
    { type: CKA.KEY_TYPE, value: KEY_TYPES[kind] },
    ...named(key),
  ];
  calling("C_FindObjectsInit", () => cryptoki.C_FindObjectsInit(session, template));
  const found = calling("C_FindObjects", () => cryptoki.C_FindObjects(session, 2));
  calling("C_FindObjectsFinal", () => cryptoki.C_FindObjectsFinal(session));
  if (found.length > 1) {
    throw fault("TOKEN_KEY_MISSING", `several keys are named ${keyText(key)} (tell them apart by their id)`);
  }
  return found[0];
}

/** SubjectPublicKeyInfo of a public key object. @throws StationError TOKEN_KEY_MISSING for another curve */
export function readSpki(cryptoki: Cryptoki, session: Handle, object: Handle, key: KeyName): Uint8Array {
  const [params, point] = calling("C_GetAttributeValue", () =>
    cryptoki.C_GetAttributeValue(session, object, [{ type: CKA.EC_PARAMS }, { type: CKA.EC_POINT }]),
  );
  const spki = spkiOf(params?.value ?? Buffer.alloc(0), point?.value ?? Buffer.alloc(0));
  if (spki !== undefined) return spki;
  throw fault("TOKEN_KEY_MISSING", `the public key ${keyText(key)} is no point of P-256 or P-521`);
}

/** @param point CKA_EC_POINT: an OCTET STRING around the point (PKCS#11 v2.40 2.3.3); some tokens leave the wrapping out */
export function spkiOf(params: Uint8Array, point: Uint8Array): Uint8Array | undefined {
  const curve = Object.values(CURVES).find((row) => row.params === Buffer.from(params).toString("hex"));
  if (curve === undefined) return undefined;
  const length = 1 + 2 * curve.size;
  const header = length < 0x80 ? [0x04, length] : [0x04, 0x81, length];
  const wrapped = point.length === header.length + length && header.every((byte, i) => point[i] === byte);
  const bare = wrapped ? point.subarray(header.length) : point;
  if (bare.length !== length || bare[0] !== 4) return undefined;
  return new Uint8Array(Buffer.concat([Buffer.from(curve.spki, "hex"), bare]));
}

/** Makes an EC key pair that stays in the token, for signatures alone: sensitive, not extractable. The session is read-write. */
export async function generateKeyPair(
  cryptoki: Cryptoki,
  session: Handle,
  key: KeyName,
  curve: TokenCurve,
): Promise<Handle> {
  // Other programs tell by the id which halves belong together.
  const id = key.id ?? randomBytes(16).toString("hex");
  const common = [{ type: CKA.TOKEN, value: true }, ...named({ ...key, id })];
  const pair = await awaiting("C_GenerateKeyPair", () =>
    cryptoki.C_GenerateKeyPairAsync(
      session,
      { mechanism: CKM.EC_KEY_PAIR_GEN },
      [
        ...common,
        { type: CKA.PRIVATE, value: false },
        { type: CKA.VERIFY, value: true },
        ...[CKA.ENCRYPT, CKA.WRAP, CKA.DERIVE].map((type) => ({ type, value: false })),
        { type: CKA.EC_PARAMS, value: Buffer.from(CURVES[curve].params, "hex") },
      ],
      [
        ...common,
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
        { type: CKA.SIGN, value: true },
        ...[CKA.DECRYPT, CKA.UNWRAP, CKA.DERIVE].map((type) => ({ type, value: false })),
      ],
    ),
  );
  return pair.publicKey;
}
