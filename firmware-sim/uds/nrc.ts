/** How this server refuses; the codes themselves are the protocol's table. */
import { NRC } from "../../src/ecu/uds/tables/nrc.js";

export { NRC };

/** A service handler's refusal: becomes `7F SID NRC`. */
export class Negative extends Error {
  constructor(readonly nrc: number) {
    super(`NRC ${nrc.toString(16)}`);
    this.name = "Negative";
  }
}

/** Codes that are not sent when the request came by functional addressing (ISO 14229-1, 7.5 and Table 4 ff.). */
export const SILENT_WHEN_FUNCTIONAL: ReadonlySet<number> = new Set([
  NRC.serviceNotSupported,
  NRC.subFunctionNotSupported,
  NRC.requestOutOfRange,
  NRC.subFunctionNotSupportedInActiveSession,
  NRC.serviceNotSupportedInActiveSession,
]);
