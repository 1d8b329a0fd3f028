/** What an error means for the unit and the operator. */
import { asStationError, describe, type ErrorCode, StationError } from "../../shared/errors.js";
import type { Outcome, Verdict } from "../ports.js";

export type Failure = NonNullable<Verdict["failure"]>;

/** FAIL is the unit's, ERROR the station's or a server's, TIMEOUT where nothing answered in time. */
export const OUTCOMES: Readonly<Record<ErrorCode, Exclude<Outcome, "PASS">>> = {
  LINK_URL_INVALID: "ERROR",
  LINK_UNSUPPORTED: "ERROR",
  LINK_OPEN_FAILED: "ERROR",
  LINK_CLOSED: "ERROR",
  LINK_SEND_FAILED: "ERROR",
  LINK_BUS_OFF: "ERROR",
  LINK_INTERFACE_MISSING: "ERROR",
  LINK_INTERFACE_DOWN: "ERROR",
  LINK_INTERFACE_CLASSIC: "ERROR",
  ISOTP_TIMEOUT_A: "TIMEOUT",
  ISOTP_TIMEOUT_BS: "TIMEOUT",
  ISOTP_TIMEOUT_CR: "TIMEOUT",
  ISOTP_WRONG_SN: "ERROR",
  ISOTP_UNEXP_PDU: "ERROR",
  ISOTP_INVALID_FS: "ERROR",
  ISOTP_WFT_OVRN: "TIMEOUT",
  ISOTP_BUFFER_OVFLW: "FAIL",
  ISOTP_TOO_LONG: "ERROR",
  ISOTP_BUSY: "ERROR",
  KLINE_INIT_FAILED: "TIMEOUT",
  KLINE_COLLISION: "ERROR",
  KLINE_NO_ECHO: "ERROR",
  KLINE_CHECKSUM: "ERROR",
  KLINE_INCOMPLETE: "ERROR",
  KLINE_BUSY: "TIMEOUT",
  KLINE_TOO_LONG: "ERROR",
  UDS_TIMEOUT: "TIMEOUT",
  UDS_TOO_MANY_PENDING: "TIMEOUT",
  UDS_NEGATIVE_RESPONSE: "FAIL",
  UDS_UNEXPECTED_RESPONSE: "FAIL",
  UDS_ACCESS_DENIED: "FAIL",
  ECU_WRONG_KIND: "FAIL",
  ECU_ID_MISMATCH: "FAIL",
  ECU_VIN_MISMATCH: "FAIL",
  ECU_LOST_STATE: "FAIL",
  TARGET_KEY_REFUSED: "FAIL",
  TARGET_KEY_MISMATCH: "FAIL",
  TARGET_SYNC_MISMATCH: "FAIL",
  TARGET_CSR_INVALID: "FAIL",
  TARGET_CERT_REFUSED: "FAIL",
  TARGET_PROOF_FAILED: "FAIL",
  VPKI_UNREACHABLE: "ERROR",
  VPKI_REJECTED: "ERROR",
  VPKI_CERT_INVALID: "ERROR",
  VPKI_FAULT: "ERROR",
  PKI_UNREADABLE: "ERROR",
  KMS_UNREACHABLE: "ERROR",
  KMS_REJECTED: "ERROR",
  KMS_FAULT: "ERROR",
  KMS_LEASED: "ERROR",
  TOKEN_MODULE_MISSING: "ERROR",
  TOKEN_ABSENT: "ERROR",
  TOKEN_PIN_REFUSED: "ERROR",
  TOKEN_KEY_MISSING: "ERROR",
  TOKEN_MECHANISM_MISSING: "ERROR",
  TOKEN_OBJECTS_INVALID: "FAIL",
  TOKEN_FULL: "ERROR",
  TOKEN_FAILED: "ERROR",
  TOKEN_TIMEOUT: "ERROR",
  TOKEN_BUSY: "ERROR",
  POWER_UNREACHABLE: "ERROR",
  POWER_REFUSED: "ERROR",
  POWER_OUT_OF_RANGE: "ERROR",
  POWER_MISSING: "ERROR",
  POWER_UNATTENDED: "ERROR",
  INPUT_MISSING: "ERROR",
  INPUT_INVALID: "ERROR",
  RUN_ABORTED: "ABORTED",
  RUN_TIMEOUT: "TIMEOUT",
  RUN_INTERRUPTED: "ERROR",
  RUN_UNDECIDED: "ERROR",
  BAY_UNKNOWN: "ERROR",
  SCAN_UNKNOWN: "ERROR",
  SCAN_REPEATED: "ERROR",
  SCAN_CHECK_DIGIT: "ERROR",
  SCAN_NO_PROFILE: "ERROR",
  SCAN_TOO_EARLY: "ERROR",
  PAGE_NOT_NOW: "ERROR",
  PAGE_REQUEST_INVALID: "ERROR",
  PAGE_NOT_FOUND: "ERROR",
  PAGE_SIGN_IN: "ERROR",
  PAGE_ROLE: "ERROR",
  PAGE_TOKEN: "ERROR",
  PAGE_PIN_WRONG: "ERROR",
  PAGE_LOCKED: "ERROR",
  PAGE_BUSY: "ERROR",
  UNIT_SCRAPPED: "FAIL",
  UNIT_PASSED: "FAIL",
  UNIT_UNKNOWN: "ERROR",
  UNIT_AMBIGUOUS: "ERROR",
  RUN_BUSY: "ERROR",
  OUTBOX_PENDING: "ERROR",
  OUTBOX_QUARANTINED: "ERROR",
  OUTBOX_FULL: "ERROR",
  SINK_UNREACHABLE: "ERROR",
  SINK_FAULT: "ERROR",
  SINK_REJECTED: "ERROR",
  ORDERS_UNREACHABLE: "ERROR",
  ORDER_INVALID: "ERROR",
  ORDER_MISMATCH: "ERROR",
  PROFILE_NOT_FOUND: "ERROR",
  PROFILE_INVALID: "ERROR",
  PROFILE_FORBIDDEN: "ERROR",
  PROFILE_NOT_APPROVED: "ERROR",
  CONFIG_INVALID: "ERROR",
  USAGE: "ERROR",
  STORE_FAILED: "ERROR",
  STORE_UNAVAILABLE: "ERROR",
  TRACE_INCOMPLETE: "ERROR",
  TRACE_UNREADABLE: "ERROR",
  INTERNAL: "ERROR",
};

const MAX_CAUSES = 8;

function causesOf(error: unknown): string[] {
  const lines: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && lines.length < MAX_CAUSES) {
    lines.push(cause instanceof StationError ? `${cause.code}: ${describe(cause)}` : describe(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

/** Outcome and failure of a run that ended with `thrown` in `step`. */
export function verdictOf(thrown: unknown, step: string): Verdict & { readonly failure: Failure } {
  const error = asStationError(thrown);
  return {
    outcome: OUTCOMES[error.code],
    failure: {
      code: error.code,
      layer: error.layer,
      step,
      retryable: error.retryable,
      text: error.text,
      details: error.details,
      causes: causesOf(error),
    },
  };
}
