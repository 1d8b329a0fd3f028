import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { packageRoot } from "../../../src/shared/paths.js";

const architecture = readFileSync(join(packageRoot(), "docs", "architecture.md"), "utf8");

it("the plant's configuration in docs/architecture.md is one", () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(architecture)?.[1] ?? "";
  const config = parseConfig(text, "/plant/station.yaml", "/data", {});
  expect(config).toMatchObject({ mode: "plant", orders: "none", dataDir: "/data", limits: { flush: 5_000 } });
});

it("the folder table names folders that are there", () => {
  const folders = [...architecture.matchAll(/^\| `([^`]+)`/gm)]
    .map((match) => match[1] ?? "")
    .filter((name) => /^(?:src|bin|test|firmware-sim)\//.test(name));
  expect(folders.length).toBeGreaterThan(12);
  expect(folders.filter((folder) => !existsSync(join(packageRoot(), folder)))).toEqual([]);
});

it.each(["README.md", "docs/architecture.md", "docs/profiles.md"])("the links of %s lead somewhere", (file) => {
  const text = readFileSync(join(packageRoot(), file), "utf8");
  const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)]
    .map((match) => match[1] ?? "")
    .filter((link) => !/^https?:/.test(link));
  expect(links.filter((link) => !existsSync(join(packageRoot(), dirname(file), link)))).toEqual([]);
});
