import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { OUTCOMES } from "../../../src/station/run/verdict.js";

const FILE = join(packageRoot(), "docs", "errors.md");

const HEAD = `# Error codes

Codes are stable: records, logs, the MES and exit codes go by them. Every failure carries its code, the step, the causes and the
operator's text in both languages; \`{…}\` is filled in. The outcome is that of a run which ends with the code; *retry* says whether the
same may succeed later without anybody changing anything. This list is made from \`src/shared/errors.ts\`:
\`UPDATE_DOCS=1 npx vitest run --project unit test/unit/station/error-docs\` writes it anew.

| code | outcome | retry | 한국어 | English |
|---|---|---|---|---|
`;

function page(): string {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const lines = codes.map((code) => {
    const { ko, en, retryable } = ERRORS[code];
    return `| \`${code}\` | ${OUTCOMES[code]} | ${retryable ? "yes" : "no"} | ${ko} | ${en} |`;
  });
  return `${HEAD}${lines.join("\n")}\n`;
}

it("docs/errors.md lists every error code as the program has it", () => {
  if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, page());
  expect(readFileSync(FILE, "utf8"), "UPDATE_DOCS=1 writes it anew").toBe(page());
});
