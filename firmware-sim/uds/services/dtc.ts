/** Stored data transmission (ISO 14229-1 clause 12) and ControlDTCSetting (10.8): services 14, 19 and 85. */
import { concat, readUintBE, uintBE } from "../../../src/shared/bytes.js";
import { type Dtc, type DtcMemory, type DtcRecord, extendedData, STATUS_AVAILABILITY_MASK, snapshots } from "../dtc.js";
import { Negative, NRC } from "../nrc.js";
import { exactLength, subFunction } from "../request.js";
import type { Service } from "../server.js";

/** DTCFormatIdentifier: codes as ISO 14229-1 has them. */
const ISO_14229_1 = 0x01;
/** Asks for every record of a code. */
const ALL_RECORDS = 0xff;
/** DTCSettingType: on; 02 is off. */
const ON = 0x01;

export function clearDiagnosticInformation(memory: DtcMemory): Service {
  return {
    sid: 0x14,
    name: "ClearDiagnosticInformation",
    minLength: 4,
    async handle({ request }) {
      exactLength(request, 4);
      if (!(await memory.clear(readUintBE(request, 1, 3)))) throw new Negative(NRC.requestOutOfRange);
      return { response: Uint8Array.of(0x54) };
    },
  };
}

export function controlDtcSetting(memory: DtcMemory, subFunctions: readonly number[]): Service {
  return {
    sid: 0x85,
    name: "ControlDTCSetting",
    subFunctions,
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      exactLength(request, 2);
      memory.enabled = subFunction(request) === ON;
      return { response: Uint8Array.of(0xc5, subFunction(request)) };
    },
  };
}

interface Report {
  /** Length of the request. */
  readonly length: number;
  /** What follows SID and sub-function in the answer. */
  readonly answer: (memory: DtcMemory, request: Uint8Array) => Uint8Array;
}

const REPORTS: Readonly<Record<number, Report>> = {
  // reportNumberOfDTCByStatusMask
  1: {
    length: 3,
    answer: (memory, [, , mask = 0]) =>
      concat(Uint8Array.of(STATUS_AVAILABILITY_MASK, ISO_14229_1), uintBE(matching(memory, mask).length, 2)),
  },
  // reportDTCByStatusMask
  2: { length: 3, answer: (memory, [, , mask = 0]) => list(matching(memory, mask)) },
  // reportDTCSnapshotIdentification
  3: {
    length: 2,
    answer: (memory) =>
      concat(
        ...memory.all().flatMap((dtc) => snapshots(dtc).flatMap(({ record }) => [codeOf(dtc), Uint8Array.of(record)])),
      ),
  },
  // reportDTCSnapshotRecordByDTCNumber
  4: { length: 6, answer: (memory, request) => records(memory, request, ({ snapshot }) => snapshot, snapshots) },
  // reportDTCExtDataRecordByDTCNumber
  6: {
    length: 6,
    answer: (memory, request) => records(memory, request, ({ occurrences }) => occurrences, extendedData),
  },
  // reportSupportedDTC
  10: { length: 2, answer: (memory) => list(memory.all()) },
};

export function readDtcInformation(memory: DtcMemory, subFunctions: readonly number[]): Service {
  return {
    sid: 0x19,
    name: "ReadDTCInformation",
    subFunctions,
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      const sub = subFunction(request);
      const report = REPORTS[sub];
      if (report === undefined) throw new Negative(NRC.subFunctionNotSupported);
      exactLength(request, report.length);
      return { response: concat(Uint8Array.of(0x59, sub), report.answer(memory, request)) };
    },
  };
}

const codeOf = ({ definition }: Dtc): Uint8Array => uintBE(definition.code, 3);

const withStatus = (dtc: Dtc): Uint8Array => concat(codeOf(dtc), Uint8Array.of(dtc.status));

const list = (dtcs: readonly Dtc[]): Uint8Array =>
  concat(Uint8Array.of(STATUS_AVAILABILITY_MASK), ...dtcs.map(withStatus));

const matching = (memory: DtcMemory, mask: number): Dtc[] =>
  memory.all().filter(({ status }) => (status & mask & STATUS_AVAILABILITY_MASK) !== 0);

/** A code that has such a record, but nothing in it yet, is answered without one (12.3.5). @throws Negative 31 for a code or record that is none */
function records(
  memory: DtcMemory,
  request: Uint8Array,
  defined: (definition: Dtc["definition"]) => { readonly record: number } | undefined,
  kept: (dtc: Dtc) => readonly DtcRecord[],
): Uint8Array {
  const wanted = request[5] ?? 0;
  const dtc = memory.find(readUintBE(request, 2, 3));
  if (dtc === undefined || (wanted !== ALL_RECORDS && defined(dtc.definition)?.record !== wanted))
    throw new Negative(NRC.requestOutOfRange);
  return concat(withStatus(dtc), ...kept(dtc).flatMap(({ record, content }) => [Uint8Array.of(record), content]));
}
