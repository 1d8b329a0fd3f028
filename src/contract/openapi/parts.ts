/** The parts that the descriptions of both APIs are made of. */
import { HEADER_VALUE, REQUEST_ID_VALUE } from "../common.js";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** A schema of typebox is JSON Schema 2020-12, which is that of OpenAPI 3.1; what it keeps beside it is no JSON. */
export function plainSchema(schema: object): JsonObject {
  return JSON.parse(JSON.stringify(schema)) as JsonObject;
}

export const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

const text = (pattern: RegExp): JsonObject => ({ type: "string", pattern: pattern.source });

const parameter = (name: string, schema: JsonObject, description: string, example: string): JsonObject => ({
  ...{ name, in: "header", required: false, description, schema, example },
});

const SHOWN = {
  idempotency: "Idempotency-Key",
  request: "X-Request-Id",
  station: "X-Station-Id",
  correlation: "X-Correlation-Id",
} as const;
export const PARAMETERS = {
  idempotency: parameter(
    SHOWN.idempotency,
    text(HEADER_VALUE),
    "Makes the request the same one however often it is sent: it is answered with the first answer again.",
    "line-3/unit-4711/cert-prov-2/1",
  ),
  requestId: parameter(
    SHOWN.request,
    text(REQUEST_ID_VALUE),
    "Names the request in logs and audit log; one that is not well formed is replaced.",
    "0f6c2a6e-9f43-4d51-a0a5-63a9c7f5f1aa",
  ),
  station: parameter(
    SHOWN.station,
    text(HEADER_VALUE),
    "Tells this station from others with its certificate or address: one that works on an ECU keeps it from the others (LEASED).",
    "line-3.4f2b8c1d9e0a7756",
  ),
  correlation: parameter(
    SHOWN.correlation,
    text(HEADER_VALUE),
    "Of the answer that the result belongs to; without it the newest set of the slot is meant.",
    "3b6d4d0c-5d5c-4e0b-9c31-6a8a5b5d8a10",
  ),
} as const;

const header = (description: string, schema: JsonObject): JsonObject => ({ description, schema });

const REQUEST_ID_HEADER = { [SHOWN.request]: header("The request's id.", text(REQUEST_ID_VALUE)) };
const SECONDS = header("Seconds until the request may be sent again.", { type: "string", pattern: "^[0-9]+$" });
export const HEADERS: Readonly<Record<number, JsonObject>> = {
  405: { Allow: header("Methods of the path.", { type: "string" }) },
  429: { "Retry-After": SECONDS },
  503: { "Retry-After": SECONDS },
};
export const CORRELATION_HEADER: JsonObject = {
  [SHOWN.correlation]: header("To be repeated with the result's PUT.", text(HEADER_VALUE)),
};

export interface Example {
  readonly summary?: string;
  readonly value: Json;
}

/** A body with its examples by name. */
export function content(schema: JsonObject, examples: Readonly<Record<string, Example>>): JsonObject {
  return { "application/json": { schema, examples: examples as unknown as JsonObject } };
}

export function response(description: string, status: number, body: JsonObject, headers: JsonObject = {}): JsonObject {
  return { description, headers: { ...REQUEST_ID_HEADER, ...HEADERS[status], ...headers }, content: body };
}
