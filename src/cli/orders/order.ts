/** What an order of a MES looks like: JSON or CSV. Pure. */
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { describe, StationError } from "../../shared/errors.js";
import type { Order } from "../../station/ports.js";

const Name = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$" });
const Input = Type.String({ maxLength: 1_000 });

export const OrderSchema = Type.Object(
  {
    schema: Type.Literal(1),
    /** Name of the profile. */
    profile: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    ecuId: Type.Optional(Type.String({ pattern: "^[0-9a-fA-F]{54}$" })),
    /** By the profile's names. */
    inputs: Type.Record(Name, Input, { additionalProperties: false }),
  },
  { additionalProperties: false, title: "Order of the ECU provisioning station" },
);

/** @throws StationError ORDER_INVALID */
export function jsonOrder(value: unknown, source: string): Order {
  const [first] = Value.Errors(OrderSchema, value);
  if (first !== undefined) {
    const where = first.instancePath.split("/").slice(1).join(".");
    throw invalid(source, `${where === "" ? "the order" : where} ${first.message}`);
  }
  const { schema: _, ...order } = value as Static<typeof OrderSchema>;
  return { source, ...order };
}

/** @throws StationError ORDER_INVALID */
export function parseOrder(text: string, format: "json" | "csv", source: string): Order {
  if (format === "csv") return csvOrder(text, source);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(source, `it is no JSON (${describe(error)})`);
  }
  return jsonOrder(value, source);
}

/** A line of names and a line of values; `profile` and `ecuId` are the order's own, all others are inputs. An empty value is none. */
function csvOrder(text: string, source: string): Order {
  const rows = csvRows(text.replace(/^\uFEFF/, ""), source);
  const [names = [], values = []] = rows;
  if (rows.length !== 2) throw invalid(source, `it has ${rows.length} lines (expected names and values)`);
  if (names.length !== values.length)
    throw invalid(source, `line 2 has ${values.length} values for the ${names.length} names of line 1`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(source, `line 1 names ${twice} twice`);
  const given = names.map((name, i) => [name, values[i] ?? ""] as const).filter(([, value]) => value !== "");
  const inputs = Object.fromEntries(given.filter(([name]) => name !== "profile" && name !== "ecuId"));
  const { profile, ecuId } = Object.fromEntries(given) as Record<string, string>;
  const order = { ...(profile === undefined ? {} : { profile }), ...(ecuId === undefined ? {} : { ecuId }) };
  return jsonOrder({ schema: 1, ...order, inputs }, source);
}

/** RFC 4180, with comma or semicolon, whichever comes first; empty lines do not count. @throws StationError ORDER_INVALID */
export function csvRows(text: string, source: string): string[][] {
  const separator = /[,;]/.exec(text)?.[0] ?? ",";
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    let value = "";
    if (text[at] === '"') {
      const quoted = /"((?:[^"]|"")*)"/y;
      quoted.lastIndex = at;
      const match = quoted.exec(text);
      if (match === null) throw invalid(source, `a quotation mark of line ${rows.length + 1} is not closed`);
      value = (match[1] ?? "").replaceAll('""', '"');
      at = quoted.lastIndex;
    } else {
      const plain = new RegExp(`[^${separator}\\r\\n]*`, "y");
      plain.lastIndex = at;
      value = (plain.exec(text)?.[0] ?? "").trim();
      at = plain.lastIndex;
    }
    row.push(value);
    if (text[at] === separator) {
      at++;
      if (at < text.length) continue;
      row.push("");
    }
    const end = /\r\n|\n|\r/y;
    end.lastIndex = at;
    const ended = end.exec(text);
    if (ended === null && at < text.length)
      throw invalid(source, `line ${rows.length + 1} goes on behind a quotation mark`);
    at += ended?.[0].length ?? 0;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

export function invalid(source: string, what: string, cause?: unknown): StationError {
  return new StationError("ORDER_INVALID", { details: { source, what }, cause });
}

export function unreachable(source: string, what: string, cause?: unknown): StationError {
  return new StationError("ORDERS_UNREACHABLE", { details: { source, what }, cause });
}
