/** Every YAML example of README.md and docs/ is taken by the program that it is for. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { makeCa } from "../unit/servers/http/certificates.js";
import { type Block, readPages } from "./docs/pages.js";
import { callBuilt, tempFolder } from "./harness.js";

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
    written(folder, "access.yaml", stringify({ schema: 1, roles: { line: {} }, clients: [OWN] }));
    const head = ["schema: 1", "mode: plant"].filter((line) => !new RegExp(`^${line.split(":")[0]}:`, "m").test(text));
    return { args: ["config", "check", FILE], text: [...head, text].join("\n") };
  },
};

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
