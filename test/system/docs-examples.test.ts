/** Every YAML example of README.md and docs/ is taken by the program that it is for. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { makeCa } from "../unit/servers/http/certificates.js";
import { type Block, readPages } from "./docs/pages.js";
import { callBuilt, PLANT_SECRET, root, tempFolder, writePlantRegistry } from "./harness.js";

type Yaml = Readonly<Record<string, unknown>>;

const examples = readPages()
  .flatMap(({ blocks }) => blocks)
  .filter(({ language }) => language === "yaml")
  .map((block) => ({ block, at: `${block.page}:${block.line}`, value: parse(block.text) as Yaml }));

/** The example's own file. */
const FILE = "example.yaml";
const OWN = { name: "this-station", certificate: "own", addresses: ["127.0.0.1"], roles: ["line"] };

interface Checked {
  readonly args: readonly string[];
  readonly text: string;
}

interface Kind {
  /** A member that no other kind has. */
  readonly mark: string;
  /** The command that reads a file of the kind, and the file's text. */
  check(block: Block, folder: string): Checked | Promise<Checked>;
}

const digits = (text: string) => text.replaceAll(/"…(?:32 hex digits…)?"/g, `"${"5a".repeat(16)}"`);

const KINDS: readonly Kind[] = [
  {
    mark: "suppliers",
    check: ({ text }, folder) => ({
      args: ["doctor", "--config", written(folder, "station.yaml", stationOn({ registry: FILE })), "--data", folder],
      text: digits(text),
    }),
  },
  {
    mark: "clients",
    async check({ text }, folder) {
      written(folder, "plant-ca.pem", (await makeCa()).cert);
      return { args: ["config", "check", written(folder, "station.yaml", stationOn({ access: FILE }))], text };
    },
  },
  { mark: "target", check: ({ text }) => ({ args: ["profile", "check", FILE], text }) },
];

const STATION: Kind = {
  mark: "",
  check({ text }, folder) {
    const evcc = readFileSync(join(root, "hw-profiles", "evcc.yaml"), "utf8");
    written(folder, "own.yaml", evcc.replace(/key: \{ hex: .*? \}/, "key: { file: own.hex }"));
    written(folder, "own.hex", PLANT_SECRET);
    written(folder, "access.yaml", stringify({ schema: 1, roles: { line: {} }, clients: [OWN] }));
    writePlantRegistry(folder);
    const given = onFiles(parse(text)) as Yaml;
    const { external, embedded } = (given.servers ?? {}) as Yaml;
    const servers = { embedded: { registry: "registry.yaml", ...(embedded as Yaml | undefined) } };
    const whole = { schema: 1, mode: "plant", ...given, ...(external === undefined && { servers }) };
    return { args: ["config", "check", FILE], text: stringify(whole) };
  },
};

/** What stands in a file's place that an example names, by the member that names it. */
const FILES: Readonly<Record<string, string>> = {
  registry: "registry.yaml",
  access: "access.yaml",
  profile: "own.yaml",
  file: "own.hex",
  key: "own.hex",
  certificate: "own.hex",
  anchors: "own.hex",
};

/** The example with files that are there. */
function onFiles(value: unknown, member = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => onFiles(one));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, onFiles(inner, name)]));
  if (typeof value !== "string") return value;
  return FILES[member] ?? (member.endsWith("File") ? "own.hex" : value);
}

function stationOn(embedded: Yaml): string {
  return stringify({ schema: 1, mode: "simulator", servers: { embedded } });
}

function written(folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe("the YAML examples", () => {
  it("are many", () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  it.each(examples)("$at is taken", async ({ block, value }) => {
    const folder = tempFolder("example");
    const kind = KINDS.find(({ mark }) => mark in value) ?? STATION;
    const { args, text } = await kind.check(block, folder);
    const file = written(folder, FILE, text);
    const done = await callBuilt(
      "ecustation",
      args.map((word) => (word === FILE ? file : word)),
    );
    expect(done.code, done.stdout + done.stderr + text).toBe(0);
  });
});
