import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig, readSecret } from "../../../src/cli/config.js";
import { isSimulators, SIMULATOR_REGISTRY, SIMULATOR_SECRET } from "../../../src/cli/plant-secrets.js";
import { ran } from "./io-helper.js";

const REGISTRY = (value: string) =>
  `suppliers: []\necuTypes: []\nsupplierSecrets: [{ name: cluster-a, value: "${value}" }]\n`;
const OWN = "servers: { embedded: { registry: own.yaml } }";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plant-secrets-"));
  await write("own.yaml", REGISTRY("cluster-a"));
  await write("text.yaml", REGISTRY("SIMULATOR-SECRET"));
  await write("copy.yaml", await readFile(SIMULATOR_REGISTRY, "utf8"));
  await write("known.hex", `${SIMULATOR_SECRET.toUpperCase()}\n`);
  await write("own.hex", "00".repeat(16));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  await chmod(file, 0o640);
  return file;
}

const station = (lines: string, mode = "plant") => write("station.yaml", `schema: 1\nmode: ${mode}\n${lines}\n`);

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [
    "no registry",
    "language: ko",
    /:1:1: servers\.embedded\.registry: is the simulator's, whose secret anybody may know/,
  ],
  [
    "the simulator's registry",
    `servers: { embedded: { registry: ${SIMULATOR_REGISTRY} } }`,
    /:3:34: servers\.embedded\.registry: is the simulator's/,
  ],
  [
    "a copy of the simulator's registry",
    "servers: { embedded: { registry: copy.yaml } }",
    /:3:34: servers\.embedded\.registry: .*copy\.yaml: supplierSecrets: the value of simulator-cluster is the simulator's secret/,
  ],
  [
    "the simulator's secret as text in a registry",
    "servers: { embedded: { registry: text.yaml } }",
    /text\.yaml: supplierSecrets: the value of cluster-a is the simulator's secret/,
  ],
  [
    "the simulator's secret in a file",
    `${OWN}\nsecrets: { cluster-a: { file: known.hex } }`,
    /:4:31: secrets\.cluster-a\.file: .*known\.hex: is the simulator's secret, which anybody may know/,
  ],
];

describe("mode: plant", () => {
  it.each(REFUSED)("with %s is refused by config check, in one line", async (_, lines, complaint) => {
    const { code, err } = await ran(["config", "check", await station(lines), "--data", join(folder, "data")]);
    expect(err).toMatch(complaint);
    expect(err).toMatch(/^[^\n]*\n$/);
    expect(err.toLowerCase()).not.toContain(SIMULATOR_SECRET);
    expect(code).toBe(2);
  });

  it.each(REFUSED)("with %s is refused by a service that starts", async (_, lines, complaint) => {
    const data = ["--config", await station(lines), "--data", join(folder, "data")];
    const { code, out, err } = await ran(["serve", ...data]);
    expect(err).toMatch(complaint);
    expect([code, out]).toEqual([2, ""]);
    if (lines.includes("secrets")) return;
    expect(await ran(["servers", ...data])).toMatchObject({ code: 2, err: expect.stringMatching(complaint) });
  });

  it.each(REFUSED)("with %s is a finding of doctor", async (_, lines, complaint) => {
    const { code, out } = await ran(["doctor", "--config", await station(lines), "--data", join(folder, "data")]);
    const failed = out.split("\n").filter((line) => line.startsWith("FAILED"));
    expect(failed).toEqual([expect.stringMatching(complaint)]);
    expect(code).toBe(3);
  });

  it("with --registry of the simulator's is refused, whatever the configuration says", async () => {
    const words = ["servers", "--registry", SIMULATOR_REGISTRY, "--config", await station(OWN)];
    const { code, err } = await ran([...words, "--data", join(folder, "data")]);
    expect([code, err]).toEqual([2, expect.stringMatching(/servers\.embedded\.registry: is the simulator's/)]);
  });

  it("has no run with a file that came to hold the simulator's secret later", async () => {
    const file = await station(`${OWN}\nsecrets: { cluster-a: { file: known.hex } }`);
    const config = await loadConfig(file, folder, {});
    await expect(readSecret(config, "cluster-a")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  it("with a registry and secrets of its own is taken", async () => {
    const file = await station(`${OWN}\nsecrets: { cluster-a: { file: own.hex } }`);
    expect(await ran(["config", "check", file])).toMatchObject({ code: 0, err: "" });
  });
});

describe("mode: simulator", () => {
  it("takes all of it", async () => {
    for (const [, lines] of REFUSED)
      expect(await ran(["config", "check", await station(lines, "simulator")])).toMatchObject({ code: 0, err: "" });
    const config = await loadConfig(undefined, folder, {});
    expect((await readSecret(config, "simulator-cluster")).spend(() => true)).toBe(true);
    expect(isSimulators(await readSecret(config, "simulator-cluster"))).toBe(true);
  });
});
