import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultDataDir, loadConfig, parseConfig, readSecret } from "../../../src/cli/config.js";
import { CertificateTypes } from "../../../src/profiles/schema.js";
import { isStationError } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";

const plant = `schema: 1
mode: plant
servers:
  external:
    vpki: [https://vpki.example]
    kms: [https://kms-1.example:8443, https://kms-2.example]
    caFile: tls/ca.pem
    chainFile: /etc/station/chain.pem
secrets: { cluster: { file: secrets/cluster.hex } }
`;
const read = (text: string) => parseConfig(text, "/plant/station.yaml", undefined, { XDG_DATA_HOME: "/xdg" });
const fault = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    if (isStationError(error, "CONFIG_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
};

describe("without a file", () => {
  it("the simulator's defaults hold", async () => {
    const config = await loadConfig(undefined, undefined, { XDG_DATA_HOME: "/xdg" });
    expect(config).toMatchObject({
      file: undefined,
      mode: "simulator",
      language: "both",
      orders: "simulator",
      station: { id: "station-1", bays: [{ name: "1" }] },
      dataDir: "/xdg/ecustation",
      servers: { kind: "embedded", host: "127.0.0.1", vpkiPort: 0, kmsPort: 0, asSeen: [] },
    });
    expect(config.servers).toMatchObject({ registry: join(packageRoot(), "config", "registry.simulator.yaml") });
  });

  it("they are what config/station.simulator.yaml says", async () => {
    const file = join(packageRoot(), "config", "station.simulator.yaml");
    const [builtIn, written] = await Promise.all([loadConfig(undefined, "/d", {}), loadConfig(file, "/d", {})]);
    expect(written.servers).toEqual(builtIn.servers);
    expect(written.limits).toEqual(builtIn.limits);
    expect([...written.secrets.keys()]).toEqual([...builtIn.secrets.keys()]);
    const [a, b] = await Promise.all([
      readSecret(builtIn, "simulator-cluster"),
      readSecret(written, "simulator-cluster"),
    ]);
    expect(a.use((bytes) => [...bytes])).toEqual(b.use((bytes) => [...bytes]));
  });
});

describe("a plant's file", () => {
  it("has its paths counted from its folder", () => {
    const config = read(plant);
    expect(config.servers).toEqual({
      kind: "external",
      vpki: ["https://vpki.example"],
      kms: ["https://kms-1.example:8443", "https://kms-2.example"],
      sharedStore: [],
      caFile: resolve("/plant/tls/ca.pem"),
      chainFile: resolve("/etc/station/chain.pem"),
    });
    expect(config.secrets.get("cluster")).toEqual({ file: resolve("/plant/secrets/cluster.hex") });
    expect(config.orders).toBe("none");
    expect(config.profileDirs).toEqual([join(packageRoot(), "hw-profiles")]);
  });

  it.each([
    ["true", CertificateTypes],
    ["false", []],
    ["[ccu-sha512]", ["ccu-sha512"]],
  ])("may have certificates issued as seen: %s", (written, types) => {
    const { servers } = read(`schema: 1\nmode: simulator\nservers: { embedded: { asSeen: ${written} } }\n`);
    expect(servers).toMatchObject({ asSeen: types });
  });

  it("may name embedded servers in part", () => {
    const { servers } = read("schema: 1\nmode: simulator\nservers: { embedded: { kmsPort: 9443 } }\n");
    expect(servers).toMatchObject({ kind: "embedded", host: "127.0.0.1", vpkiPort: 0, kmsPort: 9443, asSeen: [] });
  });

  it.each([
    [
      "a secret in the clear",
      plant.replace("{ file: secrets/cluster.hex }", '{ hex: "00ff" }'),
      /^\/plant\/station\.yaml:9:28: secrets\.cluster\.hex: may stand here in mode: simulator only/,
    ],
    ["inputs made up", `${plant}orders: simulator\n`, /:10:9: orders: makes inputs up/],
    ["plain HTTP", plant.replace("https://vpki", "http://vpki"), /:5:12: servers\.external\.vpki\[0\]/],
    [
      "a certificate without its key",
      plant.replace("caFile: tls", "clientCertFile: c.pem\n    caFile: tls"),
      /:5:5: servers\.external: names one of clientCertFile and clientKeyFile/,
    ],
    [
      "a server key that is no hash",
      plant.replace("caFile: tls", "serverKeys: [sha256/AAAA]\n    caFile: tls"),
      /servers\.external\.serverKeys\[0\]/,
    ],
    [
      "a common store of no list",
      plant.replace("caFile: tls", "sharedStore: [mes]\n    caFile: tls"),
      /sharedStore\[0\]/,
    ],
    [
      "both kinds of servers",
      plant.replace("  external:", "  embedded: {}\n  external:"),
      /servers\.external: stands beside embedded/,
    ],
    [
      "a bay twice",
      `${plant}station: { bays: [{ name: A }, { name: A }] }\n`,
      /:10:40: station\.bays\[1\]\.name: is another bay's too/,
    ],
    [
      "a bay at a link of no kind",
      `${plant}station: { bays: [{ name: A, link: "usb:can0" }] }\n`,
      /:10:36: station\.bays\[0\]\.link: The link address is not valid: .*usb/,
    ],
    [
      "a bay with a token that is not there",
      `${plant}station: { bays: [{ name: A, tokens: { ccu-hsm: hsm-a } }] }\n`,
      /:10:49: station\.bays\[0\].tokens\.ccu-hsm: is hsm-a, which tokens does not have/,
    ],
    ["an unknown limit", `${plant}limits: { reqest: 5 }\n`, /:10:11: limits\.reqest: unknown key/],
    ["a secret's name with a blank", plant.replace("{ cluster", "{ a b"), /:9:12: secrets\.a b: unknown key/],
    [
      "servers open to other machines without an allow list",
      "schema: 1\nmode: simulator\nservers:\n  embedded:\n    host: 0.0.0.0\n",
      /:5:11: servers\.embedded\.host: opens the servers to other machines without an allow list/,
    ],
  ])("with %s is refused with its line", (_, text, expected) => {
    expect(fault(text)).toMatch(expected);
  });
});

describe("a secret", () => {
  it("that no configuration has is asked for by name", async () => {
    await expect(readSecret(read(plant), "other")).rejects.toThrow(/secrets\.other: is missing/);
  });

  it("never shows in the configuration's text", async () => {
    const config = await loadConfig(undefined, undefined, {});
    const [, source] = [...config.secrets][0] ?? [];
    expect(JSON.stringify(source)).toBe('{"hex":"[redacted]"}');
  });

  it("is a copy, so that wiping one leaves the next", async () => {
    const config = await loadConfig(undefined, undefined, {});
    (await readSecret(config, "simulator-cluster")).wipe();
    expect((await readSecret(config, "simulator-cluster")).use((bytes) => bytes.some((byte) => byte !== 0))).toBe(true);
  });
});

describe("the default data folder", () => {
  it.each([
    ["linux", { XDG_DATA_HOME: "/xdg" }, /^\/xdg\/ecustation$/],
    ["linux", { XDG_DATA_HOME: "relative" }, /\.local\/share\/ecustation$/],
    ["linux", {}, /\.local\/share\/ecustation$/],
    ["win32", { LOCALAPPDATA: "L" }, /^L[\\/]ecustation$/],
    ["win32", {}, /AppData[\\/]Local[\\/]ecustation$/],
  ] as const)("on %s with %o", (platform, env, expected) => {
    expect(defaultDataDir(env, platform)).toMatch(expected);
  });
});
