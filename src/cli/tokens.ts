/** Tokens that the configuration names: what a schema cannot check, absolute paths, and what each is for. */
import type { StationError } from "../shared/errors.js";
import type { TokenConfig } from "../token/config.js";
import type { TokenUse } from "../token/token.js";
import type { EmbeddedServers } from "./config.js";

/** An error at a place of the configuration. */
export type Fault = (path: readonly string[], what: string) => StationError;

/** @param at makes a path absolute @throws StationError CONFIG_INVALID with the place */
export function tokenOf(
  token: TokenConfig,
  path: readonly string[],
  at: (path: string) => string,
  fault: Fault,
): TokenConfig {
  if (token.token === undefined && token.serial === undefined)
    throw fault(path, "does not say which token (expected token, serial or both)");
  // A bare name is looked for by the system where libraries are.
  const module = /[\\/]/.test(token.module) ? at(token.module) : token.module;
  return { ...token, module, pinFile: at(token.pinFile) };
}

/** A token and what it is for. */
export interface NamedToken {
  readonly token: TokenConfig;
  readonly uses: ReadonlySet<TokenUse>;
  /** The uses for people. */
  readonly text: string;
}

/** Every token that the configuration names, once. */
export function tokensOf({ caKeys, authorities, kms }: EmbeddedServers): readonly NamedToken[] {
  const named: [string, TokenUse, TokenConfig][] = [];
  if (caKeys !== undefined && "pkcs11" in caKeys) named.push(["CA keys", "signing", caKeys.pkcs11]);
  for (const [name, authority] of Object.entries(authorities ?? {}))
    if (authority?.pkcs11 !== undefined) named.push([name, "signing", authority.pkcs11]);
  if (kms.masterKey !== undefined) named.push(["the KMS's master key", "wrapping", kms.masterKey.pkcs11]);
  const found = new Map<string, NamedToken>();
  for (const [name, use, token] of named) {
    const { limits: _, ...address } = token;
    const key = JSON.stringify(address);
    const known = found.get(key) ?? { token, uses: new Set<TokenUse>(), text: "" };
    const text = known.text === "" ? name : `${known.text}, ${name}`;
    found.set(key, { token, uses: new Set([...known.uses, use]), text });
  }
  return [...found.values()];
}
