/** Parameters of Authentication (29) behind a length of two bytes each. */
import { concat, readUintBE, uintBE } from "../../src/shared/bytes.js";

export const withLength = (bytes: Uint8Array): Uint8Array => concat(uintBE(bytes.length, 2), bytes);

/** `count` of them from `from` to the end of the request; none where the lengths do not add up to that. */
export function parts(request: Uint8Array, from: number, count: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = from;
  while (at + 2 <= request.length) {
    const end = at + 2 + readUintBE(request, at, 2);
    found.push(request.subarray(at + 2, end));
    at = end;
  }
  return at === request.length && found.length === count ? found : [];
}
