/** The published schema of a unit record (docs/record.schema.json is made of it). */
import { Type } from "typebox";
import { ERRORS } from "../shared/errors.js";

const strict = { additionalProperties: false };
const Text = Type.String();
/** ms since the epoch. */
const Time = Type.Number({ minimum: 0, description: "ms since the epoch" });
const Ms = Type.Number({ minimum: 0, description: "ms" });
const Hex = (bytes: number) => Type.String({ pattern: `^[0-9a-f]{${2 * bytes}}$` });

export const OutcomeSchema = Type.Enum(["PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED"]);

export const HeaderSchema = Type.Object(
  {
    runId: Type.String({ minLength: 1 }),
    station: Type.Optional(Type.String({ description: "id of the station" })),
    bay: Text,
    operator: Type.Optional(Type.String({ description: "who began the run, where that is known" })),
    link: Type.String({ description: "URL of the adapter" }),
    profile: Type.Object(
      {
        name: Text,
        version: Type.Integer({ minimum: 1 }),
        hash: Hex(32),
        file: Type.Optional(Type.String({ description: "where the station read it from" })),
      },
      strict,
    ),
    inputs: Type.Record(Type.String(), Text),
    expectedEcuId: Type.Optional(Type.String({ pattern: "^[0-9a-f]*$" })),
    startedAt: Time,
    programVersion: Text,
    journal: Type.Optional(Type.Integer({ minimum: 1, description: "form of the run's journal; missing: 1" })),
    plan: Type.Array(Text),
  },
  strict,
);

export const IdentitySchema = Type.Object(
  {
    partNumber: Text,
    hwVersion: Text,
    swVersion: Text,
    systemName: Text,
    serialNumber: Text,
    vin: Type.Optional(Type.String({ description: "missing while the ECU's VIN is blank" })),
    ecuId: Hex(27),
    state: Type.Object(
      {
        lifeCycle: Type.Enum(["production", "locked"]),
        keySlots: Type.Integer({ minimum: 0, description: "bit n = SHE slot n is filled" }),
        certificateSlots: Type.Integer({ minimum: 0, description: "bit n = certificate slot n holds a leaf" }),
      },
      strict,
    ),
  },
  strict,
);

const Step = Type.Object(
  {
    step: Text,
    state: Type.Enum(["done", "failed", "skipped"]),
    startedAt: Time,
    ms: Ms,
    facts: Type.Record(Type.String(), Type.Unknown()),
  },
  strict,
);

const Failure = Type.Object(
  {
    code: Type.Enum(Object.keys(ERRORS) as (keyof typeof ERRORS)[]),
    layer: Type.Enum([...new Set(Object.values(ERRORS).map(({ layer }) => layer))]),
    step: Text,
    retryable: Type.Boolean(),
    text: Type.Object({ ko: Text, en: Text }, strict),
    details: Type.Record(Type.String(), Type.Union([Text, Type.Number(), Type.Boolean()])),
    causes: Type.Array(Text),
  },
  strict,
);

const Certificate = Type.Object(
  {
    name: Text,
    type: Text,
    slot: Type.Integer({ minimum: 0 }),
    dn: Type.String({ description: "leaf first" }),
    serial: Type.Optional(
      Type.String({ pattern: "^[0-9a-f]+$", description: "missing where the step did not end well" }),
    ),
    notAfter: Type.Optional(Type.String({ description: "ISO 8601" })),
    sha256: Type.Optional(Hex(32)),
    operation: Type.Optional(Type.Enum(["issue", "reissue"])),
  },
  strict,
);

const Key = Type.Object(
  {
    name: Text,
    type: Text,
    keyId: Text,
    slot: Type.String({ description: "SHE slot as a hex digit" }),
    counter: Type.Optional(
      Type.Integer({ minimum: 0, description: "least counter that was asked for; SecOC keys only" }),
    ),
    m4: Type.Optional(Hex(32)),
    m5: Type.Optional(Hex(16)),
    correlationId: Type.Optional(Type.String({ description: "of the KMS's answer" })),
  },
  strict,
);

const Rework = Type.Object(
  {
    previous: Type.Optional(Type.String({ description: "the run of this unit before this one" })),
    attempts: Type.Integer({ minimum: 0, description: "runs of this unit before this one" }),
    revoked: Type.Array(Text, { description: "serials of the unit's certificates that were revoked" }),
  },
  { ...strict, description: "missing where the unit was never here before" },
);

const Trace = Type.Object({ file: Text, bytes: Type.Integer({ minimum: 0 }), sha256: Hex(32) }, strict);

const SignatureSchema = Type.Object(
  {
    alg: Type.Literal("Ed25519"),
    key: Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 of the public key's SubjectPublicKeyInfo" }),
    value: Type.String({ pattern: "^[A-Za-z0-9+/]{86}==$" }),
  },
  {
    ...strict,
    description: "over the record's canonical JSON (RFC 8785) without this member; missing until the traces are closed",
  },
);

export const RecordSchema = Type.Object(
  {
    schema: Type.Literal(2),
    runId: Type.String({ minLength: 1 }),
    header: HeaderSchema,
    identity: Type.Optional(IdentitySchema),
    outcome: OutcomeSchema,
    failure: Type.Optional(Failure),
    steps: Type.Array(Step),
    certificates: Type.Array(Certificate),
    keys: Type.Array(Key),
    rework: Type.Optional(Rework),
    traces: Type.Array(Trace, {
      description: "files of the folder of traces, as they were when the record was signed",
    }),
    signature: Type.Optional(SignatureSchema),
    timers: Type.Record(Type.String(), Ms),
    startedAt: Time,
    finishedAt: Time,
    resumed: Type.Integer({ minimum: 0 }),
    owed: Type.Integer({ minimum: 0 }),
  },
  { ...strict, title: "Unit record of the ECU provisioning station" },
);

/** The text of docs/record.schema.json. */
export function recordSchemaJson(): string {
  const head = { $schema: "https://json-schema.org/draft/2020-12/schema" };
  return `${JSON.stringify({ ...head, ...RecordSchema }, null, 2)}\n`;
}
