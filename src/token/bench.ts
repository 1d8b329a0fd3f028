/** One session with a token, in its own process, for work of more than one call: objects made, found, read and used. */
import { type Attribute, CKM, type Cryptoki, type Handle } from "./cryptoki.js";
import { awaiting, calling } from "./module.js";
import { generateKeyPair, readSpki } from "./objects.js";
import type { KeyName, TokenCurve } from "./protocol.js";

const BLOCK = 16;
/** Objects asked for at once. */
const BATCH = 64;

export type AesCipher = "CKM_AES_CBC" | "CKM_AES_ECB";

/** What a piece of work may do with the token. The session is dropped after any error. */
export interface Bench {
  /** Every object that has these attributes. */
  find(template: Attribute[]): Handle[];
  /** Values of attributes, empty where the object has none. */
  read(object: Handle, types: readonly number[]): Uint8Array[];
  /** @param template its values stay the caller's, who wipes them */
  create(template: Attribute[]): Handle;
  destroy(object: Handle): void;
  /** Makes an EC key pair that cannot leave the token; its SubjectPublicKeyInfo. */
  generatePair(key: KeyName, curve: TokenCurve): Promise<Uint8Array>;
  /** SubjectPublicKeyInfo of a public key object. */
  publicKey(object: Handle, key: KeyName): Uint8Array;
  /** CKM_AES_CMAC of at least one byte. */
  cmac(key: Handle, data: Uint8Array): Promise<Uint8Array>;
  /** Whole blocks without padding; CBC with an initialisation vector of 0. */
  encrypt(cipher: AesCipher, key: Handle, data: Uint8Array): Promise<Uint8Array>;
  /** As `encrypt`. The result lies in `out`, which has the data's length and is the caller's to wipe. */
  decrypt(cipher: AesCipher, key: Handle, data: Uint8Array, out: Buffer): Promise<void>;
}

const CIPHERS = {
  CKM_AES_CBC: { mechanism: CKM.AES_CBC, parameter: Buffer.alloc(BLOCK) },
  CKM_AES_ECB: { mechanism: CKM.AES_ECB },
} as const;

export class TokenBench implements Bench {
  constructor(
    private readonly cryptoki: Cryptoki,
    private readonly session: Handle,
  ) {}

  find(template: Attribute[]): Handle[] {
    const { cryptoki, session } = this;
    calling("C_FindObjectsInit", () => cryptoki.C_FindObjectsInit(session, template));
    const found: Handle[] = [];
    for (;;) {
      const batch = calling("C_FindObjects", () => cryptoki.C_FindObjects(session, BATCH));
      found.push(...batch);
      if (batch.length < BATCH) break;
    }
    calling("C_FindObjectsFinal", () => cryptoki.C_FindObjectsFinal(session));
    return found;
  }

  read(object: Handle, types: readonly number[]): Uint8Array[] {
    const { cryptoki, session } = this;
    const attributes = calling("C_GetAttributeValue", () =>
      cryptoki.C_GetAttributeValue(
        session,
        object,
        types.map((type) => ({ type })),
      ),
    );
    return attributes.map(({ value }) => new Uint8Array(value));
  }

  create(template: Attribute[]): Handle {
    return calling("C_CreateObject", () => this.cryptoki.C_CreateObject(this.session, template));
  }

  destroy(object: Handle): void {
    calling("C_DestroyObject", () => this.cryptoki.C_DestroyObject(this.session, object));
  }

  async generatePair(key: KeyName, curve: TokenCurve): Promise<Uint8Array> {
    const handle = await generateKeyPair(this.cryptoki, this.session, key, curve);
    return this.publicKey(handle, key);
  }

  publicKey(object: Handle, key: KeyName): Uint8Array {
    return readSpki(this.cryptoki, this.session, object, key);
  }

  async cmac(key: Handle, data: Uint8Array): Promise<Uint8Array> {
    const { cryptoki, session } = this;
    calling("C_SignInit", () => cryptoki.C_SignInit(session, { mechanism: CKM.AES_CMAC }, key));
    const mac = await awaiting("C_Sign", () => cryptoki.C_SignAsync(session, Buffer.from(data), Buffer.alloc(BLOCK)));
    return new Uint8Array(mac);
  }

  async encrypt(cipher: AesCipher, key: Handle, data: Uint8Array): Promise<Uint8Array> {
    const { cryptoki, session } = this;
    const out = Buffer.alloc(data.length);
    calling("C_EncryptInit", () => cryptoki.C_EncryptInit(session, CIPHERS[cipher], key));
    return new Uint8Array(await awaiting("C_Encrypt", () => cryptoki.C_EncryptAsync(session, Buffer.from(data), out)));
  }

  async decrypt(cipher: AesCipher, key: Handle, data: Uint8Array, out: Buffer): Promise<void> {
    const { cryptoki, session } = this;
    calling("C_DecryptInit", () => cryptoki.C_DecryptInit(session, CIPHERS[cipher], key));
    await awaiting("C_Decrypt", () => cryptoki.C_DecryptAsync(session, Buffer.from(data), out));
  }
}
