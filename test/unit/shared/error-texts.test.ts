import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";

const rows = Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][];

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();
}

/** From `from` to the parenthesis that closes the one before it. */
function argumentsFrom(source: string, from: number): string {
  let depth = 1;
  for (let i = from; i < source.length; i++) {
    if (source[i] === "(") depth++;
    if (source[i] === ")" && --depth === 0) return source.slice(from, i);
  }
  return source.slice(from);
}

interface Site {
  readonly where: string;
  readonly code: string;
  readonly args: string;
}

/** Every `new StationError("CODE", …)` of the product. */
function sites(): Site[] {
  const found: Site[] = [];
  for (const folder of ["src", "firmware-sim"]) {
    for (const file of readdirSync(join(packageRoot(), folder), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const source = readFileSync(join(packageRoot(), folder, file), "utf8");
      for (const match of source.matchAll(/new StationError\(\s*"(\w+)"/g)) {
        const args = argumentsFrom(source, match.index + "new StationError(".length);
        found.push({ where: `${folder}/${file}`, code: match[1] ?? "", args });
      }
    }
  }
  return found;
}

/** True where the arguments name that detail, or hand details on that were made elsewhere. */
function gives({ args }: Site, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(args) || /\bdetails\s*[,}]|details: (?!\{)|\{ \.\.\./.test(args);
}

describe("operator texts", () => {
  it.each(rows)("of %s have the same placeholders in both languages, and end as sentences", (_code, { ko, en }) => {
    expect(placeholders(ko).filter((name) => placeholders(en).includes(name))).toEqual(placeholders(en));
    for (const text of [ko, en]) expect(text).toMatch(/[.}]$/);
    expect(ko).toMatch(/[가-힣]/);
    expect(en).not.toMatch(/[가-힣]/);
  });

  it("get every value that they name wherever an error is made", () => {
    const all = sites();
    expect(all.length).toBeGreaterThan(100);
    const missing = all.flatMap((site) => {
      const row = ERRORS[site.code as ErrorCode];
      return placeholders(`${row.ko}${row.en}`)
        .filter((name) => !gives(site, name))
        .map((name) => `${site.where}: ${site.code} without ${name}`);
    });
    expect(missing).toEqual([]);
  });
});
