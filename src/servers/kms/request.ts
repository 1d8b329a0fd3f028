/**
 * Reads and checks a request. The order: JSON object; ProvisioningType; the type's required fields in the table's order; every given field
 * is a string; then, in the order of the source's error table, EcuID, SupplierID, EcuType, KeyID (parse, range, type), Phase,
 * SupplierSecretKey; last Counter, Challenge, ResultStatus and the headers. The first failure is the answer.
 */
import { CORRELATION_ID, HEADER_VALUE, IDEMPOTENCY_KEY, STATION_ID } from "../../contract/common.js";
import {
  COUNTER_MAX,
  failureText,
  KEY_ID_MAX,
  KMS_FAILURES,
  type KmsFailure,
  type KmsField,
  type KmsMethod,
  type KmsResource,
  MAY_BE_EMPTY,
  PHASES,
  type Phase,
  PROVISIONING_TYPES,
  type ProvisioningType,
  provisioningType,
  REQUIRED_FIELDS,
  RESULT_STATUSES,
  type ResultStatus,
} from "../../contract/kms.js";
import { fromHex, isHex } from "../../shared/bytes.js";
import type { EcuType, Registry, SupplierSecret } from "./registry.js";

/** A failure of the contract, as the answer tells it. */
export class Failure {
  constructor(
    readonly name: KmsFailure,
    readonly value = "",
    /** The store has its audit row already. */
    readonly audited = false,
  ) {}

  /** What the store refused, and wrote. */
  static ofStore(name: KmsFailure, value = ""): Failure {
    return new Failure(name, value, true);
  }

  get reason(): string {
    return KMS_FAILURES[this.name].reason;
  }

  get text(): string {
    return failureText(this.name, this.value);
  }
}

/** A checked request. */
export interface KmsRequest {
  readonly type: ProvisioningType;
  /** 54 lower-case hex digits. */
  readonly ecuId: string;
  /** SHE UID, 15 bytes and as 30 lower-case hex digits. */
  readonly uid: Uint8Array;
  readonly uidHex: string;
  readonly ecuType: EcuType;
  readonly keyId: number;
  /** The KeyID as it was sent, "" where none was. */
  readonly keyIdText: string;
  readonly phase: Phase;
  readonly supplierSecret: SupplierSecret | undefined;
  /** Floor of the update counter; 0 where none was sent. */
  readonly counter: number;
  /** 16 bytes. */
  readonly challenge: Uint8Array | undefined;
  readonly status: ResultStatus;
  readonly message: string;
  readonly idempotencyKey: string | undefined;
  readonly correlationId: string | undefined;
  /** Whose request it is, for leases: the peer, and its X-Station-Id where it sent one. */
  readonly station: string;
}

export interface RawRequest {
  readonly method: KmsMethod;
  readonly resource: KmsResource;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Name of the peer's certificate, or its address. */
  readonly peer: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** A field of the body itself, never one of its prototype; null and "" are no value. */
function field(body: Fields, name: string): unknown {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  return value === null ? undefined : value;
}

function text(body: Fields, name: string): string | undefined {
  const value = field(body, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @param configured phase of a request that names none */
export function readRequest(raw: RawRequest, registry: Registry, configured: Phase): KmsRequest | Failure {
  const { body } = raw;
  if (typeof body !== "object" || body === null || Array.isArray(body)) return new Failure("notObject");
  const fields = body as Fields;

  const given = field(fields, "ProvisioningType");
  if (given === undefined || given === "") return new Failure("required", "ProvisioningType");
  if (typeof given !== "string") return new Failure("notText", "ProvisioningType");
  const type = provisioningType(given);
  if (type === undefined) return new Failure("type");
  const required = REQUIRED_FIELDS[`${raw.method} ${raw.resource}`][type];
  const shape = checkShape(fields, required);
  if (shape !== undefined) return shape;

  const ecuId = text(fields, "EcuID") ?? "";
  if (!isHex(ecuId, 27)) return new Failure("ecuId");
  const uidHex = ecuId.slice(24).toLowerCase();
  const uid = fromHex(uidHex);
  if (uid.every((byte) => byte === 0)) return new Failure("wildcard");
  if (!registry.hasSupplier(uid)) return new Failure("notRegistered", "SupplierID");
  const ecuType = registry.ecuType(uid);
  if (ecuType === undefined) return new Failure("notRegistered", "EcuType");

  const keyIdText = text(fields, "KeyID");
  const keyId = readKeyId(keyIdText, type);
  if (keyId instanceof Failure) return keyId;
  const phase = readPhase(field(fields, "Phase"), configured);
  if (phase instanceof Failure) return phase;

  const posted = raw.method === "POST";
  const secret = posted && required.includes("SupplierSecretKey") ? text(fields, "SupplierSecretKey") : undefined;
  const supplierSecret = secret === undefined ? undefined : registry.supplierSecret(secret, phase);
  if (secret !== undefined && supplierSecret === undefined) return new Failure("supplierSecret");

  let counter = 0;
  if (required.includes("Counter")) {
    const number = readCounter(field(fields, "Counter"));
    if (number === undefined) return new Failure("counter");
    counter = number;
  }
  let challenge: Uint8Array | undefined;
  const challengeText = posted && type === "SecOCKey" ? text(fields, "Challenge") : undefined;
  if (challengeText !== undefined) {
    if (!isHex(challengeText, 16)) return new Failure("challenge");
    challenge = fromHex(challengeText);
  }
  const statusText = text(fields, "ResultStatus");
  const status = RESULT_STATUSES.find((name) => name === statusText);
  if (!posted && status === undefined) return new Failure("resultStatus");

  const idempotencyKey = header(raw, IDEMPOTENCY_KEY, "Idempotency-Key");
  if (idempotencyKey instanceof Failure) return idempotencyKey;
  const correlationId = posted ? undefined : header(raw, CORRELATION_ID, "X-Correlation-Id");
  if (correlationId instanceof Failure) return correlationId;
  const stationId = header(raw, STATION_ID, "X-Station-Id");
  if (stationId instanceof Failure) return stationId;
  return {
    type,
    ecuId: ecuId.toLowerCase(),
    uid,
    uidHex,
    ecuType,
    keyId,
    keyIdText: keyIdText ?? "",
    phase,
    supplierSecret,
    counter,
    challenge,
    status: status ?? "OperationFailed",
    message: text(fields, "ResultMessage") ?? "",
    idempotencyKey,
    correlationId,
    station: stationId === undefined ? raw.peer : `${raw.peer} ${stationId}`,
  };
}

const TEXT_FIELDS: readonly KmsField[] = [
  "EcuID",
  "KeyID",
  "SupplierSecretKey",
  "Challenge",
  "ResultMessage",
  "ResultStatus",
];

function checkShape(fields: Fields, required: readonly KmsField[]): Failure | undefined {
  for (const name of required) {
    const value = field(fields, name);
    if (value === undefined || (value === "" && !MAY_BE_EMPTY.has(name))) return new Failure("required", name);
  }
  for (const name of TEXT_FIELDS) {
    const value = field(fields, name);
    if (value !== undefined && typeof value !== "string") return new Failure("notText", name);
  }
  return undefined;
}

const HEX_NUMBER = /^(?:0[xX])?([0-9A-Fa-f]+)$/;
const LEADING_ZEROS = /^0+(?=.)/;

/** The KeyID of the request, or the type's only one where none was sent. */
function readKeyId(given: string | undefined, type: ProvisioningType): number | Failure {
  const { firstKeyId, lastKeyId, keyIds } = PROVISIONING_TYPES[type];
  if (given === undefined) return firstKeyId;
  const digits = HEX_NUMBER.exec(given)?.[1]?.replace(LEADING_ZEROS, "");
  if (digits === undefined) return new Failure("keyIdParse", given);
  const keyId = digits.length > 1 ? Number.POSITIVE_INFINITY : Number.parseInt(digits, 16);
  if (keyId > KEY_ID_MAX) return new Failure("keyIdRange");
  if (keyId < firstKeyId || keyId > lastKeyId) return new Failure("keyIdType", `${keyIds} for ${type}`);
  return keyId;
}

function readPhase(given: unknown, configured: Phase): Phase | Failure {
  if (given === undefined) return configured;
  const phase = PHASES.find((name) => name === given);
  return phase ?? new Failure("phase", typeof given === "object" ? "" : String(given));
}

/** Decimal or 0x hex; a JSON number is taken too. */
function readCounter(given: unknown): number | undefined {
  const digits = typeof given === "number" ? String(given) : given;
  if (typeof digits !== "string" || !/^(?:[0-9]{1,20}|0[xX][0-9A-Fa-f]{1,20})$/.test(digits)) return undefined;
  const value = Number(digits);
  return value <= COUNTER_MAX ? value : undefined;
}

function header(raw: RawRequest, name: string, shown: string): string | undefined | Failure {
  const value = raw.headers[name];
  if (value === undefined) return undefined;
  return typeof value === "string" && HEADER_VALUE.test(value) ? value : new Failure("header", shown);
}
