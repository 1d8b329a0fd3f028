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
    bay: Text,
    link: Text,
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

export const RecordSchema = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String({ minLength: 1 }),
    header: HeaderSchema,
    identity: Type.Optional(IdentitySchema),
    outcome: OutcomeSchema,
    failure: Type.Optional(Failure),
    steps: Type.Array(Step),
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
