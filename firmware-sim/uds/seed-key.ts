/** SecurityAccess (27 of ISO 14229-1): seed and key. */
import { concat } from "../../src/shared/bytes.js";
import type { Access } from "./access.js";
import { Negative, NRC } from "./nrc.js";
import type { Service } from "./server.js";

export interface SeedKeyOptions {
  readonly access: Access;
  /** The session that has the service. */
  readonly session: number;
  /** requestSeed sub-function; sendKey is the next. */
  readonly level: number;
  readonly seedLength: number;
  /** Left out: any but none. */
  readonly keyLength?: number;
  /** Key that belongs to a seed. */
  readonly keyOf: (seed: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

const SID = 0x27;
const SUB_FUNCTION = 0x7f;

export function seedKeyService({ access, session, level, seedLength, keyLength, keyOf }: SeedKeyOptions): Service {
  return {
    sid: SID,
    name: "SecurityAccess",
    sessions: [session],
    subFunctions: [level, level + 1],
    suppressible: true,
    minLength: 2,
    async handle({ request }) {
      const seeds = ((request[1] ?? 0) & SUB_FUNCTION) === level;
      const wanted = seeds ? 2 : 2 + (keyLength ?? Math.max(1, request.length - 2));
      if (request.length !== wanted) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
      if (seeds) {
        const seed = access.unlocked ? new Uint8Array(seedLength) : access.challenge(seedLength);
        return { response: concat(Uint8Array.of(SID + 0x40, level), seed) };
      }
      await access.prove(request.subarray(2), keyOf, NRC.invalidKey, NRC.exceededNumberOfAttempts);
      return { response: Uint8Array.of(SID + 0x40, level + 1) };
    },
  };
}
