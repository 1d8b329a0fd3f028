import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, StationError } from "../../../src/shared/errors.js";
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

/** What became of unit and records. */
const KEPT = {
  ko: /기록되어 있|기록은 남아|변경되지 않았|설치되지 않았|주입되지 않았|그대로|바뀐 것은 없|보관되어|계속됩니다|영향이 없/,
  en: /(?:is|are) (?:recorded|kept)|not (?:changed|touched|installed)|untouched|nothing .*was changed|no unit was touched|runs go on|no further key|does not depend/i,
} as const;
/** Somebody is asked to do something. */
const TODO = {
  ko: /십시오/,
  en: /(?:^|[.,;:] |then |or |and )(?:ask|bring|change|check|choose|correct|decide|delete|find|load|look|name|plug|power|put|read|scan|send|set|start|take|tell|try|wait)\b/im,
} as const;

describe("operator texts", () => {
  it.each(rows)("of %s have the same placeholders in both languages, and end as sentences", (_code, { ko, en }) => {
    expect(placeholders(ko).filter((name) => placeholders(en).includes(name))).toEqual(placeholders(en));
    for (const text of [ko, en]) expect(text).toMatch(/[.}]$/);
    expect(ko).toMatch(/[가-힣]/);
    expect(en).not.toMatch(/[가-힣]/);
  });

  it.each(rows)("of %s say what was kept and what to do, in both languages", (code) => {
    const { ko, en } = new StationError(code).text;
    expect(ko).toMatch(KEPT.ko);
    expect(en).toMatch(KEPT.en);
    expect(ko).toMatch(TODO.ko);
    expect(en).toMatch(TODO.en);
  });

  it.each(rows)("of %s say nothing twice, and are told in the text of another one without their advice", (code) => {
    const inner = new StationError(code);
    const { text } = new StationError("OUTBOX_QUARANTINED", { details: { what: inner.fact } });
    for (const told of [...Object.values(inner.text), ...Object.values(text)]) {
      const sentences = told.split(/(?<=[.?!]) /);
      expect(new Set(sentences).size, told).toBe(sentences.length);
    }
    expect(inner.message.startsWith(inner.fact)).toBe(true);
    expect(inner.fact).not.toMatch(/\.( |$)|^$/);
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
