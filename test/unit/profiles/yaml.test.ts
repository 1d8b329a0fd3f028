import fc from "fast-check";
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { isStationError } from "../../../src/shared/errors.js";
import { parseYaml } from "../../../src/shared/yaml.js";

const strict = { additionalProperties: false };
const Schema = Type.Object(
  {
    id: Type.Integer({ minimum: 0, maximum: 0x7ff }),
    name: Type.Optional(Type.String({ minLength: 2 })),
    kind: Type.Enum(["fast", "slow"], { default: "fast" }),
    key: Type.Optional(
      Type.Union([
        Type.Object({ hex: Type.String({ pattern: "^[0-9a-f]{32}$" }) }, strict),
        Type.Object({ file: Type.String({ minLength: 1 }) }, strict),
      ]),
    ),
    pad: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 255 }), Type.Null()])),
    list: Type.Array(Type.Object({ slot: Type.Integer({ maximum: 7 }) }, strict), { default: [] }),
    limits: Type.Object({ step: Type.Number({ default: 5 }) }, { ...strict, default: {} }),
  },
  strict,
);
const read = (text: string) => parseYaml(Schema, text, "x.yaml", "CONFIG_INVALID").value;
const fault = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    if (isStationError(error, "CONFIG_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
};

describe("a good file", () => {
  it("gives its values with the defaults, hex integers too", () => {
    expect(read("id: 0x7E0\npad: null\nlist: [{ slot: 3 }]\n")).toEqual({
      id: 0x7e0,
      pad: null,
      kind: "fast",
      list: [{ slot: 3 }],
      limits: { step: 5 },
    });
  });

  it("may use anchors", () => {
    expect(read("id: 1\nlist: [&a { slot: 3 }, *a]\n").list).toEqual([{ slot: 3 }, { slot: 3 }]);
  });
});

describe("the first mistake is told with file, line, column and path", () => {
  it.each([
    ["a wrong type", "id: yes\n", 'x.yaml:1:5: id: wrong value "yes" (expected a whole number 0–2047)'],
    ["a value out of range", "id: 0x800\n", "x.yaml:1:5: id: wrong value 2048 (expected a whole number 0–2047)"],
    ["a fraction", "id: 1.5\n", "x.yaml:1:5: id: wrong value 1.5 (expected a whole number 0–2047)"],
    ["a missing key", "kind: slow\n", "x.yaml:1:1: id: is missing (expected a whole number 0–2047)"],
    [
      "an unknown key",
      "id: 1\nnaem: x\n",
      "x.yaml:2:1: naem: unknown key (expected one of id, name, kind, key, pad, list, limits)",
    ],
    ["a misspelt key where one is missing", "idd: 1\n", /^x\.yaml:1:1: idd: unknown key/],
    ["a word that is none of the list", "id: 1\nkind: medium\n", /^x\.yaml:2:7: kind: .*expected one of fast, slow/],
    ["a key in a list", "id: 1\nlist:\n  - slot: 1\n  - slot: 9\n", /^x\.yaml:4:11: list\[1\]\.slot: wrong value 9/],
    ["nothing where a value is wanted", "id:\n", /^x\.yaml:1:4: id: wrong value of nothing/],
    ["an unknown key in a union", "id: 1\nkey: { hax: a }\n", /^x\.yaml:2:8: key\.hax: unknown key/],
    ["no branch of a union", "id: 1\npad: x\n", /^x\.yaml:2:6: pad: .*expected a whole number 0–255 or null/],
    ["a number where text is wanted", "id: 1\nname: 12\n", /^x\.yaml:2:7: name: wrong value of a number .*in quotes/],
    ["the first of several", "id: 1\nkind: x\nlist: [{ slot: 9 }]\n", /^x\.yaml:2:7/],
    ["a duplicate key", "id: 1\nid: 2\n", /^x\.yaml:2:1: Map keys must be unique/],
    ["bad syntax", "id: [1\n", /^x\.yaml:\d+:\d+: /],
    ["a tab as indentation", "id: 1\nlimits:\n\tstep: 1\n", /^x\.yaml:3:1: /],
    ["an unknown tag", "id: !foo 1\n", /^x\.yaml:1:5: /],
    [
      "an alias without its anchor",
      "id: 1\nlimits: { step: *a }\n",
      "x.yaml:2:17: the alias *a has no anchor before it (expected &a)",
    ],
    ["an alias before its anchor", "id: *a\nname: &a x\n", /^x\.yaml:1:5: the alias \*a has no anchor before it/],
    ["an alias behind others that have theirs", "id: &a 1\nlist: [*a, *b]\n", /^x\.yaml:2:12: the alias \*b/],
    ["several documents", "id: 1\n---\nid: 2\n", "x.yaml:2:1: a second document begins here"],
    [
      "bytes of another encoding than UTF-8",
      `id: 1\nname: ${Buffer.from([0xc7, 0xd1, 0xb1, 0xdb]).toString()}\n`,
      "x.yaml:2:7: is no UTF-8 (save the file as UTF-8)",
    ],
    [
      "a file in UTF-16",
      Buffer.from("id: 1\n", "utf16le").toString(),
      "x.yaml:1:2: a character that no text has, U+0000 (save the file as UTF-8)",
    ],
    ["an empty file", "", /^x\.yaml:1:1: wrong value of nothing \(expected an object of id/],
    [
      "an object where a number is wanted, behind its anchor",
      "id: &a { x: 1 }\n",
      /^x\.yaml:1:8: id: wrong value of an object/,
    ],
  ])("%s", (_, text, expected) => {
    const what = fault(text);
    if (typeof expected === "string") expect(what).toBe(expected);
    else expect(what).toMatch(expected);
    expect(what).not.toContain("\n");
  });

  it("without showing what may be a key", () => {
    const hex = "00112233445566778899aabbccddee";
    expect(fault(`id: 1\nkey: { hex: ${hex} }\n`)).toMatch(/^x\.yaml:2:13: key\.hex: wrong value of 30 characters/);
    expect(fault("id: 1\nkey: { hex: 00112233445566778899001122334455 }\n")).not.toMatch(/1122/);
  });

  it("also at a place that only the caller can judge", () => {
    const document = parseYaml(Schema, "id: 1\nlist:\n  - slot: 1\n  - slot: 2\n", "x.yaml", "PROFILE_INVALID");
    const error = document.error(["list", 1, "slot"], "is taken");
    expect(error.code).toBe("PROFILE_INVALID");
    expect(error.details.what).toBe("x.yaml:4:11: list[1].slot: is taken");
    expect(document.error(["key", "hex"], "x").details.what).toMatch(/^x\.yaml:1:1: key\.hex: x/);
  });
});

describe("a hostile file", () => {
  it("of aliases upon aliases is refused", () => {
    const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    expect(fault(`a0: &a0 [x]\n${levels.join("\n")}\n`)).toMatch(/too many aliases/);
  });

  it("nested without end is refused", () => {
    expect(fault(`id: ${"[".repeat(200_000)}`)).toMatch(/^x\.yaml:\d+:\d+: nested too deeply$/);
  });

  it("never ends in another error than the one it is for", () => {
    const piece = fc.constantFrom(
      "id",
      ":",
      " ",
      "\n",
      "- ",
      "[",
      "]",
      "{",
      "}",
      "*a",
      "&a",
      "!t",
      '"',
      "'",
      "1",
      "#",
      "|",
      "\t",
      "?",
      ",",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
        ),
        (text) => {
          expect(fault(text)).toMatch(/^(?:no error|x\.yaml:\d+:\d+: [^\n]*)$/);
        },
      ),
    );
  });
});
