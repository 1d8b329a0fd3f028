/** What MES and other receivers are told of a run that is over: a JSON object of a published schema (docs/result.schema.json is made of it). */
import { type Static, Type } from "typebox";
import type { RunRecord } from "../station/ports.js";
import { HeaderSchema, IdentitySchema, OutcomeSchema } from "./schema.js";

const strict = { additionalProperties: false };
const Text = Type.String();
const Time = Type.Number({ minimum: 0, description: "ms since the epoch" });

export const RunResultSchema = Type.Object(
  {
    schema: Type.Literal(1),
    kind: Type.Literal("run"),
    id: Type.String({ minLength: 1, description: "the same in every repeat of this result" }),
    station: Text,
    runId: Type.String({ minLength: 1 }),
    bay: Text,
    programVersion: Text,
    profile: Type.Omit(HeaderSchema.properties.profile, ["file"], strict),
    inputs: HeaderSchema.properties.inputs,
    unit: Type.Optional(
      Type.Omit(IdentitySchema, ["state"], { ...strict, description: "missing where none was identified" }),
    ),
    outcome: OutcomeSchema,
    failure: Type.Optional(
      Type.Object(
        {
          code: Type.String({ description: "docs/errors.md" }),
          step: Text,
          retryable: Type.Boolean(),
          text: Type.Object({ ko: Text, en: Text }, strict),
        },
        { ...strict, description: "missing with PASS" },
      ),
    ),
    steps: Type.Array(
      Type.Object(
        {
          step: Text,
          state: Type.Enum(["done", "failed", "skipped"]),
          startedAt: Time,
          ms: Type.Number({ minimum: 0, description: "ms" }),
        },
        strict,
      ),
    ),
    certificates: Type.Array(
      Type.Object(
        {
          name: Text,
          dn: Type.Optional(Text),
          serial: Type.Optional(Type.String({ description: "of the leaf that the unit holds, hex" })),
        },
        strict,
      ),
    ),
    startedAt: Time,
    finishedAt: Time,
    resumed: Type.Integer({ minimum: 0 }),
  },
  { ...strict, title: "Result of a run of the ECU provisioning station" },
);

export type RunResult = Static<typeof RunResultSchema>;

/** The result of a run. @param id its idempotency key */
export function runResult(record: RunRecord, station: string, id: string): RunResult {
  const { header, identity, failure } = record;
  const { file: _, ...profile } = header.profile;
  return {
    schema: 1,
    kind: "run",
    id,
    station,
    runId: record.runId,
    bay: header.bay,
    programVersion: header.programVersion,
    profile,
    inputs: header.inputs,
    ...(identity === undefined ? {} : { unit: unitOf(identity) }),
    outcome: record.outcome,
    ...(failure === undefined ? {} : { failure: failureOf(failure) }),
    steps: record.steps.map(({ step, state, startedAt, ms }) => ({ step, state, startedAt, ms })),
    certificates: record.steps
      .filter(({ step, state }) => step.startsWith("cert:") && state !== "failed")
      .map(certificateOf),
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    resumed: record.resumed,
  };
}

function unitOf({ vin, state: _, ...identity }: NonNullable<RunRecord["identity"]>): NonNullable<RunResult["unit"]> {
  return { ...identity, ...(vin === undefined ? {} : { vin }) };
}

function failureOf({
  code,
  step,
  retryable,
  text,
}: NonNullable<RunRecord["failure"]>): NonNullable<RunResult["failure"]> {
  return { code, step, retryable, text };
}

function certificateOf({ step, facts }: RunRecord["steps"][number]): RunResult["certificates"][number] {
  const { dn, serial } = facts;
  return {
    name: step.slice("cert:".length),
    ...(typeof dn === "string" ? { dn } : {}),
    ...(typeof serial === "string" ? { serial } : {}),
  };
}

/** The text of docs/result.schema.json. */
export function resultSchemaJson(): string {
  const head = { $schema: "https://json-schema.org/draft/2020-12/schema" };
  return `${JSON.stringify({ ...head, ...RunResultSchema }, null, 2)}\n`;
}
