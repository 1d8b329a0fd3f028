import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/cli/config.js";
import { openSecretFiles } from "../../../src/cli/open-secrets.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { ran } from "./io-helper.js";

const HEX = "00112233445566778899aabbccddee00";
/** Each holds a secret, and the configuration names it. */
const SECRETS = {
  "cluster.hex": HEX,
  "access.hex": HEX,
  "client.key": "key",
  "page.key": "key",
  "ecu.key": "key",
  "mes.hex": HEX,
  pin: "1234",
};
const CONFIG = `schema: 1
mode: simulator
station: { bays: [{ name: A, profile: own.yaml }] }
servers:
  external: { vpki: ["https://v.example"], kms: ["https://k.example"], caFile: ca.pem, clientCertFile: ca.pem, clientKeyFile: client.key }
secrets: { cluster: { file: cluster.hex } }
credentials: { ecus: { certificate: ca.pem, key: ecu.key } }
tokens: { hsm: { module: hsm.so, token: t, pinFile: pin } }
page: { tls: { certFile: ca.pem, keyFile: page.key } }
results: { sinks: { mes: { kind: webhook, url: "https://m.example/r", caFile: ca.pem, secretFile: mes.hex } } }
`;

let folder = "";
const at = (name: string) => join(folder, name);

async function write(name: string, text: string, mode: number): Promise<void> {
  await writeFile(at(name), text);
  await chmod(at(name), mode);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "open-secrets-"));
  const evcc = await readFile(join(packageRoot(), "hw-profiles", "evcc.yaml"), "utf8");
  await write("own.yaml", evcc.replace(/key: \{ hex: .*? \}/, "key: { file: access.hex }"), 0o644);
  await write("ca.pem", "certificate", 0o644);
  await write("station.yaml", CONFIG, 0o644);
});
afterAll(() => rm(folder, { recursive: true }));

const openAt = async (mode: number, text?: string) => {
  for (const [name, secret] of Object.entries(SECRETS)) await write(name, secret, mode);
  if (text !== undefined) await write("registry.yaml", text, mode);
};
const found = async (file = at("station.yaml")) => openSecretFiles(await loadConfig(file, folder, {}));

describe.skipIf(process.platform === "win32")("a file with a secret", () => {
  it.each([0o644, 0o604, 0o602, 0o666])("that others may use is found, of every kind: %o", async (mode) => {
    await openAt(mode);
    expect((await found()).sort()).toEqual(Object.keys(SECRETS).map(at).sort());
  });

  it.each([0o600, 0o400, 0o640, 0o660])(
    "of its owner, and of a group that the plant chose, is as it should be: %o",
    async (mode) => {
      await openAt(mode);
      expect(await found()).toEqual([]);
    },
  );

  it("is nothing to tell on Windows, where modes say nothing", async () => {
    await openAt(0o644);
    expect(await openSecretFiles(await loadConfig(at("station.yaml"), folder, {}), "win32")).toEqual([]);
  });

  it("is a registry with secrets, and none without or the simulator's", async () => {
    await openAt(0o640);
    const embedded = (name: string) =>
      write(name, "schema: 1\nmode: simulator\nservers: { embedded: { registry: registry.yaml } }\n", 0o644);
    await embedded("embedded.yaml");
    const lists = "suppliers: []\necuTypes: []\n";
    await openAt(0o644, `${lists}supplierSecrets: [{ name: a, value: a }]\n`);
    expect(await found(at("embedded.yaml"))).toEqual([at("registry.yaml")]);
    await openAt(0o644, lists);
    expect(await found(at("embedded.yaml"))).toEqual([]);
    expect(await openSecretFiles(await loadConfig(undefined, folder, {}))).toEqual([]);
  });

  it("that others may use is one line of config check, which takes it all the same", async () => {
    await openAt(0o640);
    await chmod(at("cluster.hex"), 0o644);
    await chmod(at("pin"), 0o604);
    const { code, out, err } = await ran(["config", "check", at("station.yaml"), "--data", folder]);
    expect(err).toBe(
      `ecustation: everybody on this machine may use ${at("cluster.hex")}, ${at("pin")}: chmod o= them\n`,
    );
    expect([code, out]).toEqual([0, expect.stringContaining("station.yaml: valid")]);
  });

  it("that others may use is a warning of doctor with what to do, and breaks nothing", async () => {
    await openAt(0o640);
    await chmod(at("cluster.hex"), 0o644);
    const simulator = "schema: 1\nmode: simulator\nsecrets: { cluster: { file: cluster.hex } }\n";
    await write("simulator.yaml", simulator, 0o644);
    const { code, out } = await ran(["doctor", "--config", at("simulator.yaml"), "--data", at("data")]);
    expect(out.split("\n").filter((line) => line.startsWith("WARNING"))).toEqual([
      `WARNING secret file      ${at("cluster.hex")} may be used by everybody on this machine: chmod o= ${at("cluster.hex")}`,
    ]);
    expect(code).toBe(0);
  });
});
