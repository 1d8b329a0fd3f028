import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";
import { type Ran, ran } from "./io-helper.js";

const HEX = "0123456789abcdef0123456789abcdef";
const PIN = "PIN-of-the-token";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "config-check-"));
  await write("good.hex", HEX);
  await write("empty.hex", "\n");
  await write("words.hex", PIN);
  await write("pin", PIN);
  await write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
  await write("broken.yaml", "schema: 1\nname: [\n");
  await write("registry.yaml", "suppliers: []\nectypes: []\n");
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), 0o640);
}

async function checked(text: string): Promise<Ran> {
  await write("station.yaml", text);
  return ran(["config", "check", join(folder, "station.yaml"), "--data", join(folder, "data")]);
}

const HEAD = "schema: 1\nmode: simulator\n";
const TOKEN = (pin: string) => `tokens: { hsm: { module: hsm.so, token: t, pinFile: ${pin} } }`;
const EXTERNAL = (more: string) =>
  `servers: { external: { vpki: ["https://v.example"], kms: ["https://k.example"], caFile: ca.pem, ${more} } }`;

describe("config check", () => {
  it.each([
    [
      "a bay's profile that is not there",
      "station: { bays: [{ name: A, profile: evc }] }",
      /:3:39: station\.bays\[0\]\.profile: There is no such profile: evc \(there are .*evcc/,
    ],
    [
      "a bay's profile that is none",
      "station: { bays: [{ name: A, profile: broken.yaml }] }",
      /:3:39: station\.bays\[0\]\.profile: Profile error: .*broken\.yaml:\d+:\d+: /,
    ],
    [
      "a scan's profile that is not there",
      'page: { rules: [{ pattern: "A.*", profile: ./none.yaml }] }',
      /:3:44: page\.rules\[0\]\.profile: There is no such profile: .*none\.yaml/,
    ],
    [
      "a secret's file that is not there",
      "secrets: { a: { file: none.hex } }",
      /:3:23: secrets\.a\.file: .*none\.hex: there is no such file/,
    ],
    [
      "an empty secret",
      "secrets: { a: { file: empty.hex } }",
      /:3:23: secrets\.a\.file: .*empty\.hex: is not a secret/,
    ],
    [
      "a secret that is no hex",
      "secrets: { a: { file: words.hex } }",
      /:3:23: secrets\.a\.file: .*words\.hex: is not a secret \(expected 1–64 bytes of hex\)/,
    ],
    ["a PIN's file that is not there", TOKEN("none"), /:3:53: tokens\.hsm\.pinFile: .*none: there is no such file/],
    ["an empty PIN", TOKEN("empty.hex"), /:3:53: tokens\.hsm\.pinFile: .*empty\.hex: is empty/],
    [
      "a registry that is not there",
      "servers: { embedded: { registry: none.yaml } }",
      /:3:34: servers\.embedded\.registry: .*none\.yaml: /,
    ],
    [
      "a registry that is none",
      "servers: { embedded: { registry: registry.yaml } }",
      /:3:34: servers\.embedded\.registry: .*registry\.yaml:2:1: ectypes: unknown key/,
    ],
    [
      "a client key that is not there",
      EXTERNAL("clientCertFile: ca.pem, clientKeyFile: none.key"),
      /servers\.external\.clientKeyFile: .*none\.key: there is no such file/,
    ],
    [
      "a page's key that is not there",
      "page: { tls: { certFile: ca.pem, keyFile: none.key } }",
      /:3:43: page\.tls\.keyFile: .*none\.key: there is no such file/,
    ],
    [
      "a webhook's secret that is no hex",
      'results: { sinks: { mes: { kind: webhook, url: "https://m.example/r", caFile: ca.pem, secretFile: words.hex } } }',
      /:3:99: results\.sinks\.mes\.secretFile: .*words\.hex: is not a secret/,
    ],
    [
      "two servers at one port",
      "servers: { embedded: { vpkiPort: 8443, kmsPort: 8443 } }",
      /:3:49: servers\.embedded\.kmsPort: is 8443, as servers\.embedded\.vpkiPort \(expected another port\)/,
    ],
    [
      "the page at the status port",
      "servers: { embedded: { statusPort: 8080 } }\npage: { port: 8080 }",
      /:4:15: page\.port: is 8080, as servers\.embedded\.statusPort/,
    ],
  ])("tells %s, in one line with its place and without what is in the file", async (_, lines, complaint) => {
    const { code, out, err } = await checked(`${HEAD}${lines}\n`);
    expect(err).toMatch(complaint);
    expect(err).toMatch(/^ecustation: Configuration error: \S*station\.yaml:\d+:\d+: .*\n$/);
    expect(err + out).not.toContain(PIN);
    expect([code, out]).toEqual([2, ""]);
  });

  it("tells a security access key that is not there by the profile that names it", async () => {
    const evcc = await readFile(join(packageRoot(), "hw-profiles", "evcc.yaml"), "utf8");
    await write("own.yaml", evcc.replace(/key: \{ hex: .*? \}/, "key: { file: none.hex }"));
    const { code, err } = await checked(`${HEAD}station: { bays: [{ name: A, profile: own.yaml }] }\n`);
    expect(err).toMatch(/:3:39: station\.bays\[0\]\.profile: .*none\.hex: there is no such file\n$/);
    expect(code).toBe(2);
  });

  it("takes a configuration whose files are all right, and ports that the system picks", async () => {
    const { code, out, err } = await checked(
      `${HEAD}${TOKEN("pin")}\nsecrets: { a: { file: good.hex } }\nstation: { bays: [{ name: A, profile: evcc }] }\nservers: { embedded: { vpkiPort: 0, kmsPort: 0, statusPort: 0 } }\n`,
    );
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/station\.yaml: valid/);
  });
});
