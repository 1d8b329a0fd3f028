/** Tokens that the configuration names: what a schema cannot check, absolute paths, and what each is for. */

import { type Static, Type } from "typebox";
import type { StationError } from "../shared/errors.js";
import { namesToken, type TokenConfig, TokenSchema, UNNAMED_TOKEN } from "../shared/token-config.js";
import type { TokenUse } from "../token/token.js";
import type { StationConfig } from "./config.js";

/** Tokens that units' keys go into, by the name that profiles use. */
export const TokensSchema = Type.Record(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }), TokenSchema, {
  additionalProperties: false,
  default: {},
});

/** @throws StationError CONFIG_INVALID */
export function unitTokensOf(
  given: Static<typeof TokensSchema>,
  at: (path: string) => string,
  fault: Fault,
): ReadonlyMap<string, TokenConfig> {
  return new Map(Object.entries(given).map(([name, token]) => [name, tokenOf(token, ["tokens", name], at, fault)]));
}

/** An error at a place of the configuration. */
export type Fault = (path: readonly (string | number)[], what: string) => StationError;

/** @param at makes a path absolute @throws StationError CONFIG_INVALID with the place */
export function tokenOf(
  token: TokenConfig,
  path: readonly string[],
  at: (path: string) => string,
  fault: Fault,
): TokenConfig {
  if (!namesToken(token)) throw fault(path, UNNAMED_TOKEN);
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
export function tokensOf(config: Pick<StationConfig, "servers" | "tokens">): readonly NamedToken[] {
  const named = [...serverTokens(config.servers)];
  for (const [name, token] of config.tokens) for (const use of UNIT_USES) named.push([`units (${name})`, use, token]);
  const found = new Map<string, NamedToken>();
  for (const [name, use, token] of named) {
    const { limits: _, ...address } = token;
    const key = JSON.stringify(address);
    const known = found.get(key) ?? { token, uses: new Set<TokenUse>(), text: "" };
    const text = [...new Set([...known.text.split(", ").filter(Boolean), name])].join(", ");
    found.set(key, { token, uses: new Set([...known.uses, use]), text });
  }
  return [...found.values()];
}

type Named = readonly [name: string, use: TokenUse, token: TokenConfig];

/** What units' keys ask of a token with the mechanisms of a profile that chooses none. */
const UNIT_USES: readonly TokenUse[] = ["signing", "cmac", "cbc"];

function* serverTokens(servers: StationConfig["servers"]): Generator<Named> {
  if (servers.kind !== "embedded") return;
  const { caKeys, authorities, kms } = servers;
  if (caKeys !== undefined && "pkcs11" in caKeys) yield ["CA keys", "signing", caKeys.pkcs11];
  for (const [name, authority] of Object.entries(authorities ?? {}))
    if (authority?.pkcs11 !== undefined) yield [name, "signing", authority.pkcs11];
  if (kms.masterKey !== undefined) yield ["the KMS's master key", "wrapping", kms.masterKey.pkcs11];
}
