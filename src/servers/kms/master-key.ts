/**
 * The file of the KMS's master key (mode 0600): the key itself, or what a token made of it by AES key wrap (RFC 3394). The token is needed
 * to open it; afterwards the key is in the memory of the process.
 */
import { randomBytes } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { equalConstantTime, fromHex, toHex } from "../../shared/bytes.js";
import { describe, StationError } from "../../shared/errors.js";
import { readSettings, writeFileAtomic } from "../../shared/files.js";
import { makeFolder } from "../../shared/folders.js";
import type { Logger } from "../../shared/logger.js";
import { Secret } from "../../shared/secret.js";
import type { Token } from "../../token/token.js";

export const KEY_BYTES = 32;

/** What wraps the master key: a token, and the label of its key. */
export interface Wrapping {
  readonly token: Pick<Token, "name" | "hasWrappingKey" | "generateWrappingKey" | "wrap" | "unwrap">;
  readonly label: string;
}

const WrappedSchema = Type.Object({
  mechanism: Type.Literal("CKM_AES_KEY_WRAP"),
  /** For people: the token is the configuration's. */
  token: Type.String(),
  /** Label of the wrapping key. */
  key: Type.String({ minLength: 1 }),
  wrapped: Type.String({ pattern: `^[0-9a-f]{${2 * (KEY_BYTES + 8)}}$` }),
});
type Wrapped = Static<typeof WrappedSchema>;

export interface MasterKeyOptions {
  readonly file: string;
  /** True where keys are sealed under it already: then it is never made anew. */
  readonly needed: boolean;
  /** Left out, the key stands in the file as it is. */
  readonly wrapping: Wrapping | undefined;
  readonly logger: Logger;
}

/**
 * The master key, made at first start. With a token, a file that holds the key itself is replaced by one that holds it wrapped, and one
 * that another key of the token wrapped is wrapped anew.
 * @throws StationError STORE_FAILED (missing, open to others, no key), CONFIG_INVALID (wrapped, but no token is configured), TOKEN_*
 */
export async function openMasterKey(options: MasterKeyOptions): Promise<Secret> {
  try {
    return await new MasterKeyFile(options).open();
  } catch (error) {
    throw error instanceof StationError ? error : fault(options.file, describe(error), error);
  }
}

function fault(file: string, what: string, cause?: unknown): StationError {
  return new StationError("STORE_FAILED", { details: { what: `${file}: ${what}` }, cause });
}

class MasterKeyFile {
  constructor(private readonly options: MasterKeyOptions) {}

  async open(): Promise<Secret> {
    const { file, needed, wrapping } = this.options;
    makeFolder(dirname(file));
    if (!(await exists(file))) {
      if (needed) throw fault(file, "is missing, and the keys in the store need it: restore it");
      await this.#make();
    }
    const held = await this.#read();
    if (held instanceof Secret) {
      if (wrapping !== undefined) await this.#wrapFile(held, wrapping);
      return held;
    }
    if (wrapping === undefined) {
      const what = `${file}: is wrapped by key ${held.key} of token ${held.token} (expected servers.embedded.kms.masterKey)`;
      throw new StationError("CONFIG_INVALID", { details: { what } });
    }
    const key = new Secret(await wrapping.token.unwrap({ label: held.key }, fromHex(held.wrapped)));
    if (key.length !== KEY_BYTES) throw fault(file, `${key.length} bytes are no master key of ${KEY_BYTES}`);
    if (held.key !== wrapping.label) await this.#wrapFile(key, wrapping);
    return key;
  }

  async #read(): Promise<Secret | Wrapped> {
    const { file } = this.options;
    const { mode } = await stat(file);
    // Windows has no such bits.
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      throw fault(file, `mode ${(mode & 0o777).toString(8)} lets others read the master key (chmod 600)`);
    const bytes = await readSettings(file);
    if (bytes.length === KEY_BYTES) return new Secret(new Uint8Array(bytes));
    const wrapped = parse(bytes.toString("utf8"));
    if (wrapped === undefined) throw fault(file, `${bytes.length} bytes are no master key of ${KEY_BYTES}`);
    return wrapped;
  }

  /** Another process may be first: its key is the one, then. */
  async #make(): Promise<void> {
    const { file, wrapping } = this.options;
    const key = randomBytes(KEY_BYTES);
    try {
      const data = wrapping === undefined ? key : await wrap(key, wrapping);
      await writeFileAtomic(file, data, { exclusive: true });
    } finally {
      key.fill(0);
    }
  }

  /** The old content is overwritten once the new file is there: a crash leaves one of the two. */
  async #wrapFile(key: Secret, wrapping: Wrapping): Promise<void> {
    const { file, logger } = this.options;
    const text = await wrap(
      key.use((bytes) => bytes.slice()),
      wrapping,
    );
    const former = await open(file, "r+");
    try {
      const { size } = await former.stat();
      await writeFileAtomic(file, text);
      await former.write(new Uint8Array(size), 0, size, 0);
      await former.sync();
    } finally {
      await former.close();
    }
    logger.info("master key wrapped", { file, token: wrapping.token.name, key: wrapping.label });
  }
}

/** Text of the wrapped form, tried by unwrapping; makes the wrapping key where it is missing. @param key wiped */
async function wrap(key: Uint8Array, { token, label }: Wrapping): Promise<string> {
  const name = { label };
  try {
    if (!(await token.hasWrappingKey(name))) await token.generateWrappingKey(name);
    const wrapped = await token.wrap(name, key);
    const again = await token.unwrap(name, wrapped);
    const same = equalConstantTime(again, key);
    again.fill(0);
    if (!same) throw new StationError("TOKEN_FAILED", { details: { token: token.name, what: "unwraps another key" } });
    const content: Wrapped = { mechanism: "CKM_AES_KEY_WRAP", token: token.name, key: label, wrapped: toHex(wrapped) };
    return `${JSON.stringify(content)}\n`;
  } finally {
    key.fill(0);
  }
}

function parse(text: string): Wrapped | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(WrappedSchema, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
