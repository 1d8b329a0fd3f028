/** Distinguished names: X.501 Names in DER, RFC 4514 text, and the subject templates of profiles. One attribute a RDN. */
import { fromHex } from "../shared/bytes.js";
import {
  expectTag,
  oid,
  readAll,
  readOid,
  readText,
  readWhole,
  sequence,
  TAG,
  textNode,
  tlv,
  unreadable,
} from "./der.js";

/** `type` is the short name in capitals (`CN`, `OU`, `DC` …) or a dotted OID. Lists are in DER order: the root of the name first. */
export interface DnAttribute {
  readonly type: string;
  readonly value: string;
}

/** Attribute types by short name: OID and string type (X.520; RFC 4519). What is not here is a UTF8String under its dotted OID. */
const ATTRIBUTE_TYPES: Readonly<Record<string, { oid: string; tag: number }>> = {
  CN: { oid: "2.5.4.3", tag: TAG.UTF8_STRING },
  SN: { oid: "2.5.4.4", tag: TAG.UTF8_STRING },
  SERIALNUMBER: { oid: "2.5.4.5", tag: TAG.PRINTABLE_STRING },
  C: { oid: "2.5.4.6", tag: TAG.PRINTABLE_STRING },
  L: { oid: "2.5.4.7", tag: TAG.UTF8_STRING },
  ST: { oid: "2.5.4.8", tag: TAG.UTF8_STRING },
  STREET: { oid: "2.5.4.9", tag: TAG.UTF8_STRING },
  O: { oid: "2.5.4.10", tag: TAG.UTF8_STRING },
  OU: { oid: "2.5.4.11", tag: TAG.UTF8_STRING },
  UID: { oid: "0.9.2342.19200300.100.1.1", tag: TAG.UTF8_STRING },
  DC: { oid: "0.9.2342.19200300.100.1.25", tag: TAG.IA5_STRING },
  EMAILADDRESS: { oid: "1.2.840.113549.1.9.1", tag: TAG.IA5_STRING },
};
const SHORT_NAMES = new Map(Object.entries(ATTRIBUTE_TYPES).map(([name, type]) => [type.oid, name]));
/** More than any real name has; bounds the work that a request can ask for. */
const MAX_ATTRIBUTES = 64;
const TOO_LONG = `a name of more than ${MAX_ATTRIBUTES} attributes`;
const DOTTED = /^[0-2](\.\d+)+$/;
const ALLOWED: Readonly<Record<number, RegExp>> = {
  [TAG.PRINTABLE_STRING]: /^[A-Za-z0-9 '()+,\-./:=?]*$/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5String is all of ASCII (X.680 clause 41).
  [TAG.IA5_STRING]: /^[\x00-\x7f]*$/,
};

function typeOf(text: string): string | undefined {
  const name = text.toUpperCase();
  if (Object.hasOwn(ATTRIBUTE_TYPES, name)) return name;
  const dotted = name.replace(/^OID\./, "");
  return DOTTED.test(dotted) ? (SHORT_NAMES.get(dotted) ?? dotted) : undefined;
}

/** `TYPE=value` items (DER order) with `${input}` places, taken apart. @throws StationError PKI_UNREADABLE naming the item */
export function parseDnTemplate(subject: readonly string[]): DnAttribute[] {
  return subject.map((item) => {
    const at = item.indexOf("=");
    const type = at < 1 ? undefined : typeOf(item.slice(0, at).trim());
    if (type === undefined) throw unreadable(`subject item "${item}" is not TYPE=value of a known type`);
    return { type, value: item.slice(at + 1) };
  });
}

/** The subject with every `${input}` filled in. @throws StationError PKI_UNREADABLE naming an input that is missing or empty */
export function fillSubject(subject: readonly string[], values: Readonly<Record<string, string>>): DnAttribute[] {
  return parseDnTemplate(subject).map(({ type, value }) => ({
    type,
    value: value.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
      const filled = Object.hasOwn(values, name) ? values[name] : undefined;
      if (filled === undefined || filled === "") throw unreadable(`the subject needs ${name}`);
      return filled;
    }),
  }));
}

/** The Name in DER: DC as IA5String, C as PrintableString, the others as UTF8String. */
export function encodeName(attributes: readonly DnAttribute[]): Uint8Array {
  return sequence(
    ...attributes.map(({ type, value }) => {
      const known = ATTRIBUTE_TYPES[type];
      const tag = known?.tag ?? TAG.UTF8_STRING;
      if (ALLOWED[tag]?.test(value) === false) throw unreadable(`${type} cannot hold "${value}"`);
      return tlv(TAG.SET, sequence(oid(known?.oid ?? type), textNode(tag, value)));
    }),
  );
}

/** Attributes of a DER Name of any string types. @throws StationError PKI_UNREADABLE, also for a RDN of several attributes */
export function decodeName(der: Uint8Array): DnAttribute[] {
  const rdns = readAll(readWhole(der, TAG.SEQUENCE, "name").content);
  if (rdns.length > MAX_ATTRIBUTES) throw unreadable(TOO_LONG);
  return rdns.map((rdn) => {
    const [pair, ...more] = readAll(expectTag(rdn, TAG.SET, "relative name").content);
    if (more.length > 0) throw unreadable("a relative name of several attributes");
    const [type, value, ...rest] = readAll(expectTag(pair, TAG.SEQUENCE, "name attribute").content);
    const dotted = readOid(type, "attribute type");
    const text = value === undefined ? undefined : readText(value);
    if (text === undefined || rest.length > 0) throw unreadable("a name attribute that is no text");
    return { type: SHORT_NAMES.get(dotted) ?? dotted, value: text };
  });
}

function escapeValue(value: string): string {
  const characters = [...value];
  return characters
    .map((character, i) => {
      if (character === "\0") return "\\00";
      const atEnd = character === " " && (i === 0 || i === characters.length - 1);
      return atEnd || (character === "#" && i === 0) || '\\,+"<>;'.includes(character) ? `\\${character}` : character;
    })
    .join("");
}

/** RFC 4514 text: leaf first, types in lower case, no spaces after the commas. */
export function formatDn(attributes: readonly DnAttribute[]): string {
  return attributes
    .map(({ type, value }) => `${type.toLowerCase()}=${escapeValue(value)}`)
    .reverse()
    .join(",");
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ESCAPED_BYTES = /^\\([0-9a-fA-F]{2})/;

/** Value at `start` up to an unescaped `,` or the end, unescaped; the place behind it. */
function readValue(text: string, start: number): { value: string; end: number } {
  const bytes: Uint8Array[] = [];
  let kept = 0;
  let at = start;
  while (text[at] === " ") at++;
  if (text[at] === "#") return readHexValue(text, at + 1);
  let size = 0;
  const push = (part: Uint8Array, keep: boolean) => {
    bytes.push(part);
    size += part.length;
    if (keep) kept = size;
  };
  for (; at < text.length && text[at] !== ","; ) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "\\") {
      const pair = ESCAPED_BYTES.exec(text.slice(at, at + 3))?.[1];
      const special = text[at + 1] ?? "";
      if (pair !== undefined) push(fromHex(pair), true);
      else if (special !== "" && ' "#+,;<=>\\'.includes(special)) push(Buffer.from(special), true);
      else throw unreadable("an escape that RFC 4514 does not have");
      at += pair === undefined ? 2 : 3;
      continue;
    }
    if ('"+;<>\0'.includes(character)) throw unreadable(`an unescaped ${JSON.stringify(character)} in a name`);
    push(Buffer.from(character, "utf8"), character !== " ");
    at += character.length;
  }
  try {
    return { value: utf8.decode(Buffer.concat(bytes, size).subarray(0, kept)), end: at };
  } catch (error) {
    throw unreadable("a name value that is not UTF-8", error);
  }
}

function readHexValue(text: string, start: number): { value: string; end: number } {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const hex = text.slice(start, end).trim();
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) throw unreadable("a #value that is no hex");
  const value = readText(readWhole(fromHex(hex)));
  if (value === undefined) throw unreadable("a name attribute that is no text");
  return { value, end };
}

/**
 * Attributes (DER order) of RFC 4514 text: types of any letter case, spaces around `,` and `=`, escapes, `#` hex values.
 * @throws StationError PKI_UNREADABLE, also for `+`
 */
export function parseDn(text: string): DnAttribute[] {
  const attributes: DnAttribute[] = [];
  for (let at = 0; ; ) {
    const equals = text.indexOf("=", at);
    const type = equals < 0 ? undefined : typeOf(text.slice(at, equals).trim());
    if (type === undefined) throw unreadable("a name that is not TYPE=value,TYPE=value");
    const { value, end } = readValue(text, equals + 1);
    if (attributes.push({ type, value }) > MAX_ATTRIBUTES) throw unreadable(TOO_LONG);
    if (end >= text.length) return attributes.reverse();
    at = end + 1;
  }
}

/**
 * A text that is the same for names that match: types and order exactly, values by caseIgnoreMatch (X.520: letter case, and spaces at
 * the ends or repeated, make no difference).
 */
export function nameKey(attributes: readonly DnAttribute[]): string {
  return JSON.stringify(
    attributes.map(({ type, value }) => [type, value.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase()]),
  );
}

/** Whether two names match (see `nameKey`). */
export function sameName(a: readonly DnAttribute[], b: readonly DnAttribute[]): boolean {
  return nameKey(a) === nameKey(b);
}
