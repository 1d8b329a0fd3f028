import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";

const architecture = readFileSync(join(packageRoot(), "docs", "architecture.md"), "utf8");

it("the folder table names folders that are there", () => {
  const folders = [...architecture.matchAll(/^\| `([^`]+)`/gm)]
    .map((match) => match[1] ?? "")
    .filter((name) => /^(?:src|bin|test|firmware-sim)\//.test(name));
  expect(folders.length).toBeGreaterThan(12);
  expect(folders.filter((folder) => !existsSync(join(packageRoot(), folder)))).toEqual([]);
});
