import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";

/** SPDX expressions that a dependency may have: permissive ones; beside them MPL-2.0 where it stays a tool of development. */
const ALLOWED = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "0BSD"];
const ALLOWED_TOOLS = [...ALLOWED, "MIT OR Apache-2.0", "MPL-2.0"];

interface Locked {
  readonly version: string;
  readonly license?: string;
  /** Nothing that is shipped needs it. */
  readonly dev?: boolean;
}

const FILE = join(packageRoot(), "docs", "licences.md");
const { packages } = JSON.parse(readFileSync(join(packageRoot(), "package-lock.json"), "utf8")) as {
  packages: Record<string, Locked>;
};
const dependencies = Object.entries(packages).flatMap(([path, { version, license = "none", dev = false }]) =>
  path === "" ? [] : [{ name: path.split("node_modules/").at(-1) ?? path, version, licence: license, shipped: !dev }],
);

it("every dependency has a licence that is allowed", () => {
  expect(dependencies.length).toBeGreaterThan(100);
  const refused = dependencies.filter(({ licence, shipped }) => !(shipped ? ALLOWED : ALLOWED_TOOLS).includes(licence));
  expect(refused).toEqual([]);
});

/** Packages that the program's sources import, the page's among them: a bundler puts those into its script. */
function imported(): Set<string> {
  const files = ["src", "firmware-sim"].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, withFileTypes: true })
      .filter(({ name }) => /\.tsx?$/.test(name) && name !== "vite.config.ts")
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8")),
  );
  const named = files.flatMap((text) => [
    ...text.matchAll(/(?:from |import\(|import )"((?:@[\w-]+\/)?[\w-]+)[^":]*"/g),
  ]);
  return new Set(named.flatMap(([, name]) => (name === undefined ? [] : [name])));
}

it("every package that the program is made of comes with it", () => {
  const shipped = dependencies.filter((dependency) => dependency.shipped).map(({ name }) => name);
  expect([...imported()]).toEqual(expect.arrayContaining(["fastify", "preact", "pkcs11js"]));
  expect([...imported()].filter((name) => !shipped.includes(name))).toEqual([]);
});

it("docs/licences.md lists what comes with the program", () => {
  const rows = dependencies
    .filter(({ shipped }) => shipped)
    .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`);
  const text = `${[
    "# Licences of what comes with the program",
    "",
    "Made from package-lock.json: `UPDATE_DOCS=1 npx vitest run --project unit test/unit/project/licences.test.ts`. The text of each licence",
    "is in the package's own folder under `node_modules`; where it has no file of its own, in its README or `package.json`. What they have",
    "compiled in (`@photostructure/sqlite`: SQLite) is in the public domain. Preact is a part of the operator page's script.",
    "",
    "| package | version | licence (SPDX) |",
    "|---|---|---|",
    ...[...new Set(rows)].sort(),
  ].join("\n")}\n`;
  if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, text);
  expect(readFileSync(FILE, "utf8")).toBe(text);
});
