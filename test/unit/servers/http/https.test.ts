import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownAccess } from "../../../../src/servers/http/access.js";
import { baseUrl, createHttps, type HttpsOptions, isBodyError } from "../../../../src/servers/http/https.js";
import { ensureTls, type TlsFiles } from "../../../../src/servers/http/tls.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { jsonLogger, silentLogger } from "../../../../src/shared/logger.js";

const folder = mkdtempSync(join(tmpdir(), "http-https-"));
const apps: FastifyInstance[] = [];
let tls: TlsFiles;
let anonymous: Agent;
let known: Agent;

beforeAll(async () => {
  tls = await ensureTls(folder, { clock: systemClock });
  anonymous = new Agent({ connect: { ca: tls.caPem } });
  const cert = readFileSync(tls.clientCertFile, "utf8");
  const key = readFileSync(tls.clientKeyFile, "utf8");
  known = new Agent({ connect: { ca: tls.caPem, cert, key } });
});
afterAll(async () => {
  await Promise.all([anonymous.close(), known.close()]);
  for (const app of apps) await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const own: FastifyPluginAsync = async (plugin) => {
  plugin.setErrorHandler((error, _request, reply) => reply.code(isBodyError(error) ? 400 : 500).send({ own: true }));
  plugin.post("/own", async () => ({}));
};

async function serve(options: Partial<HttpsOptions> = {}): Promise<string> {
  const app = createHttps({ tls, clock: systemClock, logger: silentLogger, ...options });
  apps.push(app);
  app.post("/echo", async (incoming) => ({ got: incoming.body ?? null }));
  app.post("/fail", async () => {
    throw new Error("secret detail");
  });
  await app.register(own);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return baseUrl(app);
}

async function post(url: string, body: string | undefined, type?: string, dispatcher = anonymous) {
  const headers = type === undefined ? {} : { "content-type": type };
  const answer = await request(url, { method: "POST", headers, body: body ?? null, dispatcher });
  return { status: answer.statusCode, body: await answer.body.json() };
}

describe("the HTTPS server", () => {
  it.each([
    "application/json",
    "application/json; charset=UTF-8",
    "application/json;charset=utf-8",
    "application/json; charSet=UTF-8",
    "Application/JSON; CharSet=utf-8",
    undefined,
  ])("takes JSON as %s", async (type) => {
    const url = await serve();
    expect(await post(`${url}/echo`, '{"a":"남"}', type)).toEqual({ status: 200, body: { got: { a: "남" } } });
  });

  it.each([
    ["no JSON", "{", "application/json"],
    ["an empty body", "", "application/json"],
    ["another content type", '{"a":1}', "text/plain"],
    ["a broken content type", '{"a":1}', ";;"],
    ["too large a body", `"${"x".repeat(70_000)}"`, "application/json"],
  ])("leaves %s to the plug-in's own answer", async (_, body, type) => {
    const url = await serve();
    expect(await post(`${url}/own`, body, type)).toEqual({ status: 400, body: { own: true } });
  });

  it("takes no body for JSON that is not UTF-8", async () => {
    const url = await serve();
    const body = Buffer.from([0x22, 0xb0, 0x22]);
    const answer = await request(`${url}/own`, { method: "POST", body, dispatcher: anonymous });
    expect([answer.statusCode, await answer.body.json()]).toEqual([400, { own: true }]);
  });

  it("gives up a request that does not arrive within its time, and not much later", async () => {
    const url = await serve({ requestTimeout: 1_000 });
    const { port } = new URL(url);
    const began = performance.now();
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port: Number(port), host: "127.0.0.1", rejectUnauthorized: false }, () =>
        socket.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"),
      );
      let all = "";
      socket.on("data", (part: Buffer) => {
        all += part.toString();
      });
      socket.on("close", () => resolve(all));
      socket.on("error", reject);
    });
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    // Node's own look every 30 s would need more.
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it("answers faults and unknown paths in JSON without a detail of the fault", async () => {
    const url = await serve();
    expect(await post(`${url}/fail`, "{}", "application/json")).toEqual({
      status: 500,
      body: { message: "Internal Server Error" },
    });
    expect(await post(`${url}/nowhere`, "{}", "application/json")).toMatchObject({ status: 404 });
  });

  it("is open to everybody unless it is given who may use it", async () => {
    const open = await serve();
    expect(await post(`${open}/echo`, "1", "application/json")).toMatchObject({ status: 200 });
    const closed = await serve({ access: ownAccess(tls.caPem) });
    expect(await post(`${closed}/echo`, "1", "application/json")).toMatchObject({ status: 401 });
    expect(await post(`${closed}/echo`, "1", "application/json", known)).toMatchObject({ status: 200 });
  });

  it.each([
    ["TLS 1.1", { maxVersion: "TLSv1.1", minVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["a suite without forward secrecy", { maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" }],
    ["a CBC suite", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-SHA384" }],
  ] as const)("refuses %s", async (_, options) => {
    const port = Number(new URL(await serve()).port);
    await expect(handshake(port, options)).rejects.toThrow();
  });

  it("speaks TLS 1.2 with an ECDHE AEAD suite", async () => {
    const port = Number(new URL(await serve()).port);
    expect(await handshake(port, { maxVersion: "TLSv1.2" })).toMatch(/^ECDHE-ECDSA-(AES\d+-GCM|CHACHA20)/);
  });

  it("logs a line a request, without its body", async () => {
    const lines: string[] = [];
    const url = await serve({
      logger: jsonLogger(
        (line) => lines.push(line),
        () => 0,
      ),
    });
    await post(`${url}/echo`, '{"a":"planted"}', "application/json");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ message: "request", method: "POST", route: "/echo", status: 200 }),
    ]);
    expect(lines.join("")).not.toContain("planted");
  });

  it("finishes what is under way when it closes", async () => {
    const app = createHttps({ tls, clock: systemClock, logger: silentLogger });
    let release: () => void = () => undefined;
    let arrived: () => void = () => undefined;
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    app.post("/slow", async () => {
      arrived();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { done: true };
    });
    await app.listen({ host: "127.0.0.1", port: 0 });
    const answer = post(`${baseUrl(app)}/slow`, "{}", "application/json");
    await here;
    const closed = app.close();
    release();
    expect(await answer).toEqual({ status: 200, body: { done: true } });
    await closed;
  });
});

function handshake(port: number, options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, ca: tls.caPem, ...options }, () => {
      resolve(socket.getCipher().name);
      socket.end();
    });
    socket.on("error", reject);
  });
}
