/** Several identifiers in one ReadDataByIdentifier: ISO 14229-1:2020 §11.2. Pure. */
import { concat, toHex, uintBE } from "../../shared/bytes.js";
import { unexpectedResponse } from "./messages.js";
import { SID } from "./tables/services.js";

export interface WantedRecord {
  readonly did: number;
  /** Bytes of the record; `text` ends where the next identifier begins, or with the response. */
  readonly length: number | "text";
}

/** True when a response to these identifiers can be taken apart. */
export function canReadTogether(wanted: readonly WantedRecord[]): boolean {
  return wanted.every(({ length }, i) => {
    const next = wanted[i + 1];
    return length !== "text" || next === undefined || next.did >= 0x8000;
  });
}

export function severalRequest(wanted: readonly WantedRecord[]): Uint8Array {
  return concat(Uint8Array.of(SID.ReadDataByIdentifier), ...wanted.map(({ did }) => uintBE(did, 2)));
}

/**
 * The records of a response. It carries no lengths, so records of unknown length must be ASCII, and the identifier behind one must
 * begin with a byte above 7F, which no text has.
 * @throws StationError UDS_UNEXPECTED_RESPONSE
 */
export function severalRecords(wanted: readonly WantedRecord[], response: Uint8Array): readonly Uint8Array[] {
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
}

function textEnd(response: Uint8Array, start: number, nextDid: number | undefined): number {
  if (nextDid === undefined) return response.length;
  for (let at = start; at + 1 < response.length; at++)
    if (response[at] === nextDid >> 8 && response[at + 1] === (nextDid & 0xff)) return at;
  return response.length;
}
