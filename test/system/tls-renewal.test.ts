/** A station that runs for years: its certificates are renewed under it, on real sockets, and its units do not notice. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AppContext, Station } from "../../src/app.js";
import type { Page } from "../../src/hmi/api/server.js";
import { ensureTls } from "../../src/servers/http/tls.js";
import { systemClock, VirtualClock } from "../../src/shared/clock.js";
import { jsonLogger } from "../../src/shared/logger.js";
import { built, tempFolder } from "./harness.js";

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** Of the 397 that a certificate lives: less than a quarter is left. */
const AGE = 300 * DAY;

/** Its wall time is moved without one of its timers falling due. */
class MovedClock extends VirtualClock {
  moved = 0;

  override now(): number {
    return super.now() + this.moved;
  }
}

const folder = tempFolder("tls-renewal");
const file = (name: string) => join(folder, name);
const signal = new AbortController().signal;
// Certificates of then are valid today, and so are those that are made today.
const clock = new MovedClock(Date.now() - AGE);
const lines: { message: string; server?: string }[] = [];
let heard = () => {};
const logger = jsonLogger(
  (line) => {
    lines.push(JSON.parse(line));
    heard();
  },
  () => 0,
);
let station: Station;
let page: Page;

/** Resolves once the log has it; the test's own limit bounds it. */
async function told(message: string, server: string): Promise<void> {
  while (!lines.some((line) => line.message === message && line.server === server))
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
}

/** The certificate that a new connection meets, DER in hex. */
function met(url: string, ca: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca, cert: "", key: "" }, () => {
      resolve(socket.getPeerX509Certificate()?.raw.toString("hex") ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

/** The page's certificate is the plant's, in files of its own. */
async function pageFiles(name: string): Promise<{ ca: string; cert: string }> {
  const { caPem, certPem, keyPem } = await ensureTls(file(name), { clock: systemClock });
  writeFileSync(file("page.crt"), certPem);
  writeFileSync(file("page.key"), keyPem);
  return { ca: caPem, cert: certPem };
}

beforeAll(async () => {
  await pageFiles("first");
  writeFileSync(
    file("station.yaml"),
    `schema: 1
mode: simulator
data: data
page: { tls: { certFile: page.crt, keyFile: page.key } }
`,
  );
  const { loadConfig } = await built<typeof import("../../src/cli/config.js")>("dist/src/cli/config.js");
  const config = await loadConfig(file("station.yaml"), undefined, {});
  const context: AppContext = { config, clock, logger, env: {}, signal };
  const { openStation } = await built<typeof import("../../src/app.js")>("dist/src/app.js");
  station = await openStation(context);
  const { Bays } = await built<typeof import("../../src/station/bays/bays.js")>("dist/src/station/bays/bays.js");
  const { BayOrders } = await built<typeof import("../../src/cli/bay-orders.js")>("dist/src/cli/bay-orders.js");
  const { LiveTraces } = await built<typeof import("../../src/cli/page/live-trace.js")>(
    "dist/src/cli/page/live-trace.js",
  );
  const { openStationPage } = await built<typeof import("../../src/cli/page/open.js")>("dist/src/cli/page/open.js");
  const bays = new Bays({ places: [{ name: "1" }], clock, logger });
  const orders = new BayOrders(bays, station, context, () => undefined);
  page = await openStationPage(context, station, orders, new LiveTraces(["1"], clock));
});
afterAll(async () => {
  await clock.drive(page.close());
  await clock.drive(station.close());
});

it("the servers' certificate and the station's are renewed, and the station goes on with both", async () => {
  const { servers } = station;
  if (servers === undefined) throw new Error("there are no servers");
  const ca = readFileSync(servers.ca, "utf8");
  const client = readFileSync(servers.clientCert, "utf8");
  const before = await met(servers.kms, ca);
  await Promise.all([station.kms.ping(signal), station.vpki.ping(signal)]);
  clock.moved = AGE;
  await clock.advance(HOUR);
  await told("TLS certificate taken", "vpki, kms");
  const [kms, vpki] = await Promise.all([met(servers.kms, ca), met(servers.vpki, ca)]);
  expect(kms).not.toBe(before);
  expect(vpki).toBe(kms);
  expect(readFileSync(servers.ca, "utf8")).toBe(ca);
  expect(readFileSync(servers.clientCert, "utf8")).not.toBe(client);
  await Promise.all([station.kms.ping(signal), station.vpki.ping(signal)]);
});

it("the page's new files count within a minute", async () => {
  const { ca, cert } = await pageFiles("second");
  await clock.advance(HOUR / 60);
  await told("TLS certificate taken", "page");
  const der = Buffer.from(cert.replace(/-----[^-]+-----|\s/g, ""), "base64").toString("hex");
  expect(await met(page.url, ca)).toBe(der);
});
