/** A token in memory: objects with attributes, keys that do what their attributes allow, values that stay inside, and a power cut on order. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { cbcDecrypt, cbcEncrypt, cmac, ecbDecrypt, ecbEncrypt } from "../../../../src/she/codec/index.js";
import type { AesCipher, Bench } from "../../../../src/token/bench.js";
import { type Attribute, CKA, CKO, type Handle } from "../../../../src/token/cryptoki.js";
import type { KeyName, TokenCurve } from "../../../../src/token/protocol.js";

type Value = NonNullable<Attribute["value"]>;
export type StoredObject = ReadonlyMap<number, Value>;

/** Thrown at the change that the power cut takes away. */
export class PowerCut extends Error {}

const bytesOf = (value: Value): Buffer =>
  typeof value === "string" ? Buffer.from(value) : Buffer.isBuffer(value) ? value : Buffer.from([Number(value)]);

export class FakeBench implements Bench {
  readonly objects = new Map<string, StoredObject>();
  /** Objects made and destroyed so far. */
  changes = 0;
  /** The change at which the power goes, counted as `changes`. */
  cutAt: number | undefined;
  /** Plaintext buffers that were handed out for decryption. */
  readonly plaintexts: Buffer[] = [];
  #next = 1;

  /** The same token after a power cut or a new login: what was of the session is gone. */
  reopen(): this {
    this.cutAt = undefined;
    for (const [handle, object] of this.objects) if (object.get(CKA.TOKEN) !== true) this.objects.delete(handle);
    return this;
  }

  find(template: Attribute[]): Handle[] {
    const fits = (object: StoredObject) =>
      template.every(({ type, value }) => {
        const held = object.get(type);
        return held !== undefined && value !== undefined && bytesOf(held).equals(bytesOf(value));
      });
    return [...this.objects].filter(([, object]) => fits(object)).map(([handle]) => Buffer.from(handle));
  }

  read(object: Handle, types: readonly number[]): Uint8Array[] {
    const held = this.#object(object);
    if (types.includes(CKA.VALUE) && held.get(CKA.SENSITIVE) === true) throw new Error("CKR_ATTRIBUTE_SENSITIVE");
    return types.map((type) => new Uint8Array(bytesOf(held.get(type) ?? "")));
  }

  create(template: Attribute[]): Handle {
    this.#change();
    // A token has a copy of its own.
    const entries = template.map(({ type, value = "" }): [number, Value] => [
      type,
      Buffer.isBuffer(value) ? Buffer.from(value) : value,
    ]);
    return this.#add(new Map(entries));
  }

  destroy(object: Handle): void {
    this.#object(object);
    this.#change();
    this.objects.delete(object.toString());
  }

  async generatePair({ label, id = "" }: KeyName, curve: TokenCurve): Promise<Uint8Array> {
    this.#change();
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
    const spki = publicKey.export({ type: "spki", format: "der" });
    for (const kind of [CKO.PRIVATE_KEY, CKO.PUBLIC_KEY])
      this.#add(
        new Map<number, Value>([
          [CKA.CLASS, kind],
          [CKA.TOKEN, true],
          [CKA.LABEL, label],
          [CKA.ID, Buffer.from(id, "hex")],
          [CKA.EC_POINT, spki],
        ]),
      );
    return new Uint8Array(spki);
  }

  publicKey(object: Handle): Uint8Array {
    return new Uint8Array(bytesOf(this.#object(object).get(CKA.EC_POINT) ?? ""));
  }

  async cmac(key: Handle, data: Uint8Array): Promise<Uint8Array> {
    return cmac(this.#key(key, CKA.SIGN), data);
  }

  async encrypt(cipher: AesCipher, key: Handle, data: Uint8Array): Promise<Uint8Array> {
    const value = this.#key(key, CKA.ENCRYPT);
    return cipher === "CKM_AES_CBC" ? cbcEncrypt(value, data) : ecbEncrypt(value, data);
  }

  async decrypt(cipher: AesCipher, key: Handle, data: Uint8Array, out: Buffer): Promise<void> {
    const value = this.#key(key, CKA.DECRYPT);
    out.set(cipher === "CKM_AES_CBC" ? cbcDecrypt(value, data) : ecbDecrypt(value, data));
    this.plaintexts.push(out);
  }

  /** Labels of the objects of a class. */
  labels(kind: number): string[] {
    return [...this.objects.values()]
      .filter((object) => object.get(CKA.CLASS) === kind)
      .map((object) => String(object.get(CKA.LABEL)))
      .sort();
  }

  #add(object: StoredObject): Handle {
    const handle = `object ${this.#next++} ${randomBytes(4).toString("hex")}`;
    this.objects.set(handle, object);
    return Buffer.from(handle);
  }

  #change(): void {
    if (this.changes === this.cutAt) throw new PowerCut("the power is gone");
    this.changes++;
  }

  #object(handle: Handle): StoredObject {
    const found = this.objects.get(handle.toString());
    if (found === undefined) throw new Error("CKR_OBJECT_HANDLE_INVALID");
    return found;
  }

  #key(handle: Handle, use: number): Uint8Array {
    const object = this.#object(handle);
    if (object.get(use) !== true) throw new Error("CKR_KEY_FUNCTION_NOT_PERMITTED");
    return new Uint8Array(bytesOf(object.get(CKA.VALUE) ?? ""));
  }
}
