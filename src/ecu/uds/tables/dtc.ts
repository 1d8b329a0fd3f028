/** 19 ReadDTCInformation, one row a sub-function (ISO 14229-1:2020 §12.3). */
import { type Fields, list, rest, uint } from "./fields.js";
import { task } from "./layout.js";

const DTC = uint("DTC", 3);
const status = uint("statusOfDTC", 1);
const statusMask = uint("DTCStatusMask", 1);
const severityMask = uint("DTCSeverityMask", 1);
const severity = uint("DTCSeverity", 1);
const available = uint("DTCStatusAvailabilityMask", 1);
const format = uint("DTCFormatIdentifier", 1);
const group = uint("functionalGroupIdentifier", 1);
const memorySelection = uint("memorySelection", 1);
const snapshotNumber = uint("DTCSnapshotRecordNumber", 1);
const storedDataNumber = uint("DTCStoredDataRecordNumber", 1);
const extendedNumber = uint("DTCExtDataRecordNumber", 1);
const readinessGroup = uint("DTCReadinessGroupIdentifier", 1);

const dtcs = list("DTCAndStatusRecord", [DTC, status]);
const severities = list("DTCAndSeverityRecord", [severity, uint("DTCFunctionalUnit", 1), DTC, status]);
const count = [available, format, uint("DTCCount", 2)] as const;
const withStatus = [available, dtcs] as const;
const ofOne = [DTC, status, rest("records")] as const;

const row = <const Q extends Fields, const R extends Fields>(sub: number, name: string, request: Q, response: R) =>
  task(0x19, sub, name, request, response);

export const READ_DTC = {
  reportNumberOfDTCByStatusMask: row(0x01, "reportNumberOfDTCByStatusMask", [statusMask], count),
  reportDTCByStatusMask: row(0x02, "reportDTCByStatusMask", [statusMask], withStatus),
  reportDTCSnapshotIdentification: row(
    0x03,
    "reportDTCSnapshotIdentification",
    [],
    [list("DTCSnapshotRecord", [DTC, snapshotNumber])],
  ),
  reportDTCSnapshotRecordByDTCNumber: row(0x04, "reportDTCSnapshotRecordByDTCNumber", [DTC, snapshotNumber], ofOne),
  reportDTCStoredDataByRecordNumber: row(
    0x05,
    "reportDTCStoredDataByRecordNumber",
    [storedDataNumber],
    [storedDataNumber, rest("records")],
  ),
  reportDTCExtDataRecordByDTCNumber: row(0x06, "reportDTCExtDataRecordByDTCNumber", [DTC, extendedNumber], ofOne),
  reportNumberOfDTCBySeverityMaskRecord: row(
    0x07,
    "reportNumberOfDTCBySeverityMaskRecord",
    [severityMask, statusMask],
    count,
  ),
  reportDTCBySeverityMaskRecord: row(
    0x08,
    "reportDTCBySeverityMaskRecord",
    [severityMask, statusMask],
    [available, severities],
  ),
  reportSeverityInformationOfDTC: row(0x09, "reportSeverityInformationOfDTC", [DTC], [available, severities]),
  reportSupportedDTC: row(0x0a, "reportSupportedDTC", [], withStatus),
  reportFirstTestFailedDTC: row(0x0b, "reportFirstTestFailedDTC", [], withStatus),
  reportFirstConfirmedDTC: row(0x0c, "reportFirstConfirmedDTC", [], withStatus),
  reportMostRecentTestFailedDTC: row(0x0d, "reportMostRecentTestFailedDTC", [], withStatus),
  reportMostRecentConfirmedDTC: row(0x0e, "reportMostRecentConfirmedDTC", [], withStatus),
  reportDTCFaultDetectionCounter: row(
    0x14,
    "reportDTCFaultDetectionCounter",
    [],
    [list("DTCFaultDetectionCounterRecord", [DTC, uint("DTCFaultDetectionCounter", 1)])],
  ),
  reportDTCWithPermanentStatus: row(0x15, "reportDTCWithPermanentStatus", [], withStatus),
  reportDTCExtDataRecordByRecordNumber: row(
    0x16,
    "reportDTCExtDataRecordByRecordNumber",
    [extendedNumber],
    [extendedNumber, rest("records")],
  ),
  reportUserDefMemoryDTCByStatusMask: row(
    0x17,
    "reportUserDefMemoryDTCByStatusMask",
    [statusMask, memorySelection],
    [memorySelection, available, dtcs],
  ),
  reportUserDefMemoryDTCSnapshotRecordByDTCNumber: row(
    0x18,
    "reportUserDefMemoryDTCSnapshotRecordByDTCNumber",
    [DTC, snapshotNumber, memorySelection],
    [memorySelection, ...ofOne],
  ),
  reportUserDefMemoryDTCExtDataRecordByDTCNumber: row(
    0x19,
    "reportUserDefMemoryDTCExtDataRecordByDTCNumber",
    [DTC, extendedNumber, memorySelection],
    [memorySelection, ...ofOne],
  ),
  reportSupportedDTCExtDataRecord: row(
    0x1a,
    "reportSupportedDTCExtDataRecord",
    [extendedNumber],
    [available, extendedNumber, dtcs],
  ),
  reportWWHOBDDTCByMaskRecord: row(
    0x42,
    "reportWWHOBDDTCByMaskRecord",
    [group, statusMask, severityMask],
    [
      group,
      available,
      uint("DTCSeverityAvailabilityMask", 1),
      format,
      list("DTCAndSeverityRecord", [severity, DTC, status]),
    ],
  ),
  reportWWHOBDDTCWithPermanentStatus: row(
    0x55,
    "reportWWHOBDDTCWithPermanentStatus",
    [group],
    [group, available, format, dtcs],
  ),
  reportDTCInformationByDTCReadinessGroupIdentifier: row(
    0x56,
    "reportDTCInformationByDTCReadinessGroupIdentifier",
    [group, readinessGroup],
    [group, available, format, readinessGroup, dtcs],
  ),
} as const;
