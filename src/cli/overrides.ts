/**
 * Settings of the configuration that the environment gives in place of the file: `ECUSTATION_` and the setting's path, its parts divided by
 * `__`, in capitals, `_` anywhere within a part: `ECUSTATION_SERVERS__EMBEDDED__KMS_PORT=8444`. Places of a list count from 0.
 */
import type { TSchema } from "typebox";
import { parse } from "yaml";
import { StationError } from "../shared/errors.js";
import type { YamlPath } from "../shared/yaml.js";
import { begins, type YamlOverride } from "../shared/yaml-overrides.js";

const PREFIX = "ECUSTATION_";
/** Variables of that prefix that are no settings. */
const OTHERS = new Set(["ECUSTATION_KILL_AT"]);

type Env = Readonly<Record<string, string | undefined>>;
type Node = Readonly<Record<string, unknown>>;

/** Names of the variables that are settings, sorted; an empty one is as if it were not there. */
export function overrideNames(env: Env): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !OTHERS.has(name) && env[name] !== "")
    .sort();
}

/**
 * What the environment puts in place.
 * @param raw the file's content, for names and list places that the schema does not know
 * @throws StationError CONFIG_INVALID for a variable that names no setting
 */
export function overridesOf(schema: TSchema, raw: unknown, env: Env): YamlOverride[] {
  const given: YamlPath[] = [];
  return overrideNames(env).flatMap((source) => {
    const place = placeOf(source.slice(PREFIX.length).split("__"), [schema as Node], raw);
    if (place === undefined) {
      const what = `${source}: names no setting (expected ${PREFIX}, then a path as STATION__ID)`;
      throw new StationError("CONFIG_INVALID", { details: { what } });
    }
    const setting = { path: place.path, value: settingOf(env[source] ?? "", place.schemas, source), source };
    // A list that a variable has given as a whole, or begun, is there.
    const fresh = place.defaults.filter(({ path }) => !given.some((former) => begins(path, former)));
    given.push(setting.path, ...fresh.map(({ path }) => path));
    return [...fresh.map((list) => ({ ...list, source })), setting];
  });
}

interface Place {
  readonly path: YamlPath;
  /** Any of which the value may follow. */
  readonly schemas: readonly Node[];
  /** Lists on the way that the file does not have: a place of one stands in its default, whose rest stays. */
  readonly defaults: readonly { readonly path: YamlPath; readonly value: readonly unknown[] }[];
}

function placeOf(parts: readonly string[], schemas: readonly Node[], raw: unknown): Place | undefined {
  const [part, ...rest] = parts;
  const all = schemas.flatMap(alternatives);
  if (part === undefined) return { path: [], schemas: all, defaults: [] };
  const list = raw === undefined ? all.map((schema) => schema.default).find(Array.isArray) : undefined;
  const given: unknown = list ?? raw;
  const key = keyOf(part, all, given);
  if (key === undefined) return undefined;
  const inner = all.flatMap((schema) => innerOf(schema, key));
  if (inner.length === 0) return undefined;
  const place = placeOf(rest, inner, isNode(given) ? given[key] : undefined);
  if (place === undefined) return undefined;
  const deeper = place.defaults.map(({ path, value }) => ({ path: [key, ...path], value }));
  const defaults = list === undefined ? deeper : [{ path: [], value: structuredClone(list) as unknown[] }, ...deeper];
  return { path: [key, ...place.path], schemas: place.schemas, defaults };
}

/** The branches of a union, else the schema itself. */
function alternatives(schema: Node): Node[] {
  return Array.isArray(schema.anyOf) ? schema.anyOf.filter(isNode).flatMap(alternatives) : [schema];
}

function keyOf(part: string, schemas: readonly Node[], raw: unknown): string | number | undefined {
  if (/^\d{1,4}$/.test(part) && schemas.some(({ type }) => type === "array")) {
    const place = Number(part);
    // The next one is new.
    return place <= (Array.isArray(raw) ? raw.length : 0) ? place : undefined;
  }
  const known = schemas.flatMap(({ properties }) => (isNode(properties) ? Object.keys(properties) : []));
  const given = isNode(raw) && !Array.isArray(raw) ? Object.keys(raw) : [];
  const found = [...known, ...given].find((key) => plain(key) === plain(part));
  if (found !== undefined) return found;
  return schemas.some((schema) => isNode(schema.patternProperties))
    ? part.toLowerCase().replaceAll("_", "-")
    : undefined;
}

const plain = (key: string) => key.toUpperCase().replace(/[^A-Z0-9]/g, "");

function innerOf({ properties, patternProperties, items }: Node, key: string | number): Node[] {
  if (typeof key === "number") return isNode(items) ? [items] : [];
  const own = isNode(properties) ? properties[key] : undefined;
  if (isNode(own)) return [own];
  if (!isNode(patternProperties)) return [];
  return Object.entries(patternProperties).flatMap(([pattern, schema]) =>
    new RegExp(pattern).test(key) && isNode(schema) ? [schema] : [],
  );
}

/** Text where nothing else is wanted, else as YAML reads it. */
function settingOf(text: string, schemas: readonly Node[], source: string): unknown {
  if (schemas.every(takesText)) return text;
  try {
    return parse(text);
  } catch {
    throw new StationError("CONFIG_INVALID", { details: { what: `${source}: is no YAML value` } });
  }
}

const takesText = ({ type, enum: values, const: value }: Node) =>
  type === "string" ||
  typeof value === "string" ||
  (Array.isArray(values) && values.every((one) => typeof one === "string"));

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
