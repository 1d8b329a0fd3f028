/** The section of the configuration that says where CA keys and certificates are: what a schema cannot check, and absolute paths. */
import type { AuthoritiesConfig, AuthorityConfig, CaKeysConfig } from "../servers/vpki/config.js";
import type { StationError } from "../shared/errors.js";
import { type Fault, tokenOf } from "./tokens.js";

export interface CaConfig {
  readonly caKeys?: CaKeysConfig;
  readonly authorities?: AuthoritiesConfig;
}

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
