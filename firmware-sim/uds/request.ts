/** What every service reads of a request. */
import { readUintBE } from "../../src/shared/bytes.js";
import { Negative, NRC } from "./nrc.js";

const SUB_FUNCTION = 0x7f;

/** Sub-function without suppressPosRspMsgIndicationBit. */
export const subFunction = (request: Uint8Array): number => (request[1] ?? 0) & SUB_FUNCTION;

/** @throws Negative 13 */
export function exactLength(request: Uint8Array, length: number): void {
  if (request.length !== length) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
}

/** Bytes of address and size that an ECU takes (H.1). */
export interface AddressFormats {
  readonly addressBytes: readonly number[];
  readonly sizeBytes: readonly number[];
}

/**
 * addressAndLengthFormatIdentifier, memoryAddress and memorySize from `at`; `end` is behind them.
 * @throws Negative 31 for a format that is not taken, then 13 where the request ends before the size does
 */
export function readMemoryRange(
  request: Uint8Array,
  at: number,
  { addressBytes, sizeBytes }: AddressFormats,
): { address: number; size: number; end: number } {
  const format = request[at] ?? 0;
  const ofAddress = format & 0x0f;
  const ofSize = format >> 4;
  if (!addressBytes.includes(ofAddress) || !sizeBytes.includes(ofSize)) throw new Negative(NRC.requestOutOfRange);
  const sizeAt = at + 1 + ofAddress;
  const end = sizeAt + ofSize;
  if (request.length < end) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  return { address: readUintBE(request, at + 1, ofAddress), size: readUintBE(request, sizeAt, ofSize), end };
}
