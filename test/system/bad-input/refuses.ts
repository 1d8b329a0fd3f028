/** Command lines that are refused, and the files that they name. */
import { execFileSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callBuilt, type Finished, type Options, type Program, root, type run, tempFolder } from "../harness.js";

/** A command line, what its one line of complaint says, and what stands on standard input. */
type Row = readonly [args: string, complaint: RegExp, input?: string];

const QUOTES = "''";
const folder = tempFolder("bad-input");
const files = fileSet(folder);
const taken = createServer();
let takenPort = 0;

beforeAll(async () => {
  takenPort = await listen(taken);
  const ports = (which: string) => `schema: 1\nmode: simulator\nservers:\n  embedded: { ${which}: ${takenPort} }\n`;
  writeFileSync(join(folder, "vpki-port.yaml"), ports("vpkiPort"));
  writeFileSync(join(folder, "kms-port.yaml"), ports("kmsPort"));
  const page = "{ tls: { certFile: page.yaml, keyFile: page.yaml } }";
  writeFileSync(join(folder, "page.yaml"), `schema: 1\nmode: simulator\ndata: page\npage: ${page}\n`);
});
afterAll(() => void taken.close());

/** One line on standard error that matches, nothing on standard output, exit 2. */
export function expectRefused(done: Finished, complaint: RegExp, stdout = ""): void {
  expect(done).toMatchObject({ code: 2, signal: null, stdout });
  expect(done.stderr).toMatch(complaint);
  expect(done.stderr).toMatch(/^ecu(station|-sim)[^\n]+\n$/);
  expect(done.stderr).not.toMatch(/\bat .+:\d+:\d+\)|node:internal|undefined|\[object/);
}

/** Words of a command line; `{name}` is a file of the set, `''` an empty word. */
export function words(line: string): string[] {
  const filled = line.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === "port" ? String(takenPort) : (files[name] ?? `no file ${name}`),
  );
  return filled === "" ? [] : filled.split(" ").map((word) => (word === QUOTES ? "" : word));
}

/** All rows through the built program's entry, since a process each would take minutes; `as` says which of the two ways. */
export function refuses(program: Program, rows: readonly Row[], as: typeof run = callBuilt): void {
  it.each(rows.map((row) => ({ line: row[0], row })))(
    `refuses: ${program} $line`,
    async ({ row: [line, complaint, input] }) => {
      const env = { XDG_DATA_HOME: join(folder, "data") };
      const options: Options = input === undefined ? { env } : { env, input };
      expectRefused(await as(program, words(line), options), complaint);
    },
  );
}

function fileSet(dir: string): Record<string, string> {
  const profile = readFileSync(join(root, "hw-profiles/evcc.yaml"), "utf8");
  const texts: Record<string, string> = {
    "broken-profile": profile.replace("  en: EV charging controller", '  en: "EV charging controller'),
    "wrong-profile": profile.replace("bitrate: 500000", "bitrate: fast"),
    "extra-profile": profile.replace("takt: 60", "takt: 60\ncolour: red"),
    "broken-config": "schema: 1\nmode: simulator\nstation: { id: [\n",
    "wrong-config": "schema: 1\nmode: sometimes\n",
    half: `schema: 1\nmode: simulator\nservers:\n  external:\n    vpki: ["https://localhost:1"]\n    kms: ["https://localhost:2"]\n    caFile: ca.pem\n    clientCertFile: c.pem\n`,
    external: `schema: 1\nmode: simulator\nservers:\n  external: { vpki: ["https://localhost:1"], kms: ["https://localhost:2"], caFile: ca.pem }\n`,
    plant:
      "schema: 1\nmode: plant\nservers: { embedded: { registry: own-registry.yaml } }\nstation: { bays: [{ name: a, link: 'slcan+tcp://127.0.0.1:9' }] }\n",
    "bare-plant": "schema: 1\nmode: plant\n",
    "own-registry": "suppliers: []\necuTypes: []\n",
    "broken-registry": "phase: Prod\nsuppliers: []\necuTypes: [\n",
    "wrong-registry": "phase: Prod\nsuppliers: [{ id: one }]\necuTypes: []\n",
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, `${name}.yaml`), text);
  execFileSync("mkfifo", [join(dir, "fifo.yaml")]);
  writeFileSync(join(dir, "huge.yaml"), "");
  truncateSync(join(dir, "huge.yaml"), 5e9);
  const at = (name: string) => join(dir, `${name}.yaml`);
  return {
    folder: dir,
    none: at("none"),
    fifo: at("fifo"),
    huge: at("huge"),
    brokenProfile: at("broken-profile"),
    wrongProfile: at("wrong-profile"),
    extraProfile: at("extra-profile"),
    brokenConfig: at("broken-config"),
    wrongConfig: at("wrong-config"),
    halfConfig: at("half"),
    externalConfig: at("external"),
    plantConfig: at("plant"),
    barePlantConfig: at("bare-plant"),
    brokenRegistry: at("broken-registry"),
    wrongRegistry: at("wrong-registry"),
    vpkiPort: at("vpki-port"),
    kmsPort: at("kms-port"),
    pageConfig: at("page"),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
