import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type OrderFormat, parseOrder } from "../../../../src/cli/orders/order.js";
import { isStationError } from "../../../../src/shared/errors.js";
import type { Order } from "../../../../src/station/ports.js";

const FILE = "/srv/mes/orders/taken/K";
const ECU_ID = "0123456789abcdef".repeat(4).slice(0, 54);

function parsed(content: string | Uint8Array, format: OrderFormat): Order {
  return parseOrder(typeof content === "string" ? Buffer.from(content) : content, format, FILE);
}

/** What the order is refused with; the whole text is one line that names the file. */
function fault(content: string | Uint8Array, format: OrderFormat): string {
  try {
    parsed(content, format);
  } catch (error) {
    if (!isStationError(error, "ORDER_INVALID")) throw error;
    expect(error.message).toContain(FILE);
    expect(`${error.message}${JSON.stringify(error)}`).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    return String(error.details.what);
  }
  return "none";
}

const name = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/)
  .filter((text) => text !== "profile" && text !== "ecuId");
/** Any text that UTF-8 can hold, of at most the 200 code units that an order may have in one. */
const value = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
  .filter((text) => text.length <= 200 && Buffer.from(text).toString() === text);
const inputs = fc.dictionary(name, value, { minKeys: 1, maxKeys: 6, noNullPrototype: true });
const order = fc.record(
  { inputs, profile: value, ecuId: fc.constant(ECU_ID) },
  { requiredKeys: ["inputs"], noNullPrototype: true },
);
const mark = fc.constantFrom("", "\uFEFF");
const lineEnd = fc.constantFrom("\n", "\r\n", "\r");

describe("an order", () => {
  it("that is garbage is refused in one line that names the file", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.json({ maxDepth: 4 }),
      fc.string({ unit: fc.constantFrom(...'{}[]":,;\n\r\\ a1'), maxLength: 60 }),
    );
    const formats = fc.constantFrom("json" as const, "csv" as const);
    // No order by chance: one needs two lines or a schema.
    fc.assert(
      fc.property(garbage, formats, (content, format) => void fault(content, format)),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["json", '{"schema":1,\n"inputs":{"vin":x}}', /^line 2: it is no JSON/],
    ["json", '{"schema":1,"inputs":{"vin":"A"}', /^line 1: it is no JSON/],
    ["json", "", /it is no JSON/],
    ["json", '{"schema":1,"inputs":{"vin":"A"},}', /it is no JSON/],
    ["json", '{"schema":1,\n"inputs":{"vin":"A",\n"vin":"B"}}', /^line 3: it is no JSON \(Map keys must be unique/],
    ["json", '{"schema":1,"inputs":{},\n"inputs":{"vin":"A"}}', /^line 2: .*unique/],
    ["json", "[]", /^the order must be object/],
    ["json", '{"schema":2,"inputs":{}}', /^schema must be equal to constant/],
    ["json", '{"schema":1,"inputs":{"vin":17}}', /^inputs\.vin must be string/],
    ["json", '{"schema":1,"inputs":{"a b":"x"}}', /^inputs\.a b is an unknown key$/],
    ["json", '{"schema":1,"inputs":{"__proto__":"x"}}', /^inputs\.__proto__ is an unknown key$/],
    ["json", '{"schema":1,"inputs":{},"colour":"red"}', /^colour is an unknown key$/],
    ["json", `{"schema":1,"inputs":{},"ecuId":"${"0".repeat(53)}"}`, /^ecuId must match pattern/],
    ["csv", "", /^it has 0 lines that are not empty \(expected names and values\)$/],
    ["csv", "vin\n", /^it has 1 lines/],
    ["csv", "vin\nA\nB\n", /^it has 3 lines/],
    ["csv", "vin,pcid\n\n\nA\n", /^line 4 has 1 values for the 2 names of line 1$/],
    ["csv", "\nvin,vin\nA,B\n", /^line 2 names vin twice$/],
    ["csv", 'vin\n"A\n\n', /^the quotation mark of line 2 is not closed$/],
    ["csv", 'vin,"p\ncid"\n"A"B,C\n', /^line 3 goes on behind a quotation mark$/],
    ["csv", "vin,a b\nA,B\n", /^inputs\.a b is an unknown key$/],
    ["csv", "vin,__proto__\nA,B\n", /^inputs\.__proto__ is an unknown key$/],
  ] as const)("in %s that reads %j is refused", (format, content, expected) => {
    expect(fault(content, format)).toMatch(expected);
  });

  it.each(["json", "csv"] as const)(
    "in %s that is no UTF-8 is refused with its line, and is not guessed at",
    (format) => {
      const latin = Buffer.concat([
        Buffer.from('{"schema":1,\n"inputs":{"note":"'),
        Buffer.from([0xe4]),
        Buffer.from('"}}'),
      ]);
      expect(fault(latin, format)).toBe("line 2 is no UTF-8");
      expect(fault(Buffer.from("\uFEFFvin\nA\n", "utf16le"), format)).toBe("line 1 is no UTF-8");
    },
  );

  it("in JSON comes out as it was written, whatever stands in its values", () => {
    fc.assert(
      fc.property(order, mark, fc.constantFrom(undefined, 2, "\t"), lineEnd, (given, bom, indent, end) => {
        const text = JSON.stringify({ schema: 1, ...given }, undefined, indent).replaceAll("\n", end);
        expect(parsed(bom + text, "json")).toEqual({ source: FILE, ...given });
      }),
    );
  });

  it("in JSON that was written in part is refused at every byte", () => {
    fc.assert(
      fc.property(order, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (given, part) => {
        const bytes = Buffer.from(JSON.stringify({ schema: 1, ...given }));
        expect(fault(bytes.subarray(0, Math.floor(bytes.length * part)), "json")).not.toBe("none");
      }),
    );
  });

  it("in CSV comes out as it was written: comma or semicolon, any line end, quoted where it must be or all through", () => {
    const how = fc.record({
      bom: mark,
      end: lineEnd,
      separator: fc.constantFrom(",", ";"),
      all: fc.boolean(),
      last: fc.boolean(),
      empty: fc.boolean(),
    });
    fc.assert(
      fc.property(order, how, ({ inputs: values, ...own }, { bom, end, separator, all, last, empty }) => {
        const cell = (text: string) =>
          all || /[,;"\r\n]|^\s|\s$|^$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        const pairs = Object.entries({ ...values, ...own });
        const lines = [pairs.map(([key]) => key), pairs.map(([, text]) => text)];
        const rows = lines.map((cells) => cells.map(cell).join(separator));
        const text = bom + (empty ? end : "") + rows.join(end + (empty ? end : "")) + (last ? end : "");
        expect(parsed(text, "csv")).toEqual({ source: FILE, inputs: values, ...own });
      }),
    );
  });

  it("in CSV has no input where its value is empty", () => {
    expect(parsed('vin;pcid;note;ecuId\nA;;"";\n', "csv")).toEqual({ source: FILE, inputs: { vin: "A" } });
  });

  it("in CSV of one column may hold the separator that others would have", () => {
    expect(parsed("note\na;b\n", "csv").inputs).toEqual({ note: "a;b" });
  });

  it("of the most that a file may hold is read, and garbage of that length is refused", () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`n${i}`, `"${"x".repeat(990)}"`]));
    const text = JSON.stringify({ schema: 1, inputs: many });
    expect(text.length).toBeGreaterThan(60_000);
    expect(parsed(text, "json").inputs).toEqual(many);
    const cells = Object.values(many).map((cell) => `"${cell.replaceAll('"', '""')}"`);
    expect(parsed(`${Object.keys(many).join(",")}\n${cells.join(",")}`, "csv").inputs).toEqual(many);
    expect(fault("[".repeat(65_000), "json")).toMatch(/it is no JSON/);
    for (const content of [
      '"'.repeat(65_535),
      '"a'.repeat(32_000),
      ",".repeat(65_000),
      "\n".repeat(65_000),
      "a,".repeat(32_000),
    ])
      expect(fault(content, "csv")).not.toBe("none");
  });
});
