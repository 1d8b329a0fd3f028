/** SecurityAccess (27 of ISO 14229-1): seed and key, for one level or several. */
import { concat } from "../../../src/shared/bytes.js";
import type { Access } from "../access.js";
import { Negative, NRC } from "../nrc.js";
import { exactLength, subFunction } from "../request.js";
import type { Service } from "../server.js";

export interface SecurityLevel {
  /** requestSeed sub-function, odd; sendKey is the next. */
  readonly level: number;
  readonly seedLength: number;
  /** Left out: any but none. */
  readonly keyLength?: number;
  /** Key that belongs to a seed. */
  readonly keyOf: (seed: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

const SID = 0x27;

/** The count of wrong keys and the delay behind them are one for all levels. */
export function securityAccess(access: Access, levels: readonly SecurityLevel[]): Service {
  const bySubFunction = new Map(levels.flatMap((row) => [[row.level, row] as const, [row.level + 1, row] as const]));
  return {
    sid: SID,
    name: "SecurityAccess",
    subFunctions: [...bySubFunction.keys()],
    suppressible: true,
    minLength: 2,
    async handle({ request }) {
      const sub = subFunction(request);
      const row = bySubFunction.get(sub);
      if (row === undefined) throw new Negative(NRC.subFunctionNotSupported);
      const { level, seedLength, keyLength, keyOf } = row;
      if (sub === level) {
        exactLength(request, 2);
        const seed = access.level === level ? new Uint8Array(seedLength) : access.challenge(seedLength, level);
        return { response: concat(Uint8Array.of(SID + 0x40, level), seed) };
      }
      exactLength(request, 2 + (keyLength ?? Math.max(1, request.length - 2)));
      await access.prove(request.subarray(2), keyOf, NRC.invalidKey, NRC.exceededNumberOfAttempts, level);
      return { response: Uint8Array.of(SID + 0x40, sub) };
    },
  };
}
