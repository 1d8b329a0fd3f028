/** AES keys in a token that wrap keys of the program (RFC 3394), and what is wrapped by them. */
import { randomBytes } from "node:crypto";
import { CKA, CKK, CKM, CKO, type Cryptoki, type Handle } from "./cryptoki.js";
import { awaiting, calling } from "./module.js";
import { named } from "./objects.js";
import type { KeyName } from "./protocol.js";

const AES_256_BYTES = 32;
/** RFC 3394 adds one block of 8 bytes. */
const WRAPPING_BYTES = 8;
const MECHANISM = { mechanism: CKM.AES_KEY_WRAP };

/** A key that is in the token for the time of one call, for the program to read or to have wrapped. */
const PASSING = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.AES },
  { type: CKA.TOKEN, value: false },
  { type: CKA.PRIVATE, value: true },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];

/** Makes an AES-256 key that stays in the token, for wrapping alone: sensitive, not extractable. The session is read-write. */
export async function generateWrappingKey(cryptoki: Cryptoki, session: Handle, key: KeyName): Promise<void> {
  const id = key.id ?? randomBytes(16).toString("hex");
  await awaiting("C_GenerateKey", () =>
    cryptoki.C_GenerateKeyAsync(session, { mechanism: CKM.AES_KEY_GEN }, [
      { type: CKA.CLASS, value: CKO.SECRET_KEY },
      { type: CKA.KEY_TYPE, value: CKK.AES },
      { type: CKA.VALUE_LEN, value: AES_256_BYTES },
      { type: CKA.TOKEN, value: true },
      { type: CKA.PRIVATE, value: true },
      { type: CKA.SENSITIVE, value: true },
      { type: CKA.EXTRACTABLE, value: false },
      { type: CKA.WRAP, value: true },
      { type: CKA.UNWRAP, value: true },
      ...[CKA.ENCRYPT, CKA.DECRYPT, CKA.SIGN, CKA.VERIFY, CKA.DERIVE].map((type) => ({ type, value: false })),
      ...named({ ...key, id }),
    ]),
  );
}

/** @param value 16, 24 or 32 bytes, the sizes of an AES key */
export function wrapValue(cryptoki: Cryptoki, session: Handle, wrapping: Handle, value: Uint8Array): Uint8Array {
  const bytes = Buffer.from(value);
  try {
    const template = [...PASSING, { type: CKA.VALUE, value: bytes }];
    const passing = calling("C_CreateObject", () => cryptoki.C_CreateObject(session, template));
    const room = Buffer.alloc(value.length + WRAPPING_BYTES);
    const wrapped = calling("C_WrapKey", () => cryptoki.C_WrapKey(session, MECHANISM, wrapping, passing, room));
    calling("C_DestroyObject", () => cryptoki.C_DestroyObject(session, passing));
    return new Uint8Array(wrapped);
  } finally {
    bytes.fill(0);
  }
}

/** @throws StationError TOKEN_FAILED also where `wrapped` was wrapped by another key, or changed */
export function unwrapValue(cryptoki: Cryptoki, session: Handle, wrapping: Handle, wrapped: Uint8Array): Uint8Array {
  const bytes = Buffer.from(wrapped);
  const passing = calling("C_UnwrapKey", () => cryptoki.C_UnwrapKey(session, MECHANISM, wrapping, bytes, PASSING));
  const [attribute] = calling("C_GetAttributeValue", () =>
    cryptoki.C_GetAttributeValue(session, passing, [{ type: CKA.VALUE }]),
  );
  calling("C_DestroyObject", () => cryptoki.C_DestroyObject(session, passing));
  const value = new Uint8Array(attribute?.value ?? []);
  attribute?.value.fill(0);
  return value;
}
