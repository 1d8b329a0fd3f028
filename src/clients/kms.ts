/** The station's client of the KMS. */
import { CORRELATION_ID, HEADER_VALUE, IDEMPOTENCY_KEY, STATION_ID } from "../contract/common.js";
import {
  KeyAnswerSchema,
  KMS_PATHS,
  type OutcomeBody,
  OutcomeSchema,
  type Phase,
  type ResultReason,
  SyncAnswerSchema,
} from "../contract/kms.js";
import { concat, fromHex, toHex } from "../shared/bytes.js";
import { type ErrorCode, StationError } from "../shared/errors.js";
import type { Secret } from "../shared/secret.js";
import type { KeyRequest, KeySet, KmsClient, KmsResult, SyncValue } from "../station/ports.js";
import { bodyOf } from "./answer.js";
import { createHttpClient, type HttpAnswer, type HttpCall, type ServerErrors, type ServerOptions } from "./http.js";

export interface KmsClientOptions extends ServerOptions {
  /** Phase that every request names; left out, the server's own holds. */
  readonly phase?: Phase;
  /** Tells this station from others with its certificate or address: 1–200 visible ASCII characters, the same after a restart. */
  readonly station?: string;
}

const ERRORS: ServerErrors = { unreachable: "KMS_UNREACHABLE", fault: "KMS_FAULT", rejected: "KMS_REJECTED" };

/** Refusals that may end without anybody changing the request. */
const PASSING: Readonly<Partial<Record<string, ErrorCode>>> = {
  INTERNAL: ERRORS.fault,
  LEASED: "KMS_LEASED",
} satisfies Partial<Record<ResultReason, ErrorCode>>;

/** @throws StationError CONFIG_INVALID for an address that is no https URL */
export function createKmsClient(options: KmsClientOptions): KmsClient & { close(): Promise<void> } {
  const http = createHttpClient(options, ERRORS);
  const phase = options.phase === undefined ? {} : { Phase: options.phase };
  const station = options.station === undefined ? {} : { [STATION_ID]: options.station };

  /** The answer of a request that succeeded. */
  const ask = async (call: HttpCall, signal: AbortSignal, secret?: Secret): Promise<HttpAnswer> => {
    const answer = await http.call({ ...call, headers: { ...station, ...call.headers } }, signal);
    const outcome: OutcomeBody = bodyOf(OutcomeSchema, answer, ERRORS);
    if (answer.status < 300 && outcome.ResultStatus === "Success") return answer;
    // Nothing is wrong with a result that the allow list holds up.
    const passing = answer.status === 401 ? ERRORS.fault : PASSING[outcome.ResultReason];
    const reason = [
      answer.status === 200 ? "" : String(answer.status),
      passing === "KMS_LEASED" ? "" : outcome.ResultReason,
      outcome.ResultMessage,
    ];
    const what = withoutSecret(reason.filter((part) => part !== "").join(" "), secret);
    throw new StationError(passing ?? ERRORS.rejected, { details: { what } });
  };

  return {
    ping: (signal) => http.ping(signal),
    close: () => http.close(),

    async requestKey(request: KeyRequest, idempotencyKey: string, signal: AbortSignal): Promise<KeySet> {
      const fields = { ProvisioningType: request.type, EcuID: request.ecuId, KeyID: request.keyId, ...phase };
      const body = keyBody(fields, request.secOC);
      try {
        const call = {
          method: "POST",
          path: KMS_PATHS.key,
          body,
          headers: { [IDEMPOTENCY_KEY]: idempotencyKey },
        } as const;
        const answer = await ask(call, signal, request.secOC?.supplierSecret);
        const { Records } = bodyOf(KeyAnswerSchema, answer, ERRORS);
        return {
          m1: fromHex(Records.M1),
          m2: fromHex(Records.M2),
          m3: fromHex(Records.M3),
          m4: fromHex(Records.M4),
          m5: fromHex(Records.M5),
          correlationId: correlationOf(answer),
          ...(Records.KeySyncValue === undefined ? {} : { keySyncValue: fromHex(Records.KeySyncValue) }),
        };
      } finally {
        body.fill(0);
      }
    },

    async requestSync(type, ecuId, keyId, signal): Promise<SyncValue> {
      const body = JSON.stringify({ ProvisioningType: type, EcuID: ecuId, KeyID: keyId, ...phase });
      const answer = await ask({ method: "POST", path: KMS_PATHS.sync, body }, signal);
      const { Records } = bodyOf(SyncAnswerSchema, answer, ERRORS);
      return {
        keySyncValue: fromHex(Records.KeySyncValue),
        challenge: fromHex(Records.Challenge),
        correlationId: correlationOf(answer),
      };
    },

    async report(result: KmsResult, idempotencyKey: string, signal: AbortSignal): Promise<void> {
      const body = JSON.stringify({
        ProvisioningType: result.type,
        EcuID: result.ecuId,
        // The source's tables have it for this type alone.
        ...(result.type === "SecOCKey" ? { KeyID: result.keyId } : {}),
        ...phase,
        ResultMessage: result.message,
        ResultStatus: result.status,
      });
      const headers = {
        [IDEMPOTENCY_KEY]: idempotencyKey,
        ...(result.correlationId === undefined ? {} : { [CORRELATION_ID]: result.correlationId }),
      };
      await ask({ method: "PUT", path: KMS_PATHS[result.kind], body, headers }, signal);
    },
  };
}

function correlationOf(answer: HttpAnswer): string | undefined {
  const id = answer.header(CORRELATION_ID);
  return id !== undefined && HEADER_VALUE.test(id) ? id : undefined;
}

const SECRET_FIELD = '"SupplierSecretKey":"';

/** JSON in bytes that can be wiped: no string ever holds the supplier's secret. */
function keyBody(fields: Readonly<Record<string, string>>, secOC: KeyRequest["secOC"]): Uint8Array {
  if (secOC === undefined) return utf8(JSON.stringify(fields));
  const text = JSON.stringify({
    ...fields,
    SupplierSecretKey: "",
    Counter: String(secOC.counter),
    Challenge: toHex(secOC.challenge),
  });
  const at = text.indexOf(SECRET_FIELD) + SECRET_FIELD.length;
  const secret = secOC.supplierSecret.use(hexBytes);
  const body = concat(utf8(text.slice(0, at)), secret, utf8(text.slice(at)));
  secret.fill(0);
  return body;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** ASCII of lower-case hex. */
function hexBytes(bytes: Uint8Array): Uint8Array {
  const digit = (value: number) => (value < 10 ? 0x30 + value : 0x57 + value);
  const out = new Uint8Array(2 * bytes.length);
  for (const [i, byte] of bytes.entries()) {
    out[2 * i] = digit(byte >> 4);
    out[2 * i + 1] = digit(byte & 0x0f);
  }
  return out;
}

/** A server's text, in case it repeats the secret. */
function withoutSecret(text: string, secret: Secret | undefined): string {
  if (secret === undefined || secret.length === 0) return text;
  return secret.use((bytes) => text.replace(new RegExp(toHex(bytes), "gi"), "[redacted]"));
}
