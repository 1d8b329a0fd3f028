/** The messages of the services of ISO 14229-1:2020, both ways; 19 and 29 have tables of their own. */
import { AUTHENTICATION } from "./authentication.js";
import { didName } from "./dids.js";
import { READ_DTC } from "./dtc.js";
import {
  bytes,
  fileSizes,
  formatted,
  list,
  memory,
  optional,
  rest,
  secured,
  sized,
  subFunction,
  uint,
} from "./fields.js";
import { type AnyLayout, namesOf, service, task } from "./layout.js";
import { RESET, ROUTINE, SESSION } from "./services.js";

/** didName gives the number too, which stands there already. */
const did = uint("dataIdentifier", 2, (value) => didName(value).split(" ")[1]);
const session = subFunction("diagnosticSessionType", namesOf(SESSION));
const reset = subFunction("resetType", namesOf(RESET));
const access = subFunction("securityAccessType", (value) => (value % 2 === 1 ? "requestSeed" : "sendKey"));
const control = subFunction(
  "controlType",
  namesOf({
    enableRxAndTx: 0x00,
    enableRxAndDisableTx: 0x01,
    disableRxAndEnableTx: 0x02,
    disableRxAndTx: 0x03,
    enableRxAndDisableTxWithEnhancedAddressInformation: 0x04,
    enableRxAndTxWithEnhancedAddressInformation: 0x05,
  }),
);
const communicationType = uint("communicationType", 1);
const ioControl = uint(
  "inputOutputControlParameter",
  1,
  namesOf({ returnControlToECU: 0x00, resetToDefault: 0x01, freezeCurrentState: 0x02, shortTermAdjustment: 0x03 }),
);
const routine = [subFunction("routineControlType", namesOf(ROUTINE)), uint("routineIdentifier", 2)] as const;
const testerPresent = subFunction("zeroSubFunction");
const dtcSetting = subFunction("DTCSettingType", namesOf({ on: 0x01, off: 0x02 }));
const dataFormat = uint("dataFormatIdentifier", 1);
const area = memory("memoryArea");
const transferRequest = [dataFormat, area] as const;
const transferResponse = [formatted("maxNumberOfBlockLength", 4)] as const;
const counter = uint("blockSequenceCounter", 1);
const parameters = rest("transferParameterRecord");
const path = sized("filePathAndName");
const maxBlock = formatted("maxNumberOfBlockLength", 0);
const sizes = fileSizes("fileSize", 1);

/** Values of a sub-function byte from `first` to `last`, every `step`-th. */
const every = (first: number, last: number, step: number): number[] =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);

export const UDS = {
  diagnosticSessionControl: service(0x10, [session], [session, uint("P2server_max", 2), uint("P2star_server_max", 2)]),
  ecuReset: service(0x11, [reset], [reset, optional(uint("powerDownTime", 1))]),
  clearDiagnosticInformation: service(0x14, [uint("groupOfDTC", 3), optional(uint("memorySelection", 1))], []),
  readDataByIdentifier: service(0x22, [list("dataIdentifiers", [did], 1)], [did, rest("dataRecord", 1)]),
  readMemoryByAddress: service(0x23, [area], [rest("dataRecord", 1)]),
  requestSeed: service(
    0x27,
    [access, rest("securityAccessDataRecord")],
    [access, rest("securitySeed")],
    every(0x01, 0x7d, 2),
  ),
  sendKey: service(0x27, [access, rest("securityKey", 1)], [access], every(0x02, 0x7e, 2)),
  communicationControl: service(0x28, [control, communicationType], [control], every(0x00, 0x03, 1)),
  communicationControlOfNode: service(
    0x28,
    [control, communicationType, uint("nodeIdentificationNumber", 2)],
    [control],
    every(0x04, 0x05, 1),
  ),
  writeDataByIdentifier: service(0x2e, [did, rest("dataRecord", 1)], [did]),
  inputOutputControlByIdentifier: service(
    0x2f,
    [did, ioControl, rest("controlStateAndEnableMask")],
    [did, ioControl, rest("controlState")],
  ),
  routineControl: service(
    0x31,
    [...routine, rest("routineControlOptionRecord")],
    [...routine, rest("routineStatusRecord")],
  ),
  requestDownload: service(0x34, transferRequest, transferResponse),
  requestUpload: service(0x35, transferRequest, transferResponse),
  transferData: service(0x36, [counter, parameters], [counter, parameters]),
  requestTransferExit: service(0x37, [parameters], [parameters]),
  addFile: task(0x38, 0x01, "addFile", [path, dataFormat, sizes], [maxBlock, dataFormat]),
  deleteFile: task(0x38, 0x02, "deleteFile", [path], []),
  replaceFile: task(0x38, 0x03, "replaceFile", [path, dataFormat, sizes], [maxBlock, dataFormat]),
  readFile: task(0x38, 0x04, "readFile", [path, dataFormat], [maxBlock, dataFormat, fileSizes("fileSize", 2)]),
  readDirectory: task(0x38, 0x05, "readDirectory", [path], [maxBlock, dataFormat, fileSizes("dirInfoLength", 2, true)]),
  resumeFile: task(
    0x38,
    0x06,
    "resumeFile",
    [path, dataFormat, sizes],
    [maxBlock, dataFormat, bytes("filePosition", 8)],
  ),
  writeMemoryByAddress: service(0x3d, [area, rest("dataRecord", 1)], [area]),
  testerPresent: service(0x3e, [testerPresent], [testerPresent]),
  securedDataTransmission: service(
    0x84,
    [uint("administrativeParameter", 2), uint("signatureEncryptionCalculation", 1), secured("securedMessage")],
    [uint("administrativeParameter", 2), uint("signatureEncryptionCalculation", 1), secured("securedMessage")],
  ),
  controlDTCSetting: service(0x85, [dtcSetting, rest("DTCSettingControlOptionRecord")], [dtcSetting]),
} as const;

const LAYOUTS = new Map<number, AnyLayout[]>();
for (const layout of [...Object.values(UDS), ...Object.values(READ_DTC), ...Object.values(AUTHENTICATION)])
  LAYOUTS.set(layout.sid, [...(LAYOUTS.get(layout.sid) ?? []), layout]);

/** The row of a message with this SID and this second byte (without suppressPosRspMsgIndicationBit where it is a sub-function). */
export function layoutOf(sid: number, second: number | undefined): AnyLayout | undefined {
  return LAYOUTS.get(sid)?.find(({ sub, subs }) =>
    sub === undefined ? subs === undefined || (second !== undefined && subs.includes(second)) : sub === second,
  );
}
