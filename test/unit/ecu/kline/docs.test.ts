import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { KLINE_TIMERS } from "../../../../src/ecu/transport/kline/options.js";
import { packageRoot } from "../../../../src/shared/paths.js";

it("docs/wire.md has every timer of the K-Line with its default and range", () => {
  const text = readFileSync(join(packageRoot(), "docs", "wire.md"), "utf8");
  const number = (value: number) => value.toLocaleString("en-US");
  for (const [name, row] of Object.entries(KLINE_TIMERS))
    expect(text).toContain(
      `| \`${name}\` | ${number(row.default)} | ${number(row.min)}–${number(row.max)} | ${row.about} |`,
    );
});
