/** A UDS message as people read it, for traces. Pure; takes any bytes. */

import { toHex } from "../../shared/bytes.js";
import { decode, Malformed, type Shown, show } from "./tables/fields.js";
import { layoutOf } from "./tables/messages.js";
import { nrcName } from "./tables/nrc.js";
import {
  NEGATIVE_RESPONSE,
  POSITIVE_OFFSET,
  SERVICES,
  SUPPRESS_POSITIVE_RESPONSE,
  serviceName,
} from "./tables/services.js";

export type Direction = "request" | "response";

export interface UdsDescription {
  readonly kind: "request" | "positive" | "negative" | "unknown";
  /** `22 ReadDataByIdentifier`, of the request also in a response; the number alone where the standard has no such service. */
  readonly service: string;
  /** Name of the sub-function where it has a row of its own (19, 29, 38); else it is a parameter. */
  readonly subFunction?: string;
  /** The request asks for no positive response. */
  readonly suppressed?: boolean;
  /** By the standard's names, numbers and bytes in hex; one called `data` where the service's messages are not known. */
  readonly parameters: readonly Shown[];
  /** `31 requestOutOfRange` of a negative response. */
  readonly nrc?: string;
  /** Why the rest of the message could not be read. */
  readonly malformed?: string;
}

/** What a message says. @param direction who sent it: the tester (`request`) or the ECU */
export function describeUds(direction: Direction, bytes: Uint8Array): UdsDescription {
  const [first] = bytes;
  if (first === undefined) return { kind: "unknown", service: "", parameters: [], malformed: "an empty message" };
  if (direction === "request") return describeRequest(first, bytes);
  if (first === NEGATIVE_RESPONSE) return describeNegative(bytes);
  const sid = first - POSITIVE_OFFSET;
  return SERVICES.has(sid) ? { kind: "positive", ...body("response", sid, bytes) } : unknown(first, bytes);
}

function describeRequest(sid: number, bytes: Uint8Array): UdsDescription {
  const row = SERVICES.get(sid);
  if (row === undefined) return unknown(sid, bytes);
  const suppressed = row.subFunction && ((bytes[1] ?? 0) & SUPPRESS_POSITIVE_RESPONSE) !== 0;
  return { kind: "request", ...body("request", sid, bytes), ...(suppressed && { suppressed }) };
}

function describeNegative(bytes: Uint8Array): UdsDescription {
  const [, sid, nrc] = bytes;
  const malformed = bytes.length === 3 ? undefined : `${bytes.length} bytes, 3 wanted`;
  return {
    kind: "negative",
    service: sid === undefined ? "" : serviceName(sid),
    parameters: [],
    ...(nrc !== undefined && { nrc: `${toHex(Uint8Array.of(nrc)).toUpperCase()} ${nrcName(nrc)}` }),
    ...(malformed && { malformed }),
  };
}

const unknown = (first: number, bytes: Uint8Array): UdsDescription => ({
  kind: "unknown",
  service: serviceName(first),
  parameters: data(bytes),
});

function body(direction: Direction, sid: number, bytes: Uint8Array): Omit<UdsDescription, "kind"> {
  const service = serviceName(sid);
  const mask = SERVICES.get(sid)?.subFunction === true ? ~SUPPRESS_POSITIVE_RESPONSE : 0xff;
  const layout = layoutOf(sid, bytes[1] === undefined ? undefined : bytes[1] & mask);
  if (layout === undefined) return { service, parameters: data(bytes) };
  const subFunction = layout.name;
  const named = { service, ...(subFunction !== undefined && { subFunction }) };
  const fields = layout[direction];
  try {
    return { ...named, parameters: show(fields, decode(fields, bytes, layout.sub === undefined ? 1 : 2)) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ...named, parameters: data(bytes), malformed: error.message };
  }
}

/** What stands behind the SID. */
function data(bytes: Uint8Array): readonly Shown[] {
  return bytes.length > 1 ? [{ name: "data", value: toHex(bytes.subarray(1)) }] : [];
}
