/** The reference ECU's routines: request data and answers behind `71 cc id`. Pure. */
import { concat, readUintBE, uintBE } from "../../shared/bytes.js";
import { unexpectedResponse } from "./messages.js";
import { SID } from "./tables/services.js";
import {
  CERTIFICATE_STATUS,
  type CertificateStatus,
  CURVE_CODE,
  type CurveName,
  SHE_STATUS,
  type SheStatus,
  statusName,
} from "./tables/status.js";

/** A status of a table, or one that the table has not. */
type Named<T extends string> = T | `UNKNOWN_${string}`;

/** A routine's answer: what it gave, where its status is 00. */
export interface SheAnswer<T> {
  readonly status: Named<SheStatus>;
  readonly value: T | undefined;
}
export interface CertificateAnswer<T> {
  readonly status: Named<CertificateStatus>;
  readonly value: T | undefined;
}

export interface LoadReceipt {
  /** 32 and 16 bytes. */
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

export interface DeviceId {
  /** 15 bytes. */
  readonly uid: Uint8Array;
  readonly sreg: number;
  /** 16 bytes; zeros while MASTER_ECU_KEY is empty. */
  readonly mac: Uint8Array;
}

function bad(what: string): Error {
  return unexpectedResponse(SID.RoutineControl, what);
}

/** Reads status and, behind 00, exactly what `read` takes; behind another status nothing may stand. */
function answer<T>(data: Uint8Array, read: (rest: Uint8Array) => T): { status: number; value: T | undefined } {
  const [status] = data;
  if (status === undefined) throw bad("the status is missing");
  const rest = data.slice(1);
  if (status === 0) return { status, value: read(rest) };
  if (rest.length > 0) throw bad(`${rest.length} bytes behind status ${status}`);
  return { status, value: undefined };
}

const she = <T>(data: Uint8Array, read: (rest: Uint8Array) => T): SheAnswer<T> => {
  const { status, value } = answer(data, read);
  return { status: statusName(SHE_STATUS, status), value };
};

const certificate = <T>(data: Uint8Array, read: (rest: Uint8Array) => T): CertificateAnswer<T> => {
  const { status, value } = answer(data, read);
  return { status: statusName(CERTIFICATE_STATUS, status), value };
};

function exactly(rest: Uint8Array, length: number): Uint8Array {
  if (rest.length !== length) throw bad(`${rest.length} bytes behind the status, ${length} wanted`);
  return rest;
}

const receipt = (rest: Uint8Array): LoadReceipt => {
  exactly(rest, 48);
  return { m4: rest.slice(0, 32), m5: rest.slice(32) };
};

export const parseLoad = (data: Uint8Array): SheAnswer<LoadReceipt> => she(data, receipt);

export const parseMac = (data: Uint8Array): SheAnswer<Uint8Array> => she(data, (rest) => exactly(rest, 16));

export const parseDeviceId = (data: Uint8Array): SheAnswer<DeviceId> =>
  she(data, (rest) => {
    exactly(rest, 32);
    return { uid: rest.slice(0, 15), sreg: rest[15] ?? 0, mac: rest.slice(16) };
  });

export const parseDone = (data: Uint8Array): CertificateAnswer<true> =>
  certificate(data, (rest) => {
    exactly(rest, 0);
    return true;
  });

export const parseSignature = (data: Uint8Array): CertificateAnswer<Uint8Array> =>
  certificate(data, (rest) => {
    if (rest.length < 2) throw bad("the signature's length is missing");
    return exactly(rest.slice(2), readUintBE(rest, 0, 2));
  });

/** Data of 0220. @param attributes the Attribute SEQUENCEs one after the other */
export function keyPairData(slot: number, curve: CurveName, subject: Uint8Array, attributes: Uint8Array): Uint8Array {
  return concat(
    Uint8Array.of(slot, CURVE_CODE[curve]),
    uintBE(subject.length, 2),
    subject,
    uintBE(attributes.length, 2),
    attributes,
  );
}
