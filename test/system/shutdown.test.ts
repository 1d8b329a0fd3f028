/** The end of `ecustation servers` under load: no request that was taken goes without its whole answer. */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { Agent, request } from "undici";
import { describe, expect, it } from "vitest";
import { root, run, type Servers, start, startCommand, startServers, tempFolder } from "./harness.js";

const ECU = "010203040506070801020304000300010000000000000000000";
const body = (i: number) =>
  JSON.stringify({ ProvisioningType: "EcuMasterKey", EcuID: `${ECU}${String(100 + i)}`, KeyID: "1" });
const KEY = "/app/automotive/supplierKeyProvisioning";

/** A keep-alive client that knows of every request whether a byte of its answer came, and whether the whole. */
class Client {
  answered = 0;
  readonly broken: string[] = [];
  toldToClose = 0;
  #socket: TLSSocket | undefined;

  constructor(
    readonly port: number,
    readonly options: ConnectionOptions,
    readonly number: number,
  ) {}

  /** Asks one after the other until the server takes no connection any more. */
  async run(): Promise<void> {
    for (;;) {
      const socket = this.#socket ?? (await this.#open());
      if (socket === undefined) return;
      this.#socket = socket;
      await this.#ask(socket);
    }
  }

  #open(): Promise<TLSSocket | undefined> {
    return new Promise((resolve) => {
      const socket = connectTls({ host: "127.0.0.1", port: this.port, ...this.options }, () => resolve(socket));
      socket.on("error", () => resolve(undefined));
    });
  }

  #ask(socket: TLSSocket): Promise<void> {
    return new Promise((resolve) => {
      let text = "";
      const done = () => {
        socket.removeAllListeners("data").removeAllListeners("close");
        resolve();
      };
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const [, head, rest] = /^([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(text) ?? [];
        const length = Number(/content-length: (\d+)/i.exec(head ?? "")?.[1] ?? Number.NaN);
        if (rest?.length !== length) return;
        if (!head?.startsWith("HTTP/1.1 200")) this.broken.push(head?.split("\r\n")[0] ?? "");
        this.answered++;
        if (/connection: close/i.test(head ?? "")) {
          this.toldToClose++;
          socket.destroy();
          this.#socket = undefined;
        }
        done();
      });
      socket.on("close", () => {
        // Without a byte of an answer it was an idle connection that ended as the request was sent: a client sends that again.
        if (text !== "") this.broken.push(`cut off after ${text.length} bytes`);
        this.#socket = undefined;
        done();
      });
      const text200 = body(this.number);
      socket.write(
        `POST ${KEY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text200.length}\r\n\r\n${text200}`,
      );
    });
  }
}

const tlsOf = ({ ca, clientCert, clientKey }: Servers): ConnectionOptions => ({
  ...{ ca: readFileSync(ca), cert: readFileSync(clientCert), key: readFileSync(clientKey) },
});

async function agentOf(servers: Servers) {
  const { ca, cert, key } = tlsOf(servers);
  return new Agent({ connect: { ca: String(ca), cert: String(cert), key: String(key) } });
}

describe("SIGTERM to ecustation servers", () => {
  it("with 24 keep-alive clients that never stop asking: each answer whole, each client told to close, exit 0", async () => {
    const servers = await startServers(["--data", tempFolder()]);
    const port = Number(new URL(servers.kms).port);
    const clients = Array.from({ length: 24 }, (_, i) => new Client(port, tlsOf(servers), i));
    const runs = Promise.all(clients.map((client) => client.run()));
    await expect.poll(() => clients.every(({ answered }) => answered >= 3), { timeout: 30_000 }).toBe(true);
    const ended = await servers.stop();
    await runs;
    expect(clients.flatMap(({ broken }) => broken)).toEqual([]);
    expect(clients.filter(({ toldToClose }) => toldToClose === 0).map(({ number }) => number)).toEqual([]);
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
  });

  it("with a request whose body is still on its way: readyz says 503, the request is answered, then nobody listens", async () => {
    const servers = await startServers(["--data", tempFolder()]);
    const agent = await agentOf(servers);
    const probe = async () => (await request(`${servers.kms}/readyz`, { dispatcher: agent, reset: true })).statusCode;
    expect(await probe()).toBe(200);
    const port = Number(new URL(servers.kms).port);
    const socket = connectTls({ host: "127.0.0.1", port, ...tlsOf(servers) });
    const answer = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on("close", () => resolve(text));
    });
    const sent = body(1);
    const head = `POST ${KEY} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${sent.length}\r\n\r\n`;
    const begun = new Promise((resolve) => void socket.once("data", resolve));
    socket.write(head);
    // "100 Continue": the server has taken the request.
    await begun;
    servers.child.kill("SIGTERM");
    await expect.poll(probe, { timeout: 9_000 }).toBe(503);
    socket.write(sent);
    expect(await answer).toMatch(/200 OK[\s\S]*connection: close[\s\S]*"ResultStatus":"Success"/i);
    expect((await servers.finished).code).toBe(0);
    await agent.close();
    await expect(new Promise((_, reject) => connect(port, "127.0.0.1").on("error", reject))).rejects.toThrow();
  });

  it("while it starts is a clean end, wherever it comes", async () => {
    const data = tempFolder();
    for (const pause of [300, 600, 900, 1_200]) {
      const servers = start("ecustation", ["servers", "--data", data]);
      await new Promise((resolve) => setTimeout(resolve, pause));
      const { code, signal, stderr } = await servers.stop();
      // Before the program has its handler, the system ends it.
      expect(signal === "SIGTERM" || code === 0).toBe(true);
      expect(stderr).toBe("");
    }
  });

  it("cuts off at the limit of the configuration a client that never ends its request", async () => {
    const data = tempFolder();
    const config = join(data, "station.yaml");
    writeFileSync(
      config,
      "schema: 1\nmode: simulator\nservers: { embedded: { shutdown: { notice: 0, limit: 300 } } }\n",
    );
    const servers = await startServers(["--data", data, "--config", config]);
    const socket = connectTls({ host: "127.0.0.1", port: Number(new URL(servers.kms).port), ...tlsOf(servers) });
    const begun = new Promise((resolve) => void socket.once("data", resolve));
    socket.on("error", () => undefined);
    socket.write(`POST ${KEY} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n`);
    await begun;
    expect((await servers.stop()).code).toBe(0);
  });
});

describe("SIGHUP to ecustation servers", () => {
  it("without an allow list, as systemctl reload sends it to them: they go on", async () => {
    const servers = await startServers(["--data", tempFolder(), "--log"]);
    const reloaded = new Promise<void>((resolve) => {
      servers.child.stderr.on("data", (chunk: Buffer) => chunk.includes("told to reload") && resolve());
    });
    servers.child.kill("SIGHUP");
    await Promise.race([reloaded, servers.finished]);
    const { code, signal, stderr } = await servers.stop();
    expect([code, signal]).toEqual([0, null]);
    expect(stderr).toContain('"told to reload"');
  });
});

describe("SIGHUP to ecustation serve", () => {
  it("under nohup changes nothing", async () => {
    const program = join(root, "bin/ecustation.js");
    const serve = startCommand("nohup", ["node", program, "serve", "--data", tempFolder(), "--log"]);
    await serve.line(() => true);
    const heard = new Promise<void>((resolve) => {
      serve.child.stderr.on("data", (chunk: Buffer) => chunk.includes("SIGHUP without a terminal") && resolve());
    });
    serve.child.kill("SIGHUP");
    await Promise.race([heard, serve.finished]);
    const { code, signal, stderr } = await serve.stop();
    expect([code, signal]).toEqual([0, null]);
    expect(stderr).toContain("SIGHUP without a terminal");
  });
});

describe("the servers as an operator sees them", () => {
  it("answer health, metrics and docs; the rate limit of the configuration holds; logs and metrics hold no secret", async () => {
    const data = tempFolder();
    const config = join(data, "station.yaml");
    writeFileSync(
      config,
      "schema: 1\nmode: simulator\nservers: { embedded: { rateLimit: { rate: 0.1, burst: 9 } } }\n",
    );
    const servers = await startServers(["--data", data, "--config", config, "--log"]);
    const agent = await agentOf(servers);
    const get = (url: string, headers = {}) => request(url, { dispatcher: agent, headers });
    const key = await request(servers.kms + KEY, {
      ...{ method: "POST", dispatcher: agent, body: body(7) },
      headers: { "content-type": "application/json", "x-request-id": "unit-7" },
    });
    const set = (await key.body.json()) as { Records: Record<string, string> };
    expect([key.statusCode, key.headers["x-request-id"]]).toEqual([200, "unit-7"]);
    const ready = await get(`${servers.vpki}/readyz`);
    expect([ready.statusCode, await ready.body.json()]).toMatchObject([200, { ready: true }]);
    expect(await (await get(`${servers.vpki}/healthz`)).body.json()).toEqual({ status: "ok" });
    const openapi = (await (await get(`${servers.kms}/docs`)).body.json()) as { openapi: string; paths: object };
    expect([openapi.openapi, Object.keys(openapi.paths).length]).toEqual(["3.1.0", 17]);
    const page = await get(`${servers.vpki}/docs`, { accept: "text/html" });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    await page.body.text();
    const metrics = await (await get(`${servers.vpki}/metrics`)).body.text();
    expect(metrics).toContain('ecustation_kms_sets_issued_total{type="EcuMasterKey"} 1');
    expect(metrics).toMatch(/ecustation_store_call_seconds_count\{store="kms",operation="issue",outcome="done"\} 1/);
    for (let i = 0; i < 9; i++) await (await get(`${servers.kms}/healthz`)).body.text();
    const refused = await request(servers.kms + KEY, { method: "POST", dispatcher: agent, body: body(8) });
    expect([refused.statusCode, Number(refused.headers["retry-after"]) > 0]).toEqual([429, true]);
    expect(await refused.body.json()).toMatchObject({ ResultStatus: "OperationFailed" });
    await agent.close();
    const { stderr } = await servers.stop();
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const own = lines.filter(({ requestId }) => requestId === "unit-7");
    expect(own.map(({ message }) => message)).toEqual(["key issued", "request"]);
    expect(own[1]).toMatchObject({ method: "POST", route: KEY, status: 200, server: "kms" });
    for (const secret of Object.values(set.Records).filter((value) => value.length > 2)) {
      expect(stderr).not.toContain(secret);
      expect(metrics).not.toContain(secret);
    }
    const verified = await run("ecustation", ["records", "verify", "--data", data]);
    expect(verified.code).toBe(0);
  });
});
