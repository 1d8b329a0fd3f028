/** The section of the configuration that says where CA keys and certificates are: what a schema cannot check, and absolute paths. */
import type { AuthoritiesConfig, AuthorityConfig, CaKeysConfig, TokenConfig } from "../servers/vpki/config.js";
import type { StationError } from "../shared/errors.js";

export interface CaConfig {
  readonly caKeys?: CaKeysConfig;
  readonly authorities?: AuthoritiesConfig;
}

type Fault = (path: readonly string[], what: string) => StationError;

const EMBEDDED = ["servers", "embedded"];

/**
 * @param at makes a path absolute
 * @param fault an error at a place of the configuration
 * @throws StationError CONFIG_INVALID with the place
 */
export function caConfigOf(given: CaConfig, at: (path: string) => string, fault: Fault): CaConfig {
  const { caKeys, authorities } = given;
  return {
    ...(caKeys === undefined ? {} : { caKeys: caKeysOf(caKeys, at, fault) }),
    ...(authorities === undefined ? {} : { authorities: authoritiesOf(given, authorities, at, fault) }),
  };
}

function caKeysOf(caKeys: CaKeysConfig, at: (path: string) => string, fault: Fault): CaKeysConfig {
  if ("pkcs11" in caKeys) return { pkcs11: tokenOf(caKeys.pkcs11, [...EMBEDDED, "caKeys", "pkcs11"], at, fault) };
  const { passphraseFile } = caKeys.file;
  return { file: passphraseFile === undefined ? {} : { passphraseFile: at(passphraseFile) } };
}

function tokenOf(token: TokenConfig, path: readonly string[], at: (path: string) => string, fault: Fault): TokenConfig {
  if (token.token === undefined && token.serial === undefined)
    throw fault(path, "does not say which token (expected token, serial or both)");
  // A bare name is looked for by the system where libraries are.
  const module = /[\\/]/.test(token.module) ? at(token.module) : token.module;
  return { ...token, module, pinFile: at(token.pinFile) };
}

function authoritiesOf(
  given: CaConfig,
  authorities: AuthoritiesConfig,
  at: (path: string) => string,
  fault: Fault,
): AuthoritiesConfig {
  const inToken = given.caKeys !== undefined && "pkcs11" in given.caKeys;
  const entries = Object.entries(authorities).map(([name, authority]) => {
    const path = [...EMBEDDED, "authorities", name];
    check(name, authority, inToken, (key, what) => fault(key === "" ? path : [...path, key], what));
    const { certificateFile, keyFile, passphraseFile, pkcs11, ...rest } = authority;
    const absolute: AuthorityConfig = {
      ...rest,
      ...(certificateFile === undefined ? {} : { certificateFile: at(certificateFile) }),
      ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
      ...(passphraseFile === undefined ? {} : { passphraseFile: at(passphraseFile) }),
      ...(pkcs11 === undefined ? {} : { pkcs11: tokenOf(pkcs11, [...path, "pkcs11"], at, fault) }),
    };
    return [name, absolute];
  });
  return Object.fromEntries(entries) as AuthoritiesConfig;
}

/** @param inToken whether CA keys are in a token unless something else is said */
function check(
  name: string,
  authority: AuthorityConfig,
  inToken: boolean,
  fault: (key: string, what: string) => StationError,
): void {
  const { certificateFile, keyFile, passphraseFile, pkcs11, keyLabel, keyId } = authority;
  if (keyFile !== undefined && pkcs11 !== undefined)
    throw fault("keyFile", "stands beside pkcs11 (expected one of them)");
  if (keyFile !== undefined && certificateFile === undefined)
    throw fault("keyFile", "stands without the CA's certificate (expected certificateFile beside it)");
  if (passphraseFile !== undefined && keyFile === undefined)
    throw fault("passphraseFile", "stands without a key (expected keyFile beside it)");
  const token = keyFile === undefined && (pkcs11 !== undefined || inToken);
  if (keyLabel !== undefined && !token) throw fault("keyLabel", "names a key, but no token (expected pkcs11)");
  if (keyId !== undefined && !token) throw fault("keyId", "names a key, but no token (expected pkcs11)");
  const key = keyFile !== undefined || token;
  if (certificateFile !== undefined && !key && !name.startsWith("ROOT"))
    throw fault("certificateFile", "stands without the CA's key (expected keyFile or pkcs11 beside it)");
}

/** Every token that the configuration names, once, with what its keys are for. */
export function tokensOf({ caKeys, authorities }: CaConfig): { readonly token: TokenConfig; readonly uses: string }[] {
  const named: [string, TokenConfig][] = [];
  if (caKeys !== undefined && "pkcs11" in caKeys) named.push(["CA keys", caKeys.pkcs11]);
  for (const [name, authority] of Object.entries(authorities ?? {}))
    if (authority?.pkcs11 !== undefined) named.push([name, authority.pkcs11]);
  const found = new Map<string, { token: TokenConfig; uses: string }>();
  for (const [use, token] of named) {
    const { limits: _, ...address } = token;
    const key = JSON.stringify(address);
    const known = found.get(key);
    found.set(key, { token, uses: known === undefined ? use : `${known.uses}, ${use}` });
  }
  return [...found.values()];
}
