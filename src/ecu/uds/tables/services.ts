/** Services of ISO 14229-1:2020 (Table 2) as far as both sides must know them: what a request looks like and what its answer repeats. */

export interface ServiceRow {
  readonly sid: number;
  readonly name: string;
  /** The second byte is a sub-function, whose bit 7 is suppressPosRspMsgIndicationBit. */
  readonly subFunction: boolean;
  /** Bytes after the SID that the positive response repeats; it is no answer to this request when they differ. */
  readonly echo: number | ((request: Uint8Array) => number);
  /** Its answers hold for the last request alone (a seed, a challenge): that of an earlier request, the same bytes or not, is void. */
  readonly singleUse: boolean;
  /** It changes nothing in the ECU, so that it may be asked again whatever became of its answer. */
  readonly repeatable: boolean;
}

const REPEATABLE: readonly number[] = [0x19, 0x22, 0x23, 0x24, 0x3e];

const row = (
  sid: number,
  name: string,
  subFunction: boolean,
  echo: ServiceRow["echo"],
  singleUse = false,
): ServiceRow => ({ sid, name, subFunction, echo, singleUse, repeatable: REPEATABLE.includes(sid) });

/** Bytes of addressAndLengthFormatIdentifier, address and size, where the request has them whole. */
function memoryLength([, format = 0, ...rest]: Uint8Array): number {
  return 1 + Math.min(rest.length, (format >> 4) + (format & 0x0f));
}

/** Of several identifiers the answer may leave some out, and nothing forbids another order: who asked takes it apart. */
function identifierLength(request: Uint8Array): number {
  return request.length > 3 ? 0 : 2;
}

const ROWS: readonly ServiceRow[] = [
  row(0x10, "DiagnosticSessionControl", true, 1),
  row(0x11, "ECUReset", true, 1),
  row(0x14, "ClearDiagnosticInformation", false, 0),
  row(0x19, "ReadDTCInformation", true, 1),
  row(0x22, "ReadDataByIdentifier", false, identifierLength),
  row(0x23, "ReadMemoryByAddress", false, 0),
  row(0x24, "ReadScalingDataByIdentifier", false, 2),
  row(0x27, "SecurityAccess", true, 1, true),
  row(0x28, "CommunicationControl", true, 1),
  row(0x29, "Authentication", true, 1, true),
  row(0x2a, "ReadDataByPeriodicIdentifier", false, 0),
  row(0x2c, "DynamicallyDefineDataIdentifier", true, 1),
  row(0x2e, "WriteDataByIdentifier", false, 2),
  row(0x2f, "InputOutputControlByIdentifier", false, 3),
  row(0x31, "RoutineControl", true, 3),
  row(0x34, "RequestDownload", false, 0),
  row(0x35, "RequestUpload", false, 0),
  row(0x36, "TransferData", false, 1),
  row(0x37, "RequestTransferExit", false, 0),
  row(0x38, "RequestFileTransfer", false, 1),
  row(0x3d, "WriteMemoryByAddress", false, memoryLength),
  row(0x3e, "TesterPresent", true, 1),
  row(0x84, "SecuredDataTransmission", false, 0),
  row(0x85, "ControlDTCSetting", true, 1),
  row(0x86, "ResponseOnEvent", true, 1),
  row(0x87, "LinkControl", true, 1),
];

export const SERVICES: ReadonlyMap<number, ServiceRow> = new Map(ROWS.map((entry) => [entry.sid, entry]));

export const SID = {
  DiagnosticSessionControl: 0x10,
  ECUReset: 0x11,
  ReadDataByIdentifier: 0x22,
  SecurityAccess: 0x27,
  Authentication: 0x29,
  WriteDataByIdentifier: 0x2e,
  RoutineControl: 0x31,
  RequestDownload: 0x34,
  TransferData: 0x36,
  RequestTransferExit: 0x37,
  TesterPresent: 0x3e,
} as const;

export const NEGATIVE_RESPONSE = 0x7f;
/** Added to the SID in a positive response. */
export const POSITIVE_OFFSET = 0x40;
export const SUPPRESS_POSITIVE_RESPONSE = 0x80;

/** Sub-functions. */
export const SESSION = { default: 0x01, programming: 0x02, extended: 0x03, safetySystem: 0x04 } as const;
export const RESET = { hard: 0x01, keyOffOn: 0x02, soft: 0x03 } as const;
export const ROUTINE = { start: 0x01, stop: 0x02, results: 0x03 } as const;
export const TESTER_PRESENT = 0x00;

/** `22 ReadDataByIdentifier` for texts. */
export function serviceName(sid: number): string {
  const hex = sid.toString(16).padStart(2, "0").toUpperCase();
  const name = SERVICES.get(sid)?.name;
  return name === undefined ? hex : `${hex} ${name}`;
}
