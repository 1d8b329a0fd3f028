/** Sorting of responses by the request under way (ISO 14229-1 §8). Pure. */
import { equalBytes, toHex } from "../../shared/bytes.js";
import { StationError } from "../../shared/errors.js";
import { nrcName } from "./tables/nrc.js";
import {
  NEGATIVE_RESPONSE,
  POSITIVE_OFFSET,
  SERVICES,
  SUPPRESS_POSITIVE_RESPONSE,
  serviceName,
} from "./tables/services.js";

export type Verdict =
  | { readonly kind: "positive" }
  | { readonly kind: "negative"; readonly nrc: number }
  /** Not an answer to this request: a late one of another, or garbage. */
  | { readonly kind: "stray" };

/** What `response` is to `request`. */
export function judgeResponse(request: Uint8Array, response: Uint8Array): Verdict {
  const sid = request[0] ?? 0;
  if (response[0] === NEGATIVE_RESPONSE) {
    const nrc = response[2];
    return response.length === 3 && response[1] === sid && nrc !== undefined
      ? { kind: "negative", nrc }
      : { kind: "stray" };
  }
  if (response[0] !== sid + POSITIVE_OFFSET) return { kind: "stray" };
  const row = SERVICES.get(sid);
  const echo = typeof row?.echo === "function" ? row.echo(request) : (row?.echo ?? 0);
  for (let i = 1; i <= echo; i++) {
    const sent = i === 1 && row?.subFunction === true ? (request[i] ?? 0) & ~SUPPRESS_POSITIVE_RESPONSE : request[i];
    if (response[i] !== sent) return { kind: "stray" };
  }
  return { kind: "positive" };
}

/**
 * True where a late answer to `earlier` could be taken for one to `next` and would be wrong: a negative response names the service
 * alone. The same request again is answered alike, unless the service's answers can be used once only.
 */
export function confusable(earlier: Uint8Array, next: Uint8Array): boolean {
  const sid = next[0] ?? 0;
  return earlier[0] === sid && (SERVICES.get(sid)?.singleUse === true || !equalBytes(earlier, next));
}

/** The first bytes of a response for texts: behind them may stand data that has no place in a message. */
export function head(response: Uint8Array): string {
  return `${toHex(response.subarray(0, 4))}${response.length > 4 ? `… (${response.length} bytes)` : ""}`;
}

/** True when the request asks for no positive response. */
export function suppresses(request: Uint8Array): boolean {
  const row = SERVICES.get(request[0] ?? 0);
  return row?.subFunction === true && ((request[1] ?? 0) & SUPPRESS_POSITIVE_RESPONSE) !== 0;
}

/** The error of a negative response; `details` are service, nrc (number) and nrcName. */
export function negativeResponse(sid: number, nrc: number): StationError {
  return new StationError("UDS_NEGATIVE_RESPONSE", {
    details: { service: serviceName(sid), nrc, nrcName: nrcName(nrc) },
  });
}

/** The negative response code of an error; undefined for all other errors. */
export function nrcOf(error: unknown): number | undefined {
  if (!(error instanceof StationError) || error.code !== "UDS_NEGATIVE_RESPONSE") return undefined;
  const { nrc } = error.details;
  return typeof nrc === "number" ? nrc : undefined;
}

/** The error of a positive response that is not as the service has it. */
export function unexpectedResponse(sid: number, what: string): StationError {
  return new StationError("UDS_UNEXPECTED_RESPONSE", { details: { service: serviceName(sid), what } });
}
