/** What an order of a MES looks like: JSON or CSV. Pure. */
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { LineCounter, parseDocument } from "yaml";
import { describe, StationError } from "../../shared/errors.js";
import type { Order } from "../../station/ports.js";

const Name = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$" });
const Input = Type.String({ maxLength: 1_000 });

const OrderSchema = Type.Object(
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

export type OrderFormat = "json" | "csv";

/** @throws StationError ORDER_INVALID */
export function jsonOrder(value: unknown, source: string): Order {
  const [first] = Value.Errors(OrderSchema, value);
  if (first !== undefined) {
    const where = first.instancePath.split("/").slice(1).join(".");
    const what = first.keyword === "boolean" ? "is an unknown key" : first.message;
    throw invalid(source, `${where === "" ? "the order" : where} ${what}`);
  }
  const { schema: _, ...order } = value as Static<typeof OrderSchema>;
  return { source, ...order };
}

/** @param bytes the file, UTF-8 with or without a byte order mark @throws StationError ORDER_INVALID */
export function parseOrder(bytes: Uint8Array, format: OrderFormat, source: string): Order {
  const text = utf8(bytes, source);
  return format === "csv" ? csvOrder(text, source) : jsonText(text, source);
}

function utf8(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const good = new TextDecoder().decode(bytes).split("\uFFFD")[0] ?? "";
    throw invalid(source, `line ${good.split("\n").length} is no UTF-8`, error);
  }
}

function jsonText(text: string, source: string): Order {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const [first] = isDeep(text) ? [] : jsonFaults(text);
    throw invalid(source, first?.what ?? `it is no JSON (${describe(error)})`, error);
  }
  const order = jsonOrder(value, source);
  // JSON.parse takes the last of two members of one name.
  const twice = jsonFaults(text).find(({ code }) => code === "DUPLICATE_KEY");
  if (twice !== undefined) throw invalid(source, twice.what);
  return order;
}

/** What is wrong with JSON text and in which line: as YAML sees it, of which JSON is a part, as JSON.parse names no lines. */
function jsonFaults(text: string): { readonly code: string; readonly what: string }[] {
  // Between its tokens JSON has more freedom, and within its strings it has neither.
  const plain = text.replace(/\r\n?/g, "\n").replaceAll("\t", " ");
  const lineCounter = new LineCounter();
  const { errors } = parseDocument(plain, { schema: "json", lineCounter, prettyErrors: false });
  return errors.map(({ code, message, pos }) => ({
    code,
    what: `line ${lineCounter.linePos(pos[0]).line || 1}: it is no JSON (${message})`,
  }));
}

/** Nested as no order is: YAML would take its time. */
function isDeep(text: string): boolean {
  return (text.match(/[[{]/g)?.length ?? 0) > 100;
}

/** A line of names and a line of values; `profile` and `ecuId` are the order's own, all others are inputs. An empty value is none. */
function csvOrder(text: string, source: string): Order {
  const rows = csvRows(text, source);
  const [names, values] = rows;
  if (names === undefined || values === undefined || rows.length !== 2)
    throw invalid(source, `it has ${rows.length} lines that are not empty (expected names and values)`);
  if (names.values.length !== values.values.length)
    throw invalid(
      source,
      `line ${values.line} has ${values.values.length} values for the ${names.values.length} names of line ${names.line}`,
    );
  const twice = names.values.find((name, i) => names.values.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(source, `line ${names.line} names ${twice} twice`);
  const given = names.values
    .map((name, i) => [name, values.values[i] ?? ""] as const)
    .filter(([, value]) => value !== "");
  const inputs = Object.fromEntries(given.filter(([name]) => name !== "profile" && name !== "ecuId"));
  const { profile, ecuId } = Object.fromEntries(given) as Record<string, string>;
  const order = { ...(profile === undefined ? {} : { profile }), ...(ecuId === undefined ? {} : { ecuId }) };
  return jsonOrder({ schema: 1, ...order, inputs }, source);
}

export interface CsvRow {
  /** Line that it begins in, from 1. */
  readonly line: number;
  readonly values: readonly string[];
}

const QUOTED = /"((?:[^"]|"")*)"/y;
const LINE_END = /\r\n|\n|\r/y;

/** RFC 4180, with comma or semicolon, whichever the first line has first; empty lines do not count. @throws StationError ORDER_INVALID */
function csvRows(text: string, source: string): CsvRow[] {
  const separator = /^\s*[^\r\n]*?([,;])/.exec(text)?.[1] ?? ",";
  const plain = new RegExp(`[^${separator}\\r\\n]*`, "y");
  /** What stands at `at`, and what its first group is. */
  const take = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    return match === null ? undefined : { all: match[0], group: match[1] ?? "" };
  };
  const rows: CsvRow[] = [];
  let values: string[] = [];
  let line = 1;
  let begun = 1;
  for (let at = 0; at < text.length; ) {
    if (text[at] === '"') {
      const quoted = take(QUOTED, at);
      if (quoted === undefined) throw invalid(source, `the quotation mark of line ${line} is not closed`);
      values.push(quoted.group.replaceAll('""', '"'));
      at += quoted.all.length;
      line += quoted.all.split(/\r\n|\n|\r/).length - 1;
    } else {
      const value = take(plain, at)?.all ?? "";
      values.push(value.trim());
      at += value.length;
    }
    if (text[at] === separator) {
      at++;
      if (at < text.length) continue;
      values.push("");
    }
    const end = take(LINE_END, at)?.all;
    if (end === undefined && at < text.length) throw invalid(source, `line ${line} goes on behind a quotation mark`);
    at += end?.length ?? 0;
    if (values.length > 1 || values[0] !== "") rows.push({ line: begun, values });
    values = [];
    begun = ++line;
  }
  return rows;
}

/** What is wrong with an order, in one line. */
export function invalid(source: string, what: string, cause?: unknown): StationError {
  return new StationError("ORDER_INVALID", { details: { source, what: oneLine(what) }, cause });
}

export function unreachable(source: string, what: string, cause?: unknown): StationError {
  return new StationError("ORDERS_UNREACHABLE", { details: { source, what: oneLine(what) }, cause });
}

/** Without line ends and other control characters: an order, and what complains of it, may hold any. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, " ").trim();
}
