/** Checks answers against the contract's schemas. */
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { StationError } from "../shared/errors.js";
import { type HttpAnswer, NOT_LET_IN, type ServerErrors } from "./http.js";

/** The body as the schema has it. @throws StationError fault, saying that access was refused, or naming the first part that is wrong, without its value */
export function bodyOf<S extends TSchema>(schema: S, answer: HttpAnswer, errors: ServerErrors): Static<S> {
  const { json } = answer;
  if (Value.Check(schema, json)) return json as Static<S>;
  const first = Value.Errors(schema, json)[0];
  const where = (first?.instancePath ?? "").split("/").slice(1).join(".");
  const what =
    json === undefined
      ? "the body is not JSON"
      : `${where === "" ? "the body" : where} ${first?.message ?? "is not as agreed"}`;
  // Whatever stands before a server refuses in words of its own.
  const refused = answer.status === 401 || answer.status === 403;
  const why = refused
    ? `access was refused (${answer.status}): ${NOT_LET_IN}`
    : `wrong answer (${answer.status}): ${what}`;
  throw new StationError(errors.fault, { details: { what: why } });
}
