/** Identification: one request for all identifiers where the ECU takes it, else one each. */
import { fromAscii, readUintBE, toHex } from "../../shared/bytes.js";
import { isStationError } from "../../shared/errors.js";
import { call } from "./call.js";
import type { UdsClient } from "./client.js";
import type { EcuMap } from "./map.js";
import { nrcOf, unexpectedResponse } from "./messages.js";
import { canReadTogether, severalRecords, severalRequest, type WantedRecord } from "./several.js";
import { didName } from "./tables/dids.js";
import { UDS } from "./tables/messages.js";
import { SID } from "./tables/services.js";
import { LIFE_CYCLE } from "./tables/status.js";

export interface ProvisioningState {
  readonly lifeCycle: (typeof LIFE_CYCLE)[number];
  /** Bit n = SHE slot n is filled. */
  readonly keySlots: number;
  /** Bit n = certificate slot n holds a leaf. */
  readonly certificateSlots: number;
}

export interface EcuIdentity {
  readonly partNumber: string;
  readonly hwVersion: string;
  readonly swVersion: string;
  readonly systemName: string;
  readonly serialNumber: string;
  /** Undefined while blank (17 × FF). */
  readonly vin: string | undefined;
  /** 54 hex digits, lower case. */
  readonly ecuId: string;
  readonly state: ProvisioningState;
}

const VIN_LENGTH = 17;
const ECU_ID_LENGTH = 27;
const STATE_LENGTH = 4;

export async function identify(client: UdsClient, dids: EcuMap["dids"], signal: AbortSignal): Promise<EcuIdentity> {
  const wanted: readonly WantedRecord[] = [
    { did: dids.partNumber, length: "text" },
    { did: dids.hwVersion, length: "text" },
    { did: dids.swVersion, length: "text" },
    { did: dids.systemName, length: "text" },
    { did: dids.serialNumber, length: "text" },
    { did: dids.vin, length: VIN_LENGTH },
    { did: dids.ecuId, length: ECU_ID_LENGTH },
    { did: dids.provisioningState, length: STATE_LENGTH },
  ];
  const records = (await readTogether(client, wanted, signal)) ?? (await readOneByOne(client, wanted, signal));
  const [partNumber, hwVersion, swVersion, systemName, serialNumber, vin, ecuId, state] = records;
  return {
    partNumber: text(partNumber, dids.partNumber),
    hwVersion: text(hwVersion, dids.hwVersion),
    swVersion: text(swVersion, dids.swVersion),
    systemName: text(systemName, dids.systemName),
    serialNumber: text(serialNumber, dids.serialNumber),
    vin: vin?.every((byte) => byte === 0xff) ? undefined : text(vin, dids.vin),
    ecuId: toHex(ecuId ?? new Uint8Array(0)),
    state: provisioningState(state ?? new Uint8Array(0), dids.provisioningState),
  };
}

/** Undefined where the ECU takes only one identifier a request, or answers so that it cannot be told apart. */
async function readTogether(client: UdsClient, wanted: readonly WantedRecord[], signal: AbortSignal) {
  if (!canReadTogether(wanted)) return undefined;
  try {
    return severalRecords(wanted, await client.request(severalRequest(wanted), { signal }));
  } catch (error) {
    if (nrcOf(error) !== undefined || isStationError(error, "UDS_UNEXPECTED_RESPONSE")) return undefined;
    throw error;
  }
}

/** The record of one identifier. */
export async function readDid(client: UdsClient, did: number, signal: AbortSignal): Promise<Uint8Array> {
  const request = { dataIdentifiers: [{ dataIdentifier: did }] };
  return (await call(client, UDS.readDataByIdentifier, request, { signal })).dataRecord;
}

async function readOneByOne(client: UdsClient, wanted: readonly WantedRecord[], signal: AbortSignal) {
  const records: Uint8Array[] = [];
  for (const { did, length } of wanted) {
    const record = await readDid(client, did, signal);
    if (length !== "text" && record.length !== length)
      throw unexpectedResponse(
        SID.ReadDataByIdentifier,
        `${didName(did)} has ${record.length} bytes, ${length} wanted`,
      );
    records.push(record);
  }
  return records;
}

/** Fields of a fixed length are filled up with blanks or NULs, which are no part of the text. */
function text(record: Uint8Array | undefined, did: number): string {
  const value = fromAscii(record ?? new Uint8Array(0)).replace(/[\0 ]+$/, "");
  if (!/^[\x20-\x7e]+$/.test(value))
    throw unexpectedResponse(SID.ReadDataByIdentifier, `${didName(did)} is not ASCII text`);
  return value;
}

function provisioningState(record: Uint8Array, did: number): ProvisioningState {
  const lifeCycle = LIFE_CYCLE[record[0] ?? 0xff];
  if (lifeCycle === undefined)
    throw unexpectedResponse(SID.ReadDataByIdentifier, `${didName(did)} has an unknown life cycle`);
  return { lifeCycle, keySlots: readUintBE(record, 1, 2), certificateSlots: record[3] ?? 0 };
}
