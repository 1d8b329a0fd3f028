/** Description of the KMS's endpoints, from its contract. */
import {
  failureText,
  KeyAnswerSchema,
  KeyRequestSchema,
  KMS_FAILURES,
  KMS_PATHS,
  type KmsFailure,
  type KmsMethod,
  type KmsResource,
  OutcomeSchema,
  ResultRequestSchema,
  SyncAnswerSchema,
  SyncRequestSchema,
} from "../kms.js";
import {
  CORRELATION_HEADER,
  content,
  type Example,
  type JsonObject,
  PARAMETERS,
  plainSchema,
  ref,
  response,
} from "./parts.js";

export const KMS_SCHEMAS: JsonObject = {
  KeyRequest: plainSchema(KeyRequestSchema),
  KeyAnswer: plainSchema(KeyAnswerSchema),
  SyncRequest: plainSchema(SyncRequestSchema),
  SyncAnswer: plainSchema(SyncAnswerSchema),
  ResultRequest: plainSchema(ResultRequestSchema),
  Outcome: plainSchema(OutcomeSchema),
};

type Endpoint = `${KmsMethod} ${KmsResource}`;

/** Failures with a status of their own; the contract answers the rest with 200. */
const STATUSES: Readonly<Record<string, number>> = {
  notAllowed: 401,
  tooMany: 429,
  method: 405,
  notJson: 400,
  tooLarge: 413,
  internal: 500,
};
const POSTS = ["POST key", "POST sync"] as const;
const PUTS = ["PUT key", "PUT sync"] as const;
/** Failures of some endpoints only; the rest may answer any of them. `noPath` is of no endpoint. */
const ONLY: Partial<Record<KmsFailure, readonly Endpoint[]>> = {
  noPath: [],
  supplierSecret: ["POST key"],
  counter: ["POST key"],
  challenge: POSTS,
  resultStatus: PUTS,
  leased: ["POST key"],
  correlation: PUTS,
  noKey: ["POST sync"],
  counterUsedUp: ["POST key"],
};
/** What stands for `{}` in the examples. */
const VALUES: Partial<Record<KmsFailure, string>> = {
  required: "KeyID",
  notText: "KeyID",
  notRegistered: "SupplierID",
  keyIdParse: "ㅎㄷ",
  keyIdType: "1 for EcuMasterKey",
  phase: "Test",
  header: "Idempotency-Key",
  leased: "60",
};
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "The body is not JSON.",
  401: "The client is not on the allow list, or not for this.",
  405: "The path has other methods.",
  413: "The body is too large.",
  429: "The client sends too many requests.",
  500: "A fault of the server.",
};

const ECU = "010203040506070801020304000300010000000000000000000002";
const SUCCESS = { ResultStatus: "Success", ResultReason: "", ResultMessage: "" } as const;
const RESULT = { ProvisioningType: "EcuMasterKey", EcuID: ECU, ResultMessage: "", ResultStatus: "Success" } as const;
const CHALLENGE = "00112233445566778899aabbccddeeff";

interface Row {
  readonly summary: string;
  readonly request: string;
  readonly answer: string;
  readonly sample: JsonObject;
  readonly answered: JsonObject;
}

/** The key sample is the published one of the master key. */
const ROWS: Readonly<Record<Endpoint, Row>> = {
  "POST key": {
    summary: "M1–M5 for one key slot of one ECU",
    request: "KeyRequest",
    answer: "KeyAnswer",
    sample: { ProvisioningType: "EcuMasterKey", EcuID: ECU, KeyID: "1" },
    answered: {
      ...SUCCESS,
      Records: {
        KeyID: "1",
        M1: "00030001000000000000000000000211",
        M2: "83a6957a7c21c35c9bf9083c09c728fa8ebb3965805bfe8f9fd6b88b7fcf8df4",
        M3: "1eae814952a1ad6f9efc2e0c20378c3d",
        M4: "000300010000000000000000000002119d65cbf811941c12318183fce05f9880",
        M5: "adf3b9cb4e14a5cb60899f1a4a59feb2",
      },
    },
  },
  "PUT key": {
    summary: "Result of an injection",
    request: "ResultRequest",
    answer: "Outcome",
    sample: RESULT,
    answered: SUCCESS,
  },
  "POST sync": {
    summary: "Values to check that ECU and KMS hold the same key",
    request: "SyncRequest",
    answer: "SyncAnswer",
    sample: { ProvisioningType: "SupplierSymmKey", EcuID: ECU, KeyID: "D" },
    answered: {
      ...SUCCESS,
      Records: { KeyID: "D", KeySyncValue: "c7277a0dc1fb853b5f4d9cbd26be40c6", Challenge: CHALLENGE },
    },
  },
  "PUT sync": {
    summary: "Result of that check",
    request: "ResultRequest",
    answer: "Outcome",
    sample: { ...RESULT, ProvisioningType: "SupplierSymmKey" },
    answered: SUCCESS,
  },
};

export function kmsPaths(): JsonObject {
  const pairs = (Object.keys(KMS_PATHS) as KmsResource[]).map((resource) => [
    KMS_PATHS[resource],
    { post: endpoint("POST", resource), put: endpoint("PUT", resource) },
  ]);
  return Object.fromEntries(pairs) as JsonObject;
}

function endpoint(method: KmsMethod, resource: KmsResource): JsonObject {
  const name: Endpoint = `${method} ${resource}`;
  const { summary, request, answer, sample, answered } = ROWS[name];
  const { 200: refused = {}, ...others } = failuresOf(name);
  const gives = method === "POST";
  const { correlation, idempotency, requestId, station } = PARAMETERS;
  const schema = answer === "Outcome" ? ref(answer) : { anyOf: [ref(answer), ref("Outcome")] };
  const examples = { sample: { value: answered }, ...refused };
  return {
    operationId: `${method.toLowerCase()}-${resource}`,
    tags: ["KMS"],
    summary,
    parameters: [idempotency, requestId, station, ...(gives ? [] : [correlation])],
    requestBody: { required: true, content: content(ref(request), { sample: { value: sample } }) },
    responses: {
      200: response(
        "Done, or OperationFailed with its reason.",
        200,
        content(schema, examples),
        gives ? CORRELATION_HEADER : {},
      ),
      ...Object.fromEntries(
        Object.entries(others).map(([status, failures]) => [
          status,
          response(STATUS_TEXTS[Number(status)] ?? "Refused.", Number(status), content(ref("Outcome"), failures)),
        ]),
      ),
    },
  };
}

function failuresOf(name: Endpoint): Record<number, Record<string, Example>> {
  const byStatus: Record<number, Record<string, Example>> = {};
  for (const failure of Object.keys(KMS_FAILURES) as KmsFailure[]) {
    if (ONLY[failure]?.includes(name) === false) continue;
    const status = STATUSES[failure] ?? 200;
    const { reason } = KMS_FAILURES[failure];
    const message = failureText(failure, VALUES[failure]);
    const value = { ResultStatus: "OperationFailed", ResultReason: reason, ResultMessage: message };
    byStatus[status] = { ...byStatus[status], [failure]: { value } };
  }
  return byStatus;
}
