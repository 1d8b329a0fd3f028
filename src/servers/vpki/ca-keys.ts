/** Where the private keys of the CAs are: in encrypted files, or in PKCS#11 tokens that never let them out. */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Certificate, certificateKey } from "../../pki/certificate.js";
import {
  type Curve,
  derSignature,
  type Hash,
  type PublicKey,
  publicKeyOf,
  readPublicKey,
  signer,
  verifySignature,
} from "../../pki/keys.js";
import type { Clock } from "../../shared/clock.js";
import { hasCode } from "../../shared/error-code.js";
import { describe, isStationError, StationError } from "../../shared/errors.js";
import { readSettings, writeFileAtomic } from "../../shared/files.js";
import type { Logger } from "../../shared/logger.js";
import type { TokenConfig } from "../../shared/token-config.js";
import { type KeyName, openToken, type Token } from "../../token/token.js";
import type { AuthorityConfig, AuthorityName, VpkiConfig } from "./config.js";

/** The key pair of one CA. */
export interface CaKey {
  readonly publicKey: PublicKey;
  /** ECDSA with the CA's hash, DER; off the event loop. */
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
  /** True where there is no private key: `sign` throws. */
  readonly keyless?: boolean;
}

/** What a key is wanted for. */
export interface CaKeyUse {
  readonly name: AuthorityName;
  readonly root: boolean;
  readonly curve: Curve;
  readonly hash: Hash;
  /** The CA's certificate, where there is one: its key is then never made anew. */
  readonly certificate: Certificate | undefined;
  /** File of the certificate, for texts. */
  readonly certificateFile: string;
}

export function damaged(file: string, what: string, cause?: unknown): StationError {
  return new StationError("CONFIG_INVALID", { details: { what: `${file}: ${what}` }, cause });
}

/** Text of a file; undefined where there is none. @throws StationError CONFIG_INVALID */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readSettings(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw damaged(file, describe(error), error);
  }
}

export interface CaKeysOptions {
  /** Folder of key files that nobody placed elsewhere. */
  readonly dir: string;
  readonly config: Pick<VpkiConfig, "caKeys" | "authorities">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The keys of all CAs, each at its configured place, and the tokens that are open for them. */
export class CaKeys {
  readonly #tokens = new Map<string, Token>();
  #passphrase: Promise<string> | undefined;

  constructor(private readonly options: CaKeysOptions) {}

  /**
   * The key pair of a CA, made where neither it nor a certificate is there yet. A token that is away does not keep a CA with a
   * certificate from opening: signing fails until it is back.
   * @throws StationError CONFIG_INVALID, TOKEN_*
   */
  open(use: CaKeyUse): Promise<CaKey> {
    const { caKeys, authorities } = this.options.config;
    const given = authorities?.[use.name];
    if (given?.keyFile !== undefined) return givenKey(use, given.keyFile, given.passphraseFile);
    const placed = given?.pkcs11 !== undefined || given?.keyLabel !== undefined || given?.keyId !== undefined;
    if (given?.certificateFile !== undefined && use.root && !placed) return Promise.resolve(withoutKey(use));
    const token = given?.pkcs11 ?? (caKeys !== undefined && "pkcs11" in caKeys ? caKeys.pkcs11 : undefined);
    return token === undefined ? this.#fileKey(use) : this.#tokenKey(use, this.#token(token), keyName(use, given));
  }

  /** Lets go of the tokens. */
  async close(): Promise<void> {
    const tokens = [...this.#tokens.values()];
    this.#tokens.clear();
    await Promise.all(tokens.map((token) => token.close()));
  }

  #token(config: TokenConfig): Token {
    const { limits, ...address } = config;
    const name = JSON.stringify(address);
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    const { clock, logger } = this.options;
    const token = openToken({ address, clock, logger, ...(limits === undefined ? {} : { limits }) });
    this.#tokens.set(name, token);
    return token;
  }

  async #fileKey(use: CaKeyUse): Promise<CaKey> {
    const file = join(this.options.dir, `${use.name}.key.pem`);
    this.#passphrase ??= this.#readPassphrase();
    const passphrase = await this.#passphrase;
    if ((await readText(file)) === undefined) {
      if (use.certificate !== undefined) throw damaged(file, "the private key of an existing CA is missing");
      const { privateKey } = await newKeyPair("ec", { namedCurve: use.curve });
      const pem = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase });
      // Where another process was first, its key is the one.
      await writeFileAtomic(file, String(pem), { exclusive: true });
    }
    return fileKey(use, readKey(file, (await readText(file)) ?? "", passphrase));
  }

  async #readPassphrase(): Promise<string> {
    const { dir, config } = this.options;
    const { caKeys } = config;
    const given = caKeys !== undefined && "file" in caKeys ? caKeys.file.passphraseFile : undefined;
    const file = given ?? join(dir, "passphrase");
    if ((await readText(file)) === undefined)
      await writeFileAtomic(file, `${randomBytes(32).toString("base64url")}\n`, { exclusive: true });
    const passphrase = (await readText(file))?.trim() ?? "";
    if (passphrase.length < 8) throw damaged(file, "the passphrase is shorter than 8 characters");
    return passphrase;
  }

  async #tokenKey(use: CaKeyUse, token: Token, key: KeyName): Promise<CaKey> {
    const { certificate, hash, name } = use;
    if (certificate === undefined) {
      const spki = (await token.publicKey(key)) ?? (await token.generate(key, use.curve));
      return { publicKey: readPublicKey(spki), sign: tokenSigner(token, key, readPublicKey(spki), hash) };
    }
    const publicKey = certificateKey(certificate);
    const sign = tokenSigner(token, key, publicKey, hash);
    try {
      await sign(new Uint8Array(randomBytes(32)));
    } catch (error) {
      if (!isStationError(error) || !error.retryable) throw error;
      this.options.logger.warn("CA key out of reach", { ca: name, code: error.code, what: error.message });
    }
    return { publicKey, sign };
  }
}

const newKeyPair = promisify(generateKeyPair);

function keyName(use: CaKeyUse, given: AuthorityConfig | undefined): KeyName {
  return {
    label: given?.keyLabel ?? use.name,
    ...(given?.keyId === undefined ? {} : { id: given.keyId.toLowerCase() }),
  };
}

function fileKey({ hash, certificate, certificateFile }: CaKeyUse, key: KeyObject): CaKey {
  const publicKey = publicKeyOf(key);
  if (certificate !== undefined && !Buffer.from(certificateKey(certificate).spki).equals(publicKey.spki))
    throw damaged(certificateFile, "the certificate is not of its private key");
  return { publicKey, sign: signer(key, hash) };
}

async function givenKey(use: CaKeyUse, file: string, passphraseFile: string | undefined): Promise<CaKey> {
  const text = await readText(file);
  if (text === undefined) throw damaged(file, "there is no such file");
  const passphrase = passphraseFile === undefined ? undefined : await readText(passphraseFile);
  if (passphraseFile !== undefined && passphrase === undefined) throw damaged(passphraseFile, "there is no such file");
  const key = readKey(file, text, passphrase?.trim());
  if (key.asymmetricKeyType !== "ec") throw damaged(file, "the private key is no EC key");
  return fileKey(use, key);
}

function readKey(file: string, pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const what = `the private key does not open ${passphrase === undefined ? "without a passphrase" : "with this passphrase"}`;
    throw damaged(file, what, error);
  }
}

/** A root whose key is kept elsewhere: it stands in the chain and signs nothing here. */
function withoutKey({ name, certificate, certificateFile }: CaKeyUse): CaKey {
  if (certificate === undefined) throw damaged(certificateFile, "there is no certificate in it");
  const sign = async () => {
    throw damaged(certificateFile, `${name} has no private key here and cannot sign`);
  };
  return { publicKey: certificateKey(certificate), sign, keyless: true };
}

/** Off the event loop: a list of revoked certificates can have megabytes. */
async function digest(hash: Hash, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.digest(hash.replace("sha", "SHA-"), bytes));
}

/** Signs in the token; no signature goes out that its own certificate would not verify. */
function tokenSigner(token: Token, key: KeyName, publicKey: PublicKey, hash: Hash): CaKey["sign"] {
  return async (tbs) => {
    const signature = derSignature(await token.sign(key, await digest(hash, tbs)));
    if (await verifySignature(publicKey, hash, tbs, signature)) return signature;
    const what = `the key ${key.label} is not the one of the CA's certificate`;
    throw new StationError("TOKEN_KEY_MISSING", { details: { token: token.name, what } });
  };
}
