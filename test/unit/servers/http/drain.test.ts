import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import Fastify from "fastify";
import { afterEach, expect, it } from "vitest";
import { Drain } from "../../../../src/servers/http/drain.js";
import { systemClock } from "../../../../src/shared/clock.js";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function serve(notice: number, limit: number) {
  const app = Fastify({ forceCloseConnections: "idle", return503OnClosing: false });
  const drain = new Drain(app, systemClock, { notice, limit });
  const arrived: (() => void)[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  app.get("/slow", async () => {
    for (const seen of arrived.splice(0)) seen();
    await released;
    return "slow";
  });
  app.get("/fast", async () => "fast");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.setEncoding("utf8").on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };
  return { drain, release, open, port, slow: () => new Promise<void>((resolve) => void arrived.push(resolve)) };
}

const ask = (socket: Socket, path: string) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
/** Everything until the server ends the connection. */
async function rest(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "close");
  return text;
}

it("requests under way and those that come meanwhile are answered whole, and told to close", async () => {
  const { drain, release, open, slow } = await serve(0, 20_000);
  const [busy, other] = [await open(), await open()];
  const seen = slow();
  ask(busy, "/slow");
  await seen;
  const ended = drain.end();
  const late = rest(other);
  ask(other, "/fast");
  expect(await late).toMatch(/200 OK[\s\S]*connection: close[\s\S]*\r\n\r\nfast$/i);
  const answer = rest(busy);
  release();
  expect(await answer).toMatch(/200 OK[\s\S]*connection: close[\s\S]*\r\n\r\nslow$/i);
  await ended;
});

it("takes new connections as long as an earlier request is under way, then none", async () => {
  const { drain, release, open, port, slow } = await serve(0, 20_000);
  const busy = await open();
  const seen = slow();
  ask(busy, "/slow");
  await seen;
  const ended = drain.end();
  const fresh = await open();
  const answer = rest(fresh);
  ask(fresh, "/fast");
  expect(await answer).toMatch(/fast$/);
  release();
  await ended;
  await expect(once(connect(port, "127.0.0.1"), "connect")).rejects.toThrow("ECONNREFUSED");
});

it("does not wait for connections that ask nothing, and once for several calls", async () => {
  const { drain, open } = await serve(10, 60_000);
  const [idle, silent] = [await open(), await open()];
  ask(idle, "/fast");
  await once(idle, "data");
  const ends = [once(idle, "close"), once(silent, "close")];
  await Promise.all([drain.end(), drain.end(), ...ends]);
});

it("cuts off at the limit what still has no answer", async () => {
  const { drain, open, slow } = await serve(0, 50);
  const busy = await open();
  const seen = slow();
  ask(busy, "/slow");
  await seen;
  const answer = rest(busy);
  await drain.end();
  expect(await answer).toBe("");
});
