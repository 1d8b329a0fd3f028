/** Changes to DER that know its structure: elements, lengths, tags, object identifiers, nesting. */
import fc from "fast-check";
import { TAG } from "../../src/pki/der.js";

interface Node {
  tag: number;
  /** Elements inside; undefined for an element that is taken as bytes. */
  children: Node[] | undefined;
  content: Uint8Array;
  /** How its length is written. */
  length?: "indefinite" | "long" | "more" | "less" | "huge" | "none";
  /** Bytes before or behind. */
  before?: Uint8Array;
  after?: Uint8Array;
}

const DER_CHANGES = [
  "tag",
  "length",
  "empty",
  "bytes",
  "bit",
  "delete",
  "double",
  "swap",
  "wrap",
  "oid",
  "text",
  "number",
  "trail",
  "longTag",
  "truncate",
] as const;

export interface DerChange {
  readonly kind: (typeof DER_CHANGES)[number];
  /** Which element, modulo their number. */
  readonly at: number;
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** @param texts what a string is replaced by */
export const derChange = (texts: fc.Arbitrary<string>): fc.Arbitrary<DerChange> =>
  fc.record({
    kind: fc.constantFrom(...DER_CHANGES),
    at: fc.nat(60),
    number: fc.nat(0xffff),
    bytes: fc.uint8Array({ maxLength: 12 }),
    text: texts,
  });

/** @returns the changed bytes; what is no DER is changed byte by byte */
export function changeDer(der: Uint8Array, changes: readonly DerChange[]): Uint8Array {
  let root: Node[];
  try {
    root = parse(der);
  } catch {
    return der;
  }
  let cut: number | undefined;
  for (const change of changes) {
    if (change.kind === "truncate") cut = change.number;
    else apply(root, change);
  }
  const bytes = Buffer.concat(root.map(encode));
  return new Uint8Array(cut === undefined ? bytes : bytes.subarray(0, cut % (bytes.length + 1)));
}

function parse(bytes: Uint8Array): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
      start += count;
    }
    const content = bytes.subarray(start, start + length);
    nodes.push({ tag, content, children: (tag & 0x20) === 0 ? undefined : parse(content) });
    at = start + length;
  }
  return nodes;
}

function encode(node: Node): Buffer {
  const content = node.children === undefined ? Buffer.from(node.content) : Buffer.concat(node.children.map(encode));
  const parts = [node.before ?? [], [node.tag], lengthOf(node, content.length), content, node.after ?? []];
  if (node.length === "indefinite") parts.push([0, 0]);
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

function lengthOf({ length }: Node, size: number): number[] {
  switch (length) {
    case "indefinite":
      return [0x80];
    case "long":
      return [0x84, 0, 0, size >> 8, size & 0xff];
    case "more":
      return shortest(size + 1);
    case "less":
      return shortest(Math.max(0, size - 1));
    case "huge":
      return [0x84, 0xff, 0xff, 0xff, 0xff];
    case "none":
      return [];
    default:
      return shortest(size);
  }
}

function shortest(size: number): number[] {
  if (size < 0x80) return [size];
  return size < 0x100
    ? [0x81, size]
    : size < 0x10000
      ? [0x82, size >> 8, size & 0xff]
      : [0x83, size >> 16, (size >> 8) & 0xff, size & 0xff];
}

interface Place {
  readonly list: Node[];
  readonly index: number;
  readonly node: Node;
}

function places(list: Node[], test: (node: Node) => boolean, found: Place[] = []): Place[] {
  for (const [index, node] of list.entries()) {
    if (test(node)) found.push({ list, index, node });
    if (node.children !== undefined) places(node.children, test, found);
  }
  return found;
}

const LENGTHS = ["indefinite", "long", "more", "less", "huge", "none"] as const;
const TEXT_TAGS: readonly number[] = [
  TAG.UTF8_STRING,
  TAG.PRINTABLE_STRING,
  TAG.TELETEX_STRING,
  TAG.IA5_STRING,
  TAG.VISIBLE_STRING,
  TAG.UNIVERSAL_STRING,
  TAG.BMP_STRING,
];
const WANTED: Partial<Record<DerChange["kind"], (node: Node) => boolean>> = {
  oid: ({ tag }) => tag === TAG.OID,
  text: ({ tag }) => TEXT_TAGS.includes(tag),
  number: ({ tag }) => tag === TAG.INTEGER || tag === TAG.BIT_STRING,
};

function apply(root: Node[], { kind, at, number, bytes, text }: DerChange): void {
  const found = places(root, WANTED[kind] ?? (() => true));
  const place = found[at % Math.max(1, found.length)];
  if (place === undefined) return;
  const { list, index, node } = place;
  const set = (content: Uint8Array) => {
    node.children = undefined;
    node.content = content;
  };
  switch (kind) {
    case "tag":
      node.tag = number & 0xff;
      break;
    case "length": {
      const form = LENGTHS[number % LENGTHS.length];
      if (form !== undefined) node.length = form;
      break;
    }
    case "empty":
      set(new Uint8Array());
      break;
    case "bytes":
      set(bytes);
      break;
    case "bit": {
      const content = Uint8Array.from(
        node.children === undefined ? node.content : Buffer.concat(node.children.map(encode)),
      );
      if (content.length > 0)
        content[number % content.length] = (content[number % content.length] ?? 0) ^ (1 << (at % 8));
      set(content);
      break;
    }
    case "delete":
      list.splice(index, 1);
      break;
    case "double":
      list.splice(index, 0, ...Array.from({ length: 1 + (number % 80) }, () => node));
      break;
    case "swap":
      list.reverse();
      break;
    case "wrap":
      list[index] = nested(node, 1 + (number % (number % 7 === 0 ? 6_000 : 30)));
      break;
    case "oid":
      set(oidContent(node.content, number, bytes));
      break;
    case "text":
      node.tag = TEXT_TAGS[number % TEXT_TAGS.length] ?? TAG.UTF8_STRING;
      set(number % 3 === 0 ? Buffer.from(text, "utf16le").swap16() : Buffer.from(text));
      break;
    case "number":
      set(Buffer.concat([bytes, number % 2 === 0 ? node.content : []].map((part) => Buffer.from(part))));
      break;
    case "trail":
      node[number % 2 === 0 ? "after" : "before"] = bytes;
      break;
    case "longTag":
      node.tag = node.tag | 0x1f;
      break;
    case "truncate":
      break;
  }
}

function nested(node: Node, depth: number): Node {
  const content = encode(node);
  const headers: Buffer[] = [];
  for (let size = content.length, i = 0; i < depth && size < 40_000; i++) {
    const header = Buffer.from([TAG.SEQUENCE, ...shortest(size)]);
    headers.unshift(header);
    size += header.length;
  }
  const all = Buffer.concat([...headers, content]);
  return { tag: TAG.SEQUENCE, children: undefined, content: all };
}

function oidContent(content: Uint8Array, number: number, bytes: Uint8Array): Uint8Array {
  const last = content.length - 1;
  switch (number % 5) {
    case 0:
      return Uint8Array.of(...content, 0x80);
    case 1:
      return Uint8Array.of(0x80, ...content);
    case 2:
      return Uint8Array.from(content, (byte, i) => (i === last ? byte ^ 1 : byte));
    case 3:
      return Uint8Array.of(...content, ...Array.from({ length: 20 }, () => 0xff), 0x7f);
    default:
      return bytes;
  }
}
