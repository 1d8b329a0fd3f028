/** The KMS REST contract (SHE key provisioning): paths, fields, texts and shapes that server and client share. */
import { type Static, Type } from "typebox";

export const KMS_PATHS = {
  key: "/app/automotive/supplierKeyProvisioning",
  sync: "/app/automotive/supplierKeySyncValue",
} as const;

export type KmsResource = keyof typeof KMS_PATHS;
export type KmsMethod = "POST" | "PUT";

export const PHASES = ["Prod", "Dev"] as const;
export type Phase = (typeof PHASES)[number];

export const RESULT_STATUSES = ["Success", "OperationFailed"] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

interface TypeRow {
  /** How requests may spell it; the first is the type's name. */
  readonly spellings: readonly string[];
  /** KeyIDs of the type, both ends included. */
  readonly firstKeyId: number;
  readonly lastKeyId: number;
  /** The KeyIDs for people. */
  readonly keyIds: string;
}

export const PROVISIONING_TYPES = {
  EcuMasterKey: { spellings: ["EcuMasterKey"], firstKeyId: 0x1, lastKeyId: 0x1, keyIds: "1" },
  SecOCKey: { spellings: ["SecOCKey", "SecOckKey"], firstKeyId: 0x4, lastKeyId: 0xc, keyIds: "4 to C" },
  SupplierSymmKey: { spellings: ["SupplierSymmKey"], firstKeyId: 0xd, lastKeyId: 0xd, keyIds: "D" },
} as const satisfies Record<string, TypeRow>;

export type ProvisioningType = keyof typeof PROVISIONING_TYPES;
export const PROVISIONING_TYPE_NAMES = Object.keys(PROVISIONING_TYPES) as readonly ProvisioningType[];

/** The type of one of its spellings. */
export function provisioningType(text: string): ProvisioningType | undefined {
  return PROVISIONING_TYPE_NAMES.find((name) =>
    (PROVISIONING_TYPES[name].spellings as readonly string[]).includes(text),
  );
}

/** Largest KeyID that the KMS knows. */
export const KEY_ID_MAX = 0xd;
/** Largest SHE update counter, 28 bits. */
export const COUNTER_MAX = 0xfffffff;

export type KmsField =
  | "ProvisioningType"
  | "EcuID"
  | "KeyID"
  | "SupplierSecretKey"
  | "Counter"
  | "Challenge"
  | "ResultMessage"
  | "ResultStatus";

const ALWAYS = ["ProvisioningType", "EcuID"] as const;
const RESULT = ["ResultMessage", "ResultStatus"] as const;

/** Required fields of each request in the order of the source's tables. */
export const REQUIRED_FIELDS: Readonly<
  Record<`${KmsMethod} ${KmsResource}`, Readonly<Record<ProvisioningType, readonly KmsField[]>>>
> = {
  "POST key": {
    EcuMasterKey: [...ALWAYS, "KeyID"],
    SupplierSymmKey: [...ALWAYS, "KeyID"],
    SecOCKey: [...ALWAYS, "KeyID", "SupplierSecretKey", "Counter", "Challenge"],
  },
  "PUT key": {
    EcuMasterKey: [...ALWAYS, ...RESULT],
    SupplierSymmKey: [...ALWAYS, ...RESULT],
    SecOCKey: [...ALWAYS, "KeyID", ...RESULT],
  },
  "POST sync": {
    EcuMasterKey: ALWAYS,
    SupplierSymmKey: ALWAYS,
    SecOCKey: [...ALWAYS, "KeyID"],
  },
  "PUT sync": {
    EcuMasterKey: [...ALWAYS, ...RESULT],
    SupplierSymmKey: [...ALWAYS, ...RESULT],
    SecOCKey: [...ALWAYS, "KeyID", ...RESULT],
  },
};

/** Fields that must be there and may be empty. */
export const MAY_BE_EMPTY: ReadonlySet<KmsField> = new Set(["ResultMessage"]);

/** `ResultReason` of a failure. */
const RESULT_REASONS = [
  "REQUIRED",
  "NOT_REGISTERED",
  "KEYID_PARSE",
  "KEYID_RANGE",
  "KEYID_TYPE",
  "PHASE",
  "LEASED",
  "INVALID",
  "INTERNAL",
] as const;
export type ResultReason = (typeof RESULT_REASONS)[number];

interface FailureRow {
  readonly reason: ResultReason;
  /** `ResultMessage`; `{}` stands for the value of the case. */
  readonly text: string;
}

/**
 * Every failure with its texts, the source's in the source's spelling, in the order in which a request is checked. None of them
 * repeats a SupplierSecretKey.
 */
export const KMS_FAILURES = {
  notAllowed: { reason: "INVALID", text: "This client is not allowed to do this." },
  tooMany: { reason: "INVALID", text: "Too many requests, try again later." },
  noPath: { reason: "INVALID", text: "There is nothing at this path." },
  method: { reason: "INVALID", text: "This path does not have this method." },
  notJson: { reason: "INVALID", text: "The body is not JSON." },
  tooLarge: { reason: "INVALID", text: "The body is too large." },
  notObject: { reason: "INVALID", text: "The body must be a JSON object." },
  required: { reason: "REQUIRED", text: "The {} is required." },
  notText: { reason: "INVALID", text: "The {} must be a string." },
  type: { reason: "INVALID", text: "The ProvisioningType must be EcuMasterKey, SecOCKey or SupplierSymmKey." },
  ecuId: { reason: "INVALID", text: "The EcuID must be 54 hex digits." },
  wildcard: { reason: "INVALID", text: "The EcuID must not hold the wildcard UID (15 zero bytes)." },
  notRegistered: { reason: "NOT_REGISTERED", text: "The {} is not registerd." },
  keyIdParse: { reason: "KEYID_PARSE", text: "keyID Parsing Err : [{}]" },
  keyIdRange: { reason: "KEYID_RANGE", text: "The KeyID must be less than or equal to D(0x0D)." },
  keyIdType: { reason: "KEYID_TYPE", text: "The KeyID must be {}." },
  phase: { reason: "PHASE", text: "Phase = ([Prod] or [Dev]): [{}]" },
  supplierSecret: { reason: "NOT_REGISTERED", text: "The SupplierSecretKey:[] is not registerd." },
  counter: { reason: "INVALID", text: "The Counter must be a decimal or 0x hex number below 2^28." },
  challenge: { reason: "INVALID", text: "The Challenge must be 32 hex digits." },
  resultStatus: { reason: "INVALID", text: "The ResultStatus must be Success or OperationFailed." },
  header: { reason: "INVALID", text: "The {} header must be 1 to 200 visible ASCII characters." },
  leased: { reason: "LEASED", text: "Another station works on this ECU, for at most {} s more." },
  idempotency: { reason: "INVALID", text: "The Idempotency-Key was used for another request." },
  correlation: { reason: "INVALID", text: "The X-Correlation-Id does not belong to a request for this key." },
  noKey: { reason: "INVALID", text: "No key was issued for this EcuID and KeyID." },
  counterUsedUp: { reason: "INVALID", text: "The update counter of this key slot is used up." },
  internal: { reason: "INTERNAL", text: "Internal Server Error" },
} as const satisfies Record<string, FailureRow>;

export type KmsFailure = keyof typeof KMS_FAILURES;

/** `ResultMessage` of a failure with `value` in its place. */
export function failureText(failure: KmsFailure, value = ""): string {
  return KMS_FAILURES[failure].text.replace("{}", () => value);
}

// ------------------------------------------------------------------------------------------------------------ requests

const spellings = PROVISIONING_TYPE_NAMES.flatMap((name) => [...PROVISIONING_TYPES[name].spellings]);

const Address = {
  ProvisioningType: Type.Enum(spellings),
  /** 27 bytes: 12 leading bytes, then the SHE UID. */
  EcuID: Type.String({ pattern: "^[0-9A-Fa-f]{54}$" }),
  Phase: Type.Optional(Type.Enum([...PHASES])),
};
const KeyID = Type.String({ description: "hex digit, 1–D" });
const Challenge = Type.String({ pattern: "^[0-9A-Fa-f]{32}$" });

export const KeyRequestSchema = Type.Object({
  ...Address,
  KeyID,
  SupplierSecretKey: Type.Optional(Type.String({ description: "SecOCKey only" })),
  Counter: Type.Optional(Type.String({ description: "SecOCKey only: floor of the update counter, decimal or 0x hex" })),
  Challenge: Type.Optional(Challenge),
});

export const SyncRequestSchema = Type.Object({
  ...Address,
  KeyID: Type.Optional(KeyID),
  Challenge: Type.Optional(Challenge),
});

export const ResultRequestSchema = Type.Object({
  ...Address,
  KeyID: Type.Optional(KeyID),
  ResultMessage: Type.String(),
  ResultStatus: Type.Enum([...RESULT_STATUSES]),
});

// ------------------------------------------------------------------------------------------------------------- answers

const Outcome = {
  ResultStatus: Type.Enum([...RESULT_STATUSES]),
  /** A ResultReason; blank on success. Any text, since the OEM's own service may know others. */
  ResultReason: Type.String(),
  ResultMessage: Type.String(),
};
const hex = (bytes: number) => Type.String({ pattern: `^[0-9A-Fa-f]{${2 * bytes}}$` });

/** The part that every answer has, and all of a failure's and of a PUT's. */
export const OutcomeSchema = Type.Object(Outcome);
export type OutcomeBody = Static<typeof OutcomeSchema>;

const KeyRecordsSchema = Type.Object({
  /** As asked; the source's SupplierSymmKey sample leaves it out. */
  KeyID: Type.Optional(Type.String()),
  M1: hex(16),
  M2: hex(32),
  M3: hex(16),
  M4: hex(32),
  M5: hex(16),
  /** CMAC of the request's Challenge by the new key; SecOCKey only. */
  KeySyncValue: Type.Optional(hex(16)),
});
export type KeyRecords = Static<typeof KeyRecordsSchema>;
export const KeyAnswerSchema = Type.Object({ ...Outcome, Records: KeyRecordsSchema });

const SyncRecordsSchema = Type.Object({
  /** As asked, "" where none was. */
  KeyID: Type.Optional(Type.String()),
  KeySyncValue: hex(16),
  Challenge: hex(16),
});
export type SyncRecords = Static<typeof SyncRecordsSchema>;
export const SyncAnswerSchema = Type.Object({ ...Outcome, Records: SyncRecordsSchema });
