/**
 * YAML read against a schema. Pure: text in, value out. The first mistake ends it with one line that says file, line, column, path, what
 * is wrong and what was expected. Integers may be written in hex (0x7E0).
 */
import type { Static, TSchema } from "typebox";
import { Settings } from "typebox/system";
import { Value } from "typebox/value";
import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { StationError } from "./errors.js";
import { makerOf, overridden, overrideAt, type YamlOverride } from "./yaml-overrides.js";

export type YamlErrorCode = "PROFILE_INVALID" | "CONFIG_INVALID";
export type YamlPath = readonly (string | number)[];

/** Longest text that is read, characters. */
const MAX_LENGTH = 4 * 1024 * 1024;
/** How often one anchor's content may be used. */
const MAX_ALIASES = 100;
const MAX_ERRORS = 1_000;
/** What c-printable of YAML 1.2 (5.1) leaves out, and U+FFFD, which bytes that are no UTF-8 were read as. */
const NO_TEXT = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffc\u{10000}-\u{10ffff}]/u;
/** Where the library's own words are for programmers. */
const PARSER_TEXTS: Partial<Record<ErrorCode, string>> = {
  MULTIPLE_DOCS: "a second document begins here",
  RESOURCE_EXHAUSTION: "nested too deeply",
};

interface Problem {
  path: YamlPath;
  what: string;
  /** The key itself is wrong, not its value. */
  atKey?: boolean;
}

/** A value read from YAML that still knows where each part of it stood. */
export interface YamlDocument<T> {
  readonly value: T;
  /** An error at `path`, for checks that a schema cannot say. */
  error(path: YamlPath, what: string): StationError;
}

/**
 * Reads `text` against `schema`, defaults filled in, and keeps the positions for further checks.
 * @param overridesOf what stands in place of parts of the text, by its content
 * @throws StationError `code` with `file:line:column: path: what (expected …)`
 */
export function parseYaml<S extends TSchema>(
  schema: S,
  text: string,
  file: string,
  code: YamlErrorCode,
  overridesOf: (raw: unknown) => readonly YamlOverride[] = () => [],
): YamlDocument<Static<S>> {
  const lines = new LineCounter();
  const failAt = (offset: number, path: YamlPath, what: string) => {
    const { line, col } = lines.linePos(offset);
    const where = path.length === 0 ? "" : `${pathText(path)}: `;
    return new StationError(code, { details: { what: oneLine(`${file}:${line || 1}:${col || 1}: ${where}${what}`) } });
  };
  if (text.length > MAX_LENGTH) throw failAt(0, [], `the file is too long (at most ${MAX_LENGTH} characters)`);
  const { document, raw } = parse(text, lines, failAt);
  const overrides = overridesOf(raw);
  const { value, problems } = filledIn(schema, overridden(raw, overrides));
  const failFor = (problem: Problem, override = overrideAt(overrides, problem.path)) => {
    const { path, what } = problem;
    if (override === undefined) return failAt(offsetOf(document, problem), path, what);
    return new StationError(code, { details: { what: oneLine(`${override.source}: ${pathText(path)}: ${what}`) } });
  };
  const [first] = problems
    .map((problem) => ({ problem, offset: offsetOf(document, problem) }))
    .sort((a, b) => a.offset - b.offset);
  if (first !== undefined) {
    const { path } = first.problem;
    throw failFor(first.problem, overrideAt(overrides, path) ?? makerOf(overrides, path, raw));
  }
  // The schema has just accepted the value.
  return { value: value as Static<S>, error: (path, what) => failFor({ path, what }) };
}

/** The value with its defaults, and what is wrong with it. */
function filledIn(schema: TSchema, raw: unknown): { value: unknown; problems: readonly Problem[] } {
  try {
    const value: unknown = Value.Default(schema, raw);
    return { value, problems: problemsOf(schema, value, []) };
  } catch (error) {
    // typebox cannot fill in defaults where a record has a key that its pattern does not take; what is missing then is no mistake yet.
    const problems = problemsOf(schema, raw, []).filter(({ atKey }) => atKey);
    if (problems.length === 0) throw error;
    return { value: raw, problems };
  }
}

function parse(
  text: string,
  lines: LineCounter,
  failAt: (offset: number, path: YamlPath, what: string) => StationError,
): { document: Document; raw: unknown } {
  let document: Document | undefined;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, version: "1.2" });
    const foreign = NO_TEXT.exec(text);
    if (foreign !== null) throw failAt(foreign.index, [], foreignText(foreign[0]));
    const wrong = document.errors[0] ?? document.warnings[0];
    if (wrong !== undefined) throw failAt(wrong.pos[0], [], PARSER_TEXTS[wrong.code] ?? wrong.message);
    return { document, raw: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown };
  } catch (error) {
    if (error instanceof StationError) throw error;
    if (!(error instanceof ReferenceError)) throw failAt(0, [], "nested too deeply");
    const lost = document && aliasWithoutAnchor(document);
    if (lost === undefined) throw failAt(0, [], "too many aliases");
    throw failAt(
      startOf(lost) ?? 0,
      [],
      `the alias *${lost.source} has no anchor before it (expected &${lost.source})`,
    );
  }
}

/** The first one; the library says that there is one, not where. */
function aliasWithoutAnchor(document: Document): Alias | undefined {
  const anchors = new Set<string>();
  let lost: Alias | undefined;
  visit(document, (_, node) => {
    if (isAlias(node)) {
      if (anchors.has(node.source)) return undefined;
      lost = node;
      return visit.BREAK;
    }
    if (isNode(node) && node.anchor !== undefined) anchors.add(node.anchor);
    return undefined;
  });
  return lost;
}

function foreignText(char: string): string {
  if (char === "\ufffd") return "is no UTF-8 (save the file as UTF-8)";
  const number = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `a character that no text has, U+${number} (save the file as UTF-8)`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** `keys[2].slot` */
function pathText(path: YamlPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** Where the problem stands: its value, or its key, or, where the value is missing, the nearest thing around it. */
function offsetOf(document: Document, problem: Problem): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [at, part] of problem.path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = at === problem.path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === part);
      if (pair === undefined) return offset;
      offset = startOf(last && problem.atKey === true ? pair.key : pair.value) ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

type Schema = Readonly<Record<string, unknown>>;

function problemsOf(schema: TSchema, value: unknown, base: YamlPath): Problem[] {
  const former = Settings.Get().maxErrors;
  Settings.Set({ maxErrors: MAX_ERRORS });
  let errors: ReturnType<typeof Value.Errors>;
  try {
    errors = Value.Errors(schema, value);
  } finally {
    Settings.Set({ maxErrors: former });
  }
  const unions = errors.filter((error) => error.keyword === "anyOf").map((error) => `${error.schemaPath}/anyOf/`);
  const unknownKeys = new Set(
    errors.filter((error) => error.keyword === "additionalProperties").map((error) => error.instancePath),
  );
  const problems: Problem[] = [];
  for (const error of errors) {
    if (unions.some((prefix) => error.schemaPath.startsWith(prefix))) continue;
    const path = [...base, ...pointerPath(value, error.instancePath)];
    const found = pointerValue(value, error.instancePath);
    const node = pointerValue(schema, error.schemaPath.slice(1)) as Schema | undefined;
    switch (error.keyword) {
      // Both are told by the additionalProperties error of the object.
      case "boolean":
        break;
      case "additionalProperties": {
        const known = Object.keys((node?.properties as Schema | undefined) ?? {});
        const patterns = Object.keys((node?.patternProperties as Schema | undefined) ?? {});
        const expected = known.length > 0 ? `one of ${known.join(", ")}` : patterns.join(" or ");
        for (const key of error.params.additionalProperties)
          problems.push({ path: [...path, key], what: `unknown key (expected ${expected || "none"})`, atKey: true });
        break;
      }
      case "required": {
        // A misspelt key explains the missing one.
        if (unknownKeys.has(error.instancePath)) break;
        for (const key of error.params.requiredProperties) {
          const property = (node?.properties as Schema | undefined)?.[key];
          problems.push({ path: [...path, key], what: `is missing (expected ${expectation(property)})` });
        }
        break;
      }
      case "anyOf": {
        const branches = ((node?.anyOf as unknown[]) ?? []) as TSchema[];
        const branch = isObject(found) ? nearestBranch(branches, found) : undefined;
        if (!isObject(found) || branch === undefined) {
          problems.push({ path, what: wrongValue(found, node) });
          break;
        }
        const kind = unknownKind(branches, found);
        if (kind !== undefined)
          problems.push({ path: [...path, kind.key], what: wrongValue(found[kind.key], kind.schema) });
        // A value that no branch takes has got no branch's defaults yet.
        else problems.push(...problemsOf(branch, Value.Default(branch, structuredClone(found)), path));
        break;
      }
      default:
        problems.push({ path, what: wrongValue(found, node) });
    }
  }
  return problems;
}

/** The key by whose literal the branches of a union differ, where the value has none of their literals; with what they expect. */
function unknownKind(branches: readonly TSchema[], value: Schema): { key: string; schema: Schema } | undefined {
  const properties = branches.flatMap((branch) => {
    const own = (branch as Schema).properties as Readonly<Record<string, unknown>> | undefined;
    return own === undefined ? [] : [own];
  });
  for (const key of Object.keys(value)) {
    const literals = properties.flatMap(({ [key]: property }) =>
      isObject(property) && "const" in property ? [property.const] : [],
    );
    if (literals.length === properties.length && !literals.includes(value[key]))
      return { key, schema: { enum: literals } };
  }
  return undefined;
}

/** The object branch of a union that a value was meant for: its literals agree, then most keys known. */
function nearestBranch(branches: readonly TSchema[], value: Schema): TSchema | undefined {
  let best: TSchema | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const branch of branches) {
    const properties = (branch as Schema).properties as Readonly<Record<string, Schema>> | undefined;
    if (properties === undefined) continue;
    let score = 0;
    for (const [key, entry] of Object.entries(value)) {
      const property = properties[key];
      if (property === undefined) score -= 1;
      else if ("const" in property) score += property.const === entry ? 100 : -100;
      else score += 1;
    }
    if (score > bestScore) {
      best = branch;
      bestScore = score;
    }
  }
  return best;
}

function wrongValue(value: unknown, schema: Schema | undefined): string {
  return `wrong value ${shown(value, schema)} (expected ${expectation(schema, value)})`;
}

/** A value for the message, but not where it may be key material: hex, or digits where text is wanted. */
function shown(value: unknown, schema: Schema | undefined): string {
  if (value === null || value === undefined) return "of nothing";
  if (Array.isArray(value)) return `of a list of ${value.length}`;
  if (typeof value === "object") return "of an object";
  if (typeof value === "string")
    return value.length > 40 || /^[0-9a-f]{12,}$/i.test(value) ? `of ${value.length} characters` : `"${value}"`;
  return typeof value === "number" && schema?.type === "string" ? "of a number" : String(value);
}

function expectation(input: unknown, value?: unknown): string {
  if (!isObject(input)) return "another value";
  const range = (unit: string) => {
    const low = input.minimum ?? input.minLength ?? input.minItems;
    const high = input.maximum ?? input.maxLength ?? input.maxItems;
    if (low !== undefined && high !== undefined) return `${unit}${low}–${high}`;
    if (low !== undefined) return `${unit}at least ${low}`;
    return high === undefined ? "" : `${unit}at most ${high}`;
  };
  if ("const" in input) return JSON.stringify(input.const);
  if (Array.isArray(input.enum)) return `one of ${input.enum.join(", ")}`;
  if (Array.isArray(input.anyOf)) return input.anyOf.map((branch) => expectation(branch, value)).join(" or ");
  switch (input.type) {
    case "integer":
      return `a whole number${range(" ")}`;
    case "number":
      return `a number${range(" ")}`;
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array":
      return `a list${range(" of ")}`;
    case "object": {
      const keys = Object.keys((input.properties as Schema | undefined) ?? {});
      return keys.length === 0 ? "an object" : `an object of ${keys.join(", ")}`;
    }
    case "string": {
      const quotes = typeof value === "number" || typeof value === "boolean" ? ", in quotes" : "";
      if (typeof input.pattern === "string") return `text like ${input.pattern}${quotes}`;
      return `text${range(" of length ")}${quotes}`;
    }
    default:
      return "another value";
  }
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pointerParts(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function pointerValue(root: unknown, pointer: string): unknown {
  let node = root;
  for (const part of pointerParts(pointer)) {
    if (typeof node !== "object" || node === null) return undefined;
    node = (node as Schema)[part];
  }
  return node;
}

/** Pointer parts with list positions as numbers. */
function pointerPath(root: unknown, pointer: string): YamlPath {
  let node = root;
  return pointerParts(pointer).map((part) => {
    const list = Array.isArray(node);
    node = typeof node === "object" && node !== null ? (node as Schema)[part] : undefined;
    return list ? Number(part) : part;
  });
}
