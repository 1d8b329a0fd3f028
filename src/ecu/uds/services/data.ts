/** 22 and 2E: ISO 14229-1:2020 §11.2, §11.7. */
import { concat, toHex, uintBE } from "../../../shared/bytes.js";
import { checkLength, unexpectedResponse } from "../messages.js";
import { SID } from "../tables/services.js";
import type { UdsService } from "./service.js";

/** Request: one DID. Response: its record. */
export const readDataByIdentifier: UdsService<number, Uint8Array> = {
  build: (did) => concat(Uint8Array.of(SID.ReadDataByIdentifier), uintBE(did, 2)),
  parse(response) {
    checkLength(response, 4, Infinity);
    return response.slice(3);
  },
};

export interface WantedRecord {
  readonly did: number;
  /** Bytes of the record; `text` ends where the next identifier begins, or with the response. */
  readonly length: number | "text";
}

/**
 * Several DIDs in one request. A response carries no lengths, so records of unknown length must be ASCII, and the identifier behind
 * one must begin with a byte above 7F, which no text has.
 */
export const readSeveralIdentifiers: UdsService<readonly WantedRecord[], readonly Uint8Array[]> = {
  build: (wanted) => concat(Uint8Array.of(SID.ReadDataByIdentifier), ...wanted.map(({ did }) => uintBE(did, 2))),
  parse(response, wanted) {
    let at = 1;
    const records = wanted.map(({ did, length }, i) => {
      const start = at + 2;
      if (toHex(response.subarray(at, start)) !== toHex(uintBE(did, 2)))
        throw unexpectedResponse(SID.ReadDataByIdentifier, `identifier ${toHex(uintBE(did, 2))} is missing`);
      const next = wanted[i + 1];
      const end = length === "text" ? textEnd(response, start, next?.did) : start + length;
      if (end > response.length)
        throw unexpectedResponse(SID.ReadDataByIdentifier, `the record of ${toHex(uintBE(did, 2))} is cut off`);
      at = end;
      return response.slice(start, end);
    });
    if (at !== response.length)
      throw unexpectedResponse(SID.ReadDataByIdentifier, `${response.length - at} bytes too many`);
    return records;
  },
};

/** True when a response to these identifiers can be taken apart. */
export function canReadTogether(wanted: readonly WantedRecord[]): boolean {
  return wanted.every(({ length }, i) => {
    const next = wanted[i + 1];
    return length !== "text" || next === undefined || next.did >= 0x8000;
  });
}

function textEnd(response: Uint8Array, start: number, nextDid: number | undefined): number {
  if (nextDid === undefined) return response.length;
  for (let at = start; at + 1 < response.length; at++)
    if (response[at] === nextDid >> 8 && response[at + 1] === (nextDid & 0xff)) return at;
  return response.length;
}

export const writeDataByIdentifier: UdsService<{ readonly did: number; readonly record: Uint8Array }, void> = {
  build: ({ did, record }) => concat(Uint8Array.of(SID.WriteDataByIdentifier), uintBE(did, 2), record),
  parse: (response) => checkLength(response, 3),
};
