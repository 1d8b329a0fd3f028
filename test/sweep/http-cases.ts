/** What all endpoints are fuzzed with: texts, JSON, headers. A case is plain data; the same can be sent in process or over TLS. */
import fc from "fast-check";

/** A request that is ready to be sent. */
export interface Case {
  /** What it is counted under. */
  readonly endpoint: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array | undefined;
  /** Must be answered 200 (a request without a fault). */
  readonly good?: boolean;
  /** Is sent twice: what had an effect must be answered the same again. */
  readonly twice?: boolean;
}

const NASTY = [
  "",
  " ",
  "\0",
  "a\0b",
  "\u202egnp.exe\u202c",
  "\u2066x\u2069",
  "한글 차량",
  "한글".normalize("NFD"),
  "ＡＢＣ１２３",
  "ﬁ\u00adne",
  "İstanbul",
  "e\u0301",
  "\u00e9",
  "\ud800",
  "\udfff\ud800",
  "\ufeffx",
  "\u2028\u2029",
  "🚗🔑",
  "\u0085\u009f",
  "../../etc/passwd",
  "'; DROP TABLE certificates; --",
  '","resultMessage":"x',
  "<script>alert(1)</script>",
  "$" + "{jndi:ldap://127.0.0.1/x}",
  "%s%n%00",
  "a\r\nSet-Cookie: x=1",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "[object Object]",
  "A".repeat(64),
  "A".repeat(65),
  "가".repeat(65),
  "A".repeat(5_000),
  "1e999",
  "-1",
  "0x",
  "٣",
  "½",
];

/** Texts that programs stumble over. */
export const nasty: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 30 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
);

/** A value in JSON that is not a plain text. */
const otherValue = fc.oneof(
  fc.constantFrom(
    "null",
    "true",
    "0",
    "-0",
    "1e999",
    "-1E-999",
    "123456789012345678901234567890",
    "0.1e1",
    "[]",
    "{}",
    '[["x"]]',
    '{"__proto__":{"csr":"x"}}',
    '{"toString":1}',
    '""',
    '"\\ud800"',
    '"\\u0000"',
  ),
  fc.json({ maxDepth: 3 }),
  fc.nat(3_000).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
);

/** Fields of a body as JSON has them: a name may stand there twice. */
export type Fields = (readonly [name: string, json: string])[];

export const fieldsOf = (record: Readonly<Record<string, unknown>>): Fields =>
  Object.entries(record).map(([name, value]) => [name, JSON.stringify(value)]);

export type JsonChange =
  | { readonly kind: "none" | "reverse" | "space" | "escape" | "sameTwice" }
  | { readonly kind: "unknown"; readonly name: string; readonly value: string; readonly first: boolean }
  | { readonly kind: "drop" | "empty" | "blank"; readonly at: number }
  | { readonly kind: "type" | "otherTwice"; readonly at: number; readonly value: string }
  | { readonly kind: "text"; readonly how: number; readonly at: number; readonly text: string };

const UNKNOWN = ["__proto__", "constructor", "toString", "hasOwnProperty", "x", "", "한글", "\ud800", "KeyId", "CSR"];

/** Changes that a reader of JSON has to bear, and others that make the request unreadable. */
export const jsonChange: fc.Arbitrary<JsonChange> = fc.oneof(
  { weight: 50, arbitrary: fc.constant<JsonChange>({ kind: "none" }) },
  {
    weight: 12,
    arbitrary: fc.constantFrom("reverse", "space", "escape", "sameTwice").map((kind) => ({ kind }) as const),
  },
  {
    weight: 18,
    arbitrary: fc.record({
      kind: fc.constant("unknown" as const),
      name: fc.oneof(fc.constantFrom(...UNKNOWN), nasty),
      value: otherValue,
      first: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("drop" as const, "empty" as const, "blank" as const),
      at: fc.nat(20),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("type" as const, "otherTwice" as const),
      at: fc.nat(20),
      value: otherValue,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("text" as const), how: fc.nat(13), at: fc.nat(5_000), text: nasty }),
  },
);

const render = (fields: Fields) => `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;

/** The body of a request with that change. */
export function bodyOf(fields: Fields, change: JsonChange): string | Uint8Array {
  const list: Fields = [...fields];
  const index = "at" in change ? change.at % Math.max(1, list.length) : 0;
  const name = list[index]?.[0] ?? "";
  switch (change.kind) {
    case "none":
      break;
    case "reverse":
      list.reverse();
      break;
    case "space":
      return `\r\n\t ${render(list).replaceAll('":', '" :\t')} \n`;
    case "escape":
      return render(list).replace(/"(\w)/, (_, c: string) => `"\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    case "sameTwice":
      list.push(...list);
      break;
    case "unknown":
      list.splice(change.first ? 0 : list.length, 0, [
        fields.some(([known]) => known === change.name) ? "x" : change.name,
        change.value,
      ]);
      break;
    case "drop":
      list.splice(index, 1);
      break;
    case "empty":
    case "blank":
      list[index] = [name, change.kind === "empty" ? '""' : '" \\t"'];
      break;
    case "type":
      list[index] = [name, change.value];
      break;
    case "otherTwice":
      list.push([name, change.value]);
      break;
    case "text":
      return damaged(render(list), change);
  }
  return render(list);
}

function damaged(
  text: string,
  { how, at, text: other }: { how: number; at: number; text: string },
): string | Uint8Array {
  const place = at % (text.length + 1);
  switch (how) {
    case 0:
      return text.slice(0, place);
    case 1:
      return text + other;
    case 2:
      return `\ufeff${text}`;
    case 3:
      return Buffer.from(text, "utf16le");
    case 4:
      return Buffer.concat([
        Buffer.from(text.slice(0, place)),
        Buffer.from([0xff, 0xc0, 0x80]),
        Buffer.from(text.slice(place)),
      ]);
    case 5:
      return `[${text}]`;
    case 6:
      return JSON.stringify(other);
    case 7:
      return text.replaceAll('"', "'");
    case 8:
      return `${text.slice(0, -1)},}`;
    case 9:
      return `/* x */${text}`;
    case 10:
      return `${text.slice(0, -1)},"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    case 11:
      return `${text.slice(0, -1)},"x":"${"x".repeat(70_000)}"}`;
    case 12:
      return "";
    default:
      return text.slice(0, place) + other + text.slice(place);
  }
}

export type HeaderPlan = readonly (readonly [string, string])[];

/** Values that HTTP can carry; over TLS they go as they are. */
const headerText = fc.oneof(
  fc.constantFrom(
    "",
    "a b",
    "x".repeat(200),
    "x".repeat(201),
    "x".repeat(4_000),
    "\u00e9",
    "\u00ff\u00a0",
    "a,b",
    '"q"',
    "\t",
  ),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
);

const TYPES = [
  "application/json; charset=UTF-8",
  "application/json; charSet=utf-8",
  "APPLICATION/JSON",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/json; charset=utf-16",
  "application/problem+json",
  "x",
];

/** Headers of a request; `idempotency` gives a key that no other case has where it is asked for one. */
export const headerPlan: fc.Arbitrary<HeaderPlan> = fc
  .tuple(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(TYPES[0] ?? "") },
      { weight: 1, arbitrary: fc.constantFrom(...TYPES) },
    ),
    fc.oneof(
      { weight: 60, arbitrary: fc.constant<HeaderPlan>([]) },
      { weight: 20, arbitrary: fc.uuid().map((key): HeaderPlan => [["idempotency-key", key]]) },
      { weight: 10, arbitrary: fc.nat(40).map((key): HeaderPlan => [["Idempotency-Key", `again-${key}`]]) },
      { weight: 4, arbitrary: headerText.map((value): HeaderPlan => [["idempotency-key", value]]) },
      {
        weight: 2,
        arbitrary: fc.constant<HeaderPlan>([
          ["idempotency-key", "one"],
          ["Idempotency-Key", "two"],
        ]),
      },
    ),
    fc.oneof(
      { weight: 12, arbitrary: fc.constant<HeaderPlan>([]) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              "accept",
              "x-request-id",
              "x-forwarded-for",
              "accept-encoding",
              "x-correlation-id",
              "authorization",
              "cookie",
              "origin",
              "via",
            ),
            headerText,
          )
          .map((header): HeaderPlan => [header]),
      },
    ),
  )
  .map(([type, idempotency, other]) => [["content-type", type], ...idempotency, ...other]);

/** Nothing but the usual content type. */
export const isPlain = (headers: HeaderPlan) => headers.length === 1 && headers[0]?.[1] === TYPES[0];

/** The one key that nobody else used, if the plan has one. */
export const hasOwnKey = (headers: HeaderPlan) =>
  headers.some(([name, value]) => name === "idempotency-key" && /^[0-9a-f]{8}-/.test(value));
