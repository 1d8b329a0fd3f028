import { systemClock } from "../../shared/clock.js";
import { describe, isStationError } from "../../shared/errors.js";
import { openToken, type TokenDescription } from "../../token/token.js";
import type { StationConfig } from "../config.js";
import { tokensOf } from "../tokens.js";
import type { Finding } from "./checks.js";

/** What to do about a token that cannot be used, by code. */
const ADVICE: Readonly<Record<string, string>> = {
  TOKEN_MODULE_MISSING: "check module; where pkcs11js is missing: apt-get install g++ make python3, then npm ci again",
  TOKEN_ABSENT: "plug it in, or check token, serial and the library's own settings",
  TOKEN_PIN_REFUSED: "correct the PIN file; every refusal brings the token nearer to locking itself",
  TOKEN_FAILED: "check the library's own settings and its log",
  TOKEN_TIMEOUT: "check the token's connection; limits.open and limits.call are the times it has",
  CONFIG_INVALID: "write the PIN there, readable by the station alone",
};

/** Logs in to every configured token, and asks for the mechanisms that its use needs. */
export async function checkTokens(
  config: Pick<StationConfig, "servers" | "tokens">,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { token: place, uses, text } of tokensOf(config)) {
    const { limits, ...address } = place;
    const token = openToken({ address, clock: systemClock, ...(limits === undefined ? {} : { limits }) });
    const name = `token ${token.name}`;
    try {
      findings.push(...describeToken(name, text, await token.describe([...uses], signal)));
    } catch (error) {
      signal.throwIfAborted();
      const todo = isStationError(error) ? ADVICE[error.code] : undefined;
      findings.push({ name, state: "FAILED", needed: true, what: describe(error), ...(todo && { todo }) });
    } finally {
      await token.close();
    }
  }
  return findings;
}

function describeToken(name: string, uses: string, description: TokenDescription): Finding[] {
  const { label, serial, model, mechanisms, objects, slots } = description;
  const what = `${model}, label ${label}, serial ${serial}, logged in, for ${uses}`;
  const { keyPairs, secretKeys, certificates } = objects;
  const holds = `holds ${keyPairs} key pairs, ${secretKeys} secret keys, ${certificates} certificates; slots of the library: ${slots.used} in use, ${slots.free} free`;
  return [
    { name, state: "OK", needed: true, what },
    { name, state: "OK", needed: true, what: holds },
    ...mechanisms.map(({ name: mechanism, purpose, fault }): Finding => {
      if (fault === undefined) return { name, state: "OK", needed: true, what: `${mechanism} (${purpose})` };
      const todo = "use another token, a newer library of its maker, or a profile whose mechanisms do without it";
      return { name, state: "MISSING", needed: true, what: `${mechanism} ${fault}`, todo };
    }),
  ];
}
