import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ran } from "./io-helper.js";

interface Finding {
  name: string;
  state: string;
  needed: boolean;
  what: string;
  todo?: string;
}

let folder = "";
let closing: Server;
let port = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "doctor-"));
  // Takes connections and ends them: no TLS server.
  closing = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => closing.listen(0, "127.0.0.1", resolve));
  const address = closing.address();
  if (typeof address === "object" && address !== null) port = address.port;
});
afterAll(async () => {
  await new Promise((resolve) => closing.close(resolve));
  await rm(folder, { recursive: true });
});

async function findings(config: string): Promise<{ code: number; ok: boolean; find: (name: string) => Finding }> {
  const file = join(folder, "station.yaml");
  await writeFile(file, config);
  const { code, out, err } = await ran(["doctor", "--json", "--config", file, "--data", join(folder, "data")]);
  expect(err).toBe("");
  const { ok, findings: list } = JSON.parse(out) as { ok: boolean; findings: Finding[] };
  const find = (name: string) => {
    const found = list.find((finding) => finding.name === name);
    if (found === undefined) throw new Error(`no finding ${name}`);
    return found;
  };
  return { code, ok, find };
}

const SIMULATOR = "schema: 1\nmode: simulator\n";
const external = (ca: string) =>
  `${SIMULATOR}servers: { external: { vpki: ["https://127.0.0.1:${port}"], kms: ["https://127.0.0.1:${port}"], caFile: ${ca} } }\n`;

describe("doctor", () => {
  it("finds what the simulator needs, one line each, and exits with 0", async () => {
    const { code, out } = await ran(["doctor", "--data", join(folder, "data")]);
    const lines = out.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^(?:OK|MISSING|FAILED) +\S/);
    for (const name of ["node", "clock", "data", "sqlite", "profile evcc", "registry"])
      expect(
        lines.some((line) => line.startsWith("OK") && line.slice(8).startsWith(name)),
        name,
      ).toBe(true);
    expect(code).toBe(0);
  });

  it("says what is missing, and what to do, where a bay's adapter is not there", async () => {
    const { code, ok, find } = await findings(
      `${SIMULATOR}station: { bays: [{ name: A, link: "slcan:/nosuch/tty" }] }\n`,
    );
    expect(find("bay A")).toMatchObject({ state: "MISSING", needed: true });
    expect(find("bay A").todo).toMatch(/plug the adapter in/);
    expect([ok, code]).toEqual([false, 3]);
  });

  it("tells a profile that a plant must not use", async () => {
    const plant = external("ca.pem").replace("mode: simulator", "mode: plant");
    const { code, find } = await findings(`${plant}station: { bays: [{ name: A, profile: evcc }] }\n`);
    expect(find("profile evcc")).toMatchObject({ state: "FAILED", needed: true });
    expect(find("profile ccu")).toMatchObject({ state: "OK" });
    expect(code).toBe(3);
  });

  it("tells a secret's file that is not there", async () => {
    const { code, find } = await findings(`${SIMULATOR}secrets: { cluster: { file: nosuch.hex } }\n`);
    expect(find("secret cluster")).toMatchObject({ state: "FAILED", needed: true });
    expect(find("secret cluster").what).toMatch(/nosuch\.hex: there is no such file/);
    expect(code).toBe(3);
  });

  it("tells servers that do not speak TLS", async () => {
    await writeFile(join(folder, "ca.pem"), "");
    const { code, find } = await findings(external("ca.pem"));
    expect(find("vpki")).toMatchObject({ state: "FAILED", needed: true });
    expect(find("kms").what).toContain(`https://127.0.0.1:${port}: `);
    expect(code).toBe(3);
  });

  it("tells a CA file that is not there", async () => {
    const { find } = await findings(external("nosuch.pem"));
    expect(find("servers").what).toMatch(/nosuch\.pem: there is no such file/);
  });

  it("tells a registry that is wrong, with its line", async () => {
    await writeFile(join(folder, "registry.yaml"), "suppliers: []\nectypes: []\n");
    const { code, find } = await findings(`${SIMULATOR}servers: { embedded: { registry: registry.yaml } }\n`);
    expect(find("registry").what).toMatch(/registry\.yaml:2:1: ectypes: unknown key/);
    expect(code).toBe(3);
  });

  it("tells a data folder that is a file", async () => {
    await writeFile(join(folder, "plain"), "");
    const { code, out } = await ran(["doctor", "--data", join(folder, "plain", "data")]);
    expect(out).toMatch(/^FAILED {2}data .*plain is a file/m);
    expect(code).toBe(3);
  });
});
