/** Data transmission by address (ISO 14229-1 clause 11): services 23 and 3D. */
import { concat } from "../../../src/shared/bytes.js";
import type { MemoryRange } from "../memory.js";
import { type AddressFormats, exactLength, readMemoryRange } from "../request.js";
import type { Service } from "../server.js";

export interface MemoryServiceOptions {
  readonly formats: AddressFormats;
  /** @throws Negative 31 for a range that is none, 33 for a closed one */
  readonly open: (address: number, size: number) => MemoryRange;
}

export function readMemoryByAddress({ formats, open }: MemoryServiceOptions): Service {
  return {
    sid: 0x23,
    name: "ReadMemoryByAddress",
    minLength: 4,
    handle({ request }) {
      const { address, size, end } = readMemoryRange(request, 1, formats);
      exactLength(request, end);
      return { response: concat(Uint8Array.of(0x63), open(address, size).read()) };
    },
  };
}

export function writeMemoryByAddress({ formats, open }: MemoryServiceOptions): Service {
  return {
    sid: 0x3d,
    name: "WriteMemoryByAddress",
    minLength: 5,
    async handle({ request }) {
      const { address, size, end } = readMemoryRange(request, 1, formats);
      exactLength(request, end + size);
      await open(address, size).write(request.subarray(end));
      return { response: concat(Uint8Array.of(0x7d), request.subarray(1, end)) };
    },
  };
}
