import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines, formatDiff } from "../../../src/shared/line-diff.js";

const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => `${lines.join("\n")}\n`);
const rebuilt = (lines: ReturnType<typeof diffLines>, left: "removed" | "added") =>
  lines.filter(({ kind }) => kind !== left).map((line) => `${line.text}\n`);

describe("the difference of two texts", () => {
  it("has every line of both, in order, with its number", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const lines = diffLines(a, b);
        expect(rebuilt(lines, "added").join("")).toBe(a);
        expect(rebuilt(lines, "removed").join("")).toBe(b);
        expect(lines.flatMap(({ before }) => before ?? [])).toEqual(rebuilt(lines, "added").map((_, i) => i + 1));
        expect(lines.flatMap(({ after }) => after ?? [])).toEqual(rebuilt(lines, "removed").map((_, i) => i + 1));
      }),
    );
  });

  it("calls no line changed that both have in the same order", () => {
    const lines = diffLines("a\nb\nc\nd\n", "a\nc\nx\nd\n");
    expect(lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      "same a",
      "removed b",
      "same c",
      "added x",
      "same d",
    ]);
  });

  it("is told with the lines around each change, and a mark where lines are left out", () => {
    const many = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`);
    const changed = many.map((line) => (line === "line 6" ? "line six" : line));
    expect(formatDiff(diffLines(many.join("\n"), changed.join("\n")), 1)).toEqual([
      "…",
      " 5  5   line 5",
      " 6    - line 6",
      "    6 + line six",
      " 7  7   line 7",
      "…",
    ]);
  });

  it("is nothing for texts of the same lines, whatever ends them", () => {
    expect(formatDiff(diffLines("a\r\nb\r\n", "a\nb"))).toEqual([]);
  });
});
