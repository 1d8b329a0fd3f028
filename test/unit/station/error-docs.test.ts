import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withAdvice } from "../../../src/shared/error-advice.js";
import { ERRORS, type ErrorCode } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { OUTCOMES } from "../../../src/station/run/verdict.js";

const FILE = join(packageRoot(), "docs", "errors.md");

const HEAD = `# Error codes

Codes are stable: records, logs, the MES and exit codes go by them. Every failure carries its code, the step, the causes and the
operator's text in both languages, which says what happened, what was kept and what to do; \`{…}\` is filled in. The outcome is that of a run which ends with the code; *retry* says
whether the same may succeed later without anybody changing anything. Where to look further: [troubleshooting.md](troubleshooting.md).

This page is made from \`src/shared/errors.ts\`: \`UPDATE_DOCS=1 npx vitest run --project unit test/unit/station/error-docs\` writes it anew.
`;

/** What a code's first word says it is about, in the order of the page. */
const CHAPTERS: Readonly<Record<string, readonly string[]>> = {
  "The adapter and its link": ["LINK"],
  "Messages on CAN (ISO-TP)": ["ISOTP"],
  "Messages on a K-Line": ["KLINE"],
  "Diagnostics (UDS)": ["UDS"],
  "The unit": ["ECU", "TARGET", "UNIT"],
  "vPKI and certificates": ["VPKI", "PKI"],
  KMS: ["KMS"],
  Tokens: ["TOKEN"],
  "Power supplies": ["POWER"],
  "Inputs, scans and orders": ["INPUT", "SCAN", "ORDER", "ORDERS"],
  "Runs, bays and profiles": ["RUN", "BAY", "PROFILE"],
  "Results and their receivers": ["OUTBOX", "SINK"],
  "The operator page": ["PAGE"],
  "The station itself": ["CONFIG", "USAGE", "STORE", "TRACE", "BACKUP", "INTERNAL"],
};

const family = (code: string) => code.split("_")[0] ?? "";
const codes = Object.keys(ERRORS) as ErrorCode[];

function row(code: ErrorCode): string {
  const { ko, en, retryable } = ERRORS[code];
  const whole = [withAdvice(code, "ko", ko, true), withAdvice(code, "en", en, true)].join(" | ");
  return `| \`${code}\` | ${OUTCOMES[code]} | ${retryable ? "yes" : "no"} | ${whole} |\n`;
}

function page(): string {
  const chapters = Object.entries(CHAPTERS).map(([title, families]) => {
    const rows = codes.filter((code) => families.includes(family(code))).map(row);
    return `\n## ${title}\n\n| code | outcome | retry | 한국어 | English |\n|---|---|---|---|---|\n${rows.join("")}`;
  });
  return `${HEAD}${chapters.join("")}`;
}

it("docs/errors.md lists every error code as the program has it", () => {
  if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, page());
  const text = readFileSync(FILE, "utf8");
  expect(text, "UPDATE_DOCS=1 writes it anew").toBe(page());
  expect(codes.filter((code) => !text.includes(`| \`${code}\` |`))).toEqual([]);
});
