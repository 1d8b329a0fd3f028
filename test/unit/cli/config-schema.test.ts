import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stationSchemaJson } from "../../../src/cli/config.js";
import { packageRoot } from "../../../src/shared/paths.js";

it("docs/station.schema.json is the schema of the configuration", () => {
  const file = join(packageRoot(), "docs", "station.schema.json");
  // `UPDATE_SCHEMA=1 npx vitest run …` writes the file after a change.
  if (process.env.UPDATE_SCHEMA === "1") writeFileSync(file, stationSchemaJson());
  // Laid out by the formatter, so compared by content.
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(stationSchemaJson()));
});

/** Names of settings that could hold what nobody else may read. */
const SECRET = /password|passphrase|secret|pin$|hmac|privateKey|^hex$/i;

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** Every setting that is text, by its path; `*` for a name of the file's own. */
function textsOf({ type, properties, patternProperties, items, anyOf }: Node, path: string): string[] {
  if (type === "string") return [path];
  const inner = [
    ...Object.entries(properties ?? {}),
    ...Object.values(patternProperties ?? {}).map((node) => ["*", node] as const),
  ];
  return [
    ...inner.flatMap(([name, node]) => textsOf(node, `${path}.${name}`)),
    ...(items === undefined ? [] : textsOf(items, `${path}[]`)),
    ...(anyOf ?? []).flatMap((node) => textsOf(node, path)),
  ];
}

it("no setting holds a secret itself: each names its file, but for the simulator's own", () => {
  const texts = [...new Set(textsOf(JSON.parse(stationSchemaJson()) as Node, ""))];
  const named = texts.filter((path) =>
    SECRET.test(
      path
        .split(/[.[]/)
        .filter((part) => part !== "]")
        .at(-1) ?? "",
    ),
  );
  expect(named.filter((path) => path.endsWith("File")).length).toBeGreaterThan(2);
  expect(named.filter((path) => !path.endsWith("File"))).toEqual([".secrets.*.hex"]);
});
