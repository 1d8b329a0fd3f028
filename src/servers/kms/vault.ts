/** Keys at rest: AES-256-GCM under a master key that lives in a file of its own. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, StationError } from "../../shared/errors.js";
import { Secret } from "../../shared/secret.js";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FILE = "kms.key";

export class Vault {
  readonly #key: Secret;

  private constructor(key: Secret) {
    this.#key = key;
  }

  /**
   * Opens the vault of a folder; its key file (mode 0600) is made unless `store`, the file of what it sealed, is there already.
   * @throws StationError STORE_FAILED when the key file is missing, open to others or no key
   */
  static async open(dir: string, store: string): Promise<Vault> {
    const file = join(dir, FILE);
    const fail = (what: string, cause?: unknown) =>
      new StationError("STORE_FAILED", { details: { what: `${file}: ${what}` }, cause });
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      if (!(await exists(file))) {
        if (await exists(join(dir, store))) throw fail("is missing, and the keys in the store need it: restore it");
        await makeKeyFile(file);
      }
      const { mode } = await stat(file);
      // Windows has no such bits.
      if (process.platform !== "win32" && (mode & 0o077) !== 0)
        throw fail(`mode ${(mode & 0o777).toString(8)} lets others read the master key (chmod 600)`);
      const bytes = await readFile(file);
      if (bytes.length !== KEY_BYTES) throw fail(`${bytes.length} bytes are no master key of ${KEY_BYTES}`);
      return new Vault(new Secret(new Uint8Array(bytes)));
    } catch (error) {
      throw error instanceof StationError ? error : fail(describe(error), error);
    }
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

  /** @throws StationError STORE_FAILED when the text was sealed under another key or context, or changed */
  open(sealed: string, context: string): Secret {
    const bytes = Buffer.from(sealed, "base64");
    try {
      return this.#key.use((key) => {
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
      });
    } catch (error) {
      throw new StationError("STORE_FAILED", {
        details: { what: "a key in the store does not open: another master key, or the store was changed" },
        cause: error,
      });
    }
  }

  /** A name for `value` that tells nothing about it to whoever lacks the master key; hex. */
  nameOf(value: Uint8Array): string {
    return this.#key.use((key) => createHmac("sha256", key).update("name\0").update(value).digest("hex"));
  }

  close(): void {
    this.#key.wipe();
  }
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Makes the file unless it is there; whole or not at all, also when two processes start at once. */
async function makeKeyFile(file: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    const key = randomBytes(KEY_BYTES);
    await handle.writeFile(key);
    key.fill(0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
}
