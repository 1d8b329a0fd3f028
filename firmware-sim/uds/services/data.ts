/** Data transmission by identifier (ISO 14229-1 clause 11): services 22 and 2E. */
import { concat, readUintBE } from "../../../src/shared/bytes.js";
import type { Access, AccessRule } from "../access.js";
import { Negative, NRC } from "../nrc.js";
import { exactLength } from "../request.js";
import type { Service } from "../server.js";

export interface DataIdentifier {
  readonly id: number;
  /** Undefined while there is nothing to read: the identifier is then as good as unknown. */
  readonly read: () => Uint8Array | undefined;
  /** For reading; left out: free. */
  readonly rule?: AccessRule;
  readonly write?: {
    readonly rule: AccessRule;
    /** Bytes. */
    readonly length: number;
    readonly accepts: (data: Uint8Array) => boolean;
    /** Durable when it resolves. */
    readonly store: (data: Uint8Array) => Promise<void>;
  };
}

/**
 * Identifiers that are not there (in this session) are left out; none there at all is NRC 31 (11.2).
 * @param dids read in the order of the request, each as often as it is named
 */
export function readDataByIdentifier(dids: ReadonlyMap<number, DataIdentifier>, access: Access): Service {
  return {
    sid: 0x22,
    name: "ReadDataByIdentifier",
    minLength: 3,
    handle({ request }) {
      if (request.length % 2 !== 1) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
      const parts: Uint8Array[] = [];
      for (let at = 1; at < request.length; at += 2) {
        const did = dids.get(readUintBE(request, at, 2));
        if (did === undefined || !access.inSession(did.rule ?? {})) continue;
        access.needSecurity(did.rule ?? {});
        const value = did.read();
        if (value !== undefined) parts.push(request.subarray(at, at + 2), value);
      }
      if (parts.length === 0) throw new Negative(NRC.requestOutOfRange);
      return { response: concat(Uint8Array.of(0x62), ...parts) };
    },
  };
}

export function writeDataByIdentifier(dids: ReadonlyMap<number, DataIdentifier>, access: Access): Service {
  return {
    sid: 0x2e,
    name: "WriteDataByIdentifier",
    minLength: 4,
    async handle({ request }) {
      const write = dids.get(readUintBE(request, 1, 2))?.write;
      if (write === undefined || !access.inSession(write.rule)) throw new Negative(NRC.requestOutOfRange);
      access.needSecurity(write.rule);
      const data = request.slice(3);
      exactLength(data, write.length);
      if (!write.accepts(data)) throw new Negative(NRC.requestOutOfRange);
      await write.store(data);
      return { response: concat(Uint8Array.of(0x6e), request.subarray(1, 3)) };
    },
  };
}
