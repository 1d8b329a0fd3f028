import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { openOrders } from "../../../src/cli/orders/config.js";
import { openSinks } from "../../../src/cli/results.js";
import { systemClock } from "../../../src/shared/clock.js";
import { isStationError } from "../../../src/shared/errors.js";
import { silentLogger } from "../../../src/shared/logger.js";

const FILE = "/plant/station.yaml";
const HEAD = "schema: 1\nmode: plant\n";
const read = (text: string) => parseConfig(HEAD + text, FILE, "/data", {});

/** The complaint without the file's name; its lines count from the section under test. */
function fault(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (!isStationError(error, "CONFIG_INVALID")) throw error;
    const [, line, rest] = /^\/plant\/station\.yaml:(\d+):(.*)$/.exec(String(error.details.what)) ?? [];
    return `${Number(line) - 2}:${rest}`;
  }
  return "no error";
}

describe("orders of the configuration", () => {
  it("of a folder and of an address have their defaults, and paths from the file's folder", () => {
    expect(read("orders: { kind: folder, path: in }\n").orders).toEqual({
      kind: "folder",
      path: "/plant/in",
      key: "vin",
      timeout: 5_000,
    });
    expect(read('orders: { kind: http, url: "https://mes/o/${vin}", caFile: ca.pem }\n').orders).toEqual({
      kind: "http",
      url: "https://mes/o/${vin}",
      peer: { caFile: "/plant/ca.pem" },
      timeout: 5_000,
      attempts: 3,
    });
  });

  const http = (more: string, url = "https://mes/o/${vin}") =>
    `orders:\n  kind: http\n  url: "${url}"\n  caFile: ca.pem\n${more}`;
  it.each([
    ["orders: { kind: folder }\n", "1:9: orders.path: is missing (expected text of length at least 1)"],
    ["orders: { kind: ftp, path: in }\n", '1:17: orders.kind: wrong value "ftp" (expected one of folder, http)'],
    ["orders: nobody\n", /^1:9: orders: wrong value "nobody" \(expected one of simulator, none or /],
    ["orders: { kind: folder, path: in, keys: vin }\n", /^1:35: orders\.keys: unknown key/],
    [
      "orders: { kind: folder, path: in, timeout: 5 }\n",
      /^1:44: orders\.timeout: wrong value 5 \(expected .*100–600000\)/,
    ],
    ['orders: { kind: http, url: "https://mes/${vin}" }\n', /^1:9: orders\.caFile: is missing/],
    [http("", "http://mes/${vin}"), /^3:8: orders\.url: wrong value "http:\/\/mes\/\$\{vin\}"/],
    [http("", "https://kim:pw@mes/${vin}"), /^3:8: orders\.url: wrong value/],
    [http("", "https://mes:99999/${vin}"), "3:8: orders.url: is no address"],
    [http("", "https://mes/orders"), "3:8: orders.url: has no place for a unit's vin or another input (docs/mes.md)"],
    [http("", "https://${vin}/orders"), /^3:8: orders\.url: wrong value/],
    [http("  attempts: 0\n"), /^5:13: orders\.attempts: wrong value 0 \(expected .*1–100\)/],
    [
      http("  clientKeyFile: k.pem\n"),
      "2:3: orders: names one of clientCertFile and clientKeyFile (expected both or none)",
    ],
  ])("that read %j are refused with their line", (text, expected) => {
    if (typeof expected === "string") expect(fault(text)).toBe(expected);
    else expect(fault(text)).toMatch(expected);
  });
});

describe("results of the configuration", () => {
  const sink = (text: string, name = "mes") => `results:\n  sinks:\n    ${name}: { ${text} }\n`;

  it("have receivers by name with their defaults, and limits in ms", () => {
    const text = `${sink("kind: webhook, url: https://mes/in, caFile: ca.pem, secretFile: mes.hex")}    broker: { kind: mqtt, url: "mqtt://[::1]:1884", topic: t }\n  limits: { age: 60 }\n`;
    const { sinks, limits } = read(text).results;
    expect(limits).toEqual({ rows: 10_000, bytes: 67_108_864, age: 60_000 });
    expect([...sinks.values()]).toMatchObject([
      { kind: "webhook", peer: { caFile: "/plant/ca.pem" }, secretFile: "/plant/mes.hex", timeout: 10_000 },
      { kind: "mqtt", version: "5", peer: undefined },
    ]);
  });

  it.each([
    [sink("kind: folder, path: out", "kms"), "3:10: results.sinks.kms: is the name of the KMS (expected another one)"],
    [sink("kind: folder, path: out", '"a b"'), /^3:5: results\.sinks\.a b: unknown key/],
    [sink("kind: folder"), "3:10: results.sinks.mes.path: is missing (expected text of length at least 1)"],
    [
      sink("kind: mail, to: kim"),
      /^3:18: results\.sinks\.mes\.kind: wrong value "mail" \(expected one of webhook, folder, mqtt\)/,
    ],
    [sink("kind: webhook, url: https://mes/in, secretFile: s"), /^3:10: results\.sinks\.mes\.caFile: is missing/],
    [sink("kind: webhook, url: https://mes/in, caFile: c"), /^3:10: results\.sinks\.mes\.secretFile: is missing/],
    [
      sink("kind: webhook, url: http://mes/in, caFile: c, secretFile: s"),
      /^3:32: results\.sinks\.mes\.url: wrong value/,
    ],
    [
      sink("kind: webhook, url: https://kim:pw@mes/in, caFile: c, secretFile: s"),
      /^3:32: results\.sinks\.mes\.url: wrong value/,
    ],
    [
      sink("kind: webhook, url: https://mes:99999, caFile: c, secretFile: s"),
      "3:32: results.sinks.mes.url: is no address",
    ],
    [
      sink('kind: mqtt, url: "mqtt://broker", topic: t'),
      "3:29: results.sinks.mes.url: leaves this machine in the clear (expected mqtts:)",
    ],
    [sink('kind: mqtt, url: "mqtts://broker", topic: t'), "3:10: results.sinks.mes: has no caFile, which mqtts: needs"],
    [
      sink('kind: mqtt, url: "mqtt://127.0.0.1", topic: t, caFile: c'),
      "3:29: results.sinks.mes.url: is mqtt:, which knows no certificates (expected mqtts:)",
    ],
    [
      sink('kind: mqtt, url: "mqtts://kim@broker", topic: t, caFile: c'),
      /^3:29: results\.sinks\.mes\.url: wrong value/,
    ],
    [
      sink('kind: mqtt, url: "mqtts://broker", topic: "a/#", caFile: c'),
      /^3:54: results\.sinks\.mes\.topic: wrong value "a\/#"/,
    ],
    [
      sink('kind: mqtt, url: "mqtts://broker", topic: t, caFile: c, passwordFile: p'),
      /^3:\d+: results\.sinks\.mes\.passwordFile: stands without username$/,
    ],
    [
      sink('kind: mqtt, url: "mqtts://broker", topic: t, caFile: c, version: "4"'),
      /results\.sinks\.mes\.version: wrong value/,
    ],
    [
      sink("kind: webhook, url: https://mes/in, caFile: c, secretFile: s, clientCertFile: x"),
      "3:10: results.sinks.mes: names one of clientCertFile and clientKeyFile (expected both or none)",
    ],
    ["results: { limits: { rows: 0 } }\n", /^1:28: results\.limits\.rows: wrong value 0 \(expected .*1–1000000\)/],
    ["results: { limits: { bytes: 1 } }\n", /^1:29: results\.limits\.bytes: wrong value 1/],
    ["results: { limits: { age: 0.5 } }\n", /^1:27: results\.limits\.age: wrong value 0\.5/],
    ["results: { limit: {} }\n", /^1:12: results\.limit: unknown key/],
  ])("that read %j are refused with their line", (text, expected) => {
    if (typeof expected === "string") expect(fault(text)).toBe(expected);
    else expect(fault(text)).toMatch(expected);
  });
});

describe("a file that orders or results name", () => {
  const webhook =
    "results: { sinks: { mes: { kind: webhook, url: https://mes/in, caFile: CA, secretFile: SECRET } } }\n";
  const mqtt = `results: { sinks: { mes: { kind: mqtt, url: "mqtts://b", topic: t, caFile: CA, username: u, passwordFile: SECRET } } }\n`;
  it.each([
    ["webhook's CA", webhook, { SECRET: "aa" }, /CA: there is no such file$/],
    ["webhook's secret", webhook, { CA: "x" }, /SECRET: there is no such file$/],
    [
      "webhook's secret, which is no hex,",
      webhook,
      { CA: "x", SECRET: "hello" },
      /SECRET: is not a secret \(expected 1–64 bytes of hex\)$/,
    ],
    ["broker's password", mqtt, { CA: "x" }, /SECRET: there is no such file$/],
    ["broker's CA", mqtt, { SECRET: "x" }, /CA: there is no such file$/],
    ["MES's CA", 'orders: { kind: http, url: "https://mes/${vin}", caFile: CA }\n', {}, /CA: there is no such file$/],
  ])("(the %s) is told at the start where it is not right", async (_, text, files, what) => {
    const folder = mkdtempSync(join(tmpdir(), "mes-config-"));
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
      const { results, orders } = parseConfig(HEAD + text, join(folder, "station.yaml"), folder, {});
      const parts = { station: "line-3", clock: systemClock, logger: silentLogger };
      const opened = openSinks(results, parts).then(() => openOrders(orders, systemClock, silentLogger));
      await expect(opened).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        details: { what: expect.stringMatching(what) },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
