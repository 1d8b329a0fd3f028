/** A plant's station for the page's tests: TLS on an address of its own, a profile that two people must approve, a simulated ECU at its bay, a MES. */

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ensureTls } from "../../../src/servers/http/tls.js";
import { systemClock } from "../../../src/shared/clock.js";
import {
  PLANT_SECRET,
  type Running,
  root,
  run,
  start,
  startEcu,
  tempFolder,
  writePlantRegistry,
} from "../../system/harness.js";

/** Not the address that a page has where nothing is configured. */
const HOST = "127.0.0.2";
const EXAMPLE_KEY = '{ hex: "00112233445566778899aabbccddeeff" }';

export class Plant {
  /** What the MES answers to each result. */
  mes = 200;
  /** Results that the MES took, by their idempotency key. */
  readonly taken: string[] = [];
  readonly folder = tempFolder("plant");
  readonly global = ["--config", join(this.folder, "station.yaml"), "--data", join(this.folder, "data")];
  url = "";
  /** PEM of the page's certificate. */
  certificate = "";
  #server: Server | undefined;
  #ecu: Running | undefined;
  #station: Running | undefined;

  async open(users: Readonly<Record<string, readonly [role: string, pin: string]>>): Promise<void> {
    const { certPem, keyPem, caFile } = await ensureTls(join(this.folder, "tls"), {
      clock: systemClock,
      hosts: [HOST],
    });
    this.certificate = certPem;
    this.write("page.crt", certPem);
    this.write("page.key", keyPem);
    this.write("mes.hex", "5f".repeat(32));
    this.write("bms.hex", "8f".repeat(16));
    this.write("secret.hex", PLANT_SECRET);
    writePlantRegistry(this.folder);
    const evcc = readFileSync(join(root, "hw-profiles", "evcc.yaml"), "utf8");
    this.write("bms.yaml", evcc.replace("name: evcc", "name: bms").replace(EXAMPLE_KEY, "{ file: bms.hex }"));
    const ecu = await startEcu(join(this.folder, "bms.yaml"));
    this.#ecu = ecu;
    this.write(
      "station.yaml",
      `schema: 1
mode: plant
station: { id: plant-e2e, bays: [{ name: A, link: "${ecu.url}", profile: bms, power: { supply: "manual:" } }] }
profiles: { folder: ., approvals: 2 }
servers: { embedded: { registry: registry.yaml } }
secrets: { simulator-cluster: { file: secret.hex } }
traces: { formats: [pcapng, asc] }
results:
  sinks:
    mes: { kind: webhook, url: "https://127.0.0.1:${await this.#openMes(certPem, keyPem)}/results", caFile: ${caFile}, secretFile: mes.hex }
page:
  host: ${HOST}
  tls: { certFile: page.crt, keyFile: page.key }
  session: { tries: 2, pause: 2000 }
`,
    );
    for (const [name, [role, pin]] of Object.entries(users))
      await run("ecustation", ["users", "add", name, "--role", role, ...this.global], { input: `${pin}\n` });
    await this.start();
  }

  async start(): Promise<void> {
    this.#station = start("ecustation", ["serve", ...this.global], { limit: 600_000 });
    const first = await this.#station.line((line) => line.startsWith("{"));
    this.url = (JSON.parse(first) as { page: string }).page;
  }

  async stop(): Promise<void> {
    await this.#station?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#ecu?.stop();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)));
  }

  file(...path: readonly string[]): Buffer {
    return readFileSync(join(this.folder, "data", ...path));
  }

  private write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text, { mode: 0o600 });
  }

  async #openMes(cert: string, key: string): Promise<number> {
    const server = createServer({ cert, key }, (request, response) => {
      request.resume().on("end", () => {
        if (this.mes < 300) this.taken.push(String(request.headers["idempotency-key"]));
        response.writeHead(this.mes).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }
}
