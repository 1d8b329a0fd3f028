/** Keys at rest: AES-256-GCM under a master key (master-key.ts). */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { StationError } from "../../shared/errors.js";
import { Secret } from "../../shared/secret.js";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class Vault {
  readonly #key: Secret;

  /** @param key of 32 bytes, the vault's own from now on */
  constructor(key: Secret) {
    const shared = new Uint8Array(new SharedArrayBuffer(key.length));
    key.use((bytes) => shared.set(bytes));
    key.wipe();
    this.#key = new Secret(shared);
  }

  /** The master key for an operation of the store: memory that the store's thread shares, so that there is no copy and `close` wipes it. */
  lend(): Uint8Array {
    return this.#key.use((key) => key);
  }

  /** Text of nonce, tag and ciphertext. @param context what the row is: opening it under another fails */
  seal(plain: Uint8Array, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    return this.#key.use((key) => {
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      cipher.setAAD(Buffer.from(context, "utf8"));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
    });
  }

  /** As `openSealed`. */
  open(sealed: string, context: string): Secret {
    return this.#key.use((key) => openSealed(key, sealed, context));
  }

  /** A name for `value` that tells nothing about it to whoever lacks the master key; hex. */
  nameOf(value: Uint8Array): string {
    return this.#key.use((key) => createHmac("sha256", key).update("name\0").update(value).digest("hex"));
  }

  close(): void {
    this.#key.wipe();
  }
}

/** @throws StationError STORE_FAILED when the text was sealed under another key or context, or changed */
export function openSealed(key: Uint8Array, sealed: string, context: string): Secret {
  const bytes = Buffer.from(sealed, "base64");
  try {
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context, "utf8"));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    // In GCM `final` only checks the tag: this buffer is the one place where the plain text is.
    const plain = new Secret(decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)));
    try {
      decipher.final();
    } catch (error) {
      plain.wipe();
      throw error;
    }
    return plain;
  } catch (error) {
    throw new StationError("STORE_FAILED", {
      details: { what: "a key in the store does not open: another master key, or the store was changed" },
      cause: error,
    });
  }
}
