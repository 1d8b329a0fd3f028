/** docs/conformity.md names files and titles; each of them has to exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";

const root = packageRoot();
const LITERAL = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

/** A table row's tests: file below test/, and words of titles in it. */
function named(page: string): { rule: string; file: string; titles: string[] }[] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| rule |"))
    .flatMap((line) => {
      const [, rule = "", tests = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const files = tests.split("`").slice(1);
      return files.flatMap((file, index) =>
        index % 2 === 0
          ? [
              {
                rule,
                file,
                titles: [...(files[index + 1] ?? "").matchAll(/«([^»]+)»/g)].map(([, title = ""]) => title),
              },
            ]
          : [],
      );
    });
}

/** What is wrong with the tests that `page` names. `source` gives a test file's text, undefined where there is none. */
function mistakes(page: string, source: (file: string) => string | undefined): string[] {
  return named(page).flatMap(({ rule, file, titles }) => {
    const text = source(file);
    if (text === undefined) return [`${rule}: no file test/${file}.test.ts`];
    const literals = (text.match(LITERAL) ?? []).map((literal) => literal.slice(1, -1));
    return titles
      .filter((title) => !literals.some((literal) => literal.includes(title)))
      .map((title) => `${rule}: no test «${title}» in test/${file}.test.ts`);
  });
}

function testFile(file: string): string | undefined {
  const path = join(root, "test", `${file}.test.ts`);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

const page = readFileSync(join(root, "docs/conformity.md"), "utf8");

describe("docs/conformity.md", () => {
  it("names tests that exist", () => {
    expect(mistakes(page, testFile)).toEqual([]);
  });

  it("names at least one test for every rule", () => {
    const rules = page.split("\n").filter((line) => /^\| (?!rule \|)/.test(line));
    expect(rules.length).toBeGreaterThan(50);
    for (const rule of rules) expect(named(rule), rule).not.toEqual([]);
  });

  it("would be found out with a test that is not there", () => {
    const source = (file: string) => (file === "unit/there" ? 'it("does this", () => {});' : undefined);
    const row = (tests: string) => mistakes(`| some rule | ${tests} |`, source);
    expect(row("`unit/there` «does this»")).toEqual([]);
    expect(row("`unit/there` «does this», «does that»")).toEqual([
      "some rule: no test «does that» in test/unit/there.test.ts",
    ]);
    expect(row("`unit/gone` «does this»")).toEqual(["some rule: no file test/unit/gone.test.ts"]);
  });
});
