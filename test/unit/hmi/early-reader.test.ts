import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { FastifyReply } from "fastify";
import { expect, it } from "vitest";
import { EventReader } from "../../../src/hmi/api/state/sse.js";

it("a reader that was gone before its request was looked at is gone at once", async () => {
  let arrive: (response: ServerResponse) => void = () => undefined;
  const arrived = new Promise<ServerResponse>((resolve) => {
    arrive = resolve;
  });
  const server = createServer((_request, response) => arrive(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const raw = await arrived;
  const closed = new Promise((resolve) => raw.once("close", resolve));
  socket.resetAndDestroy();
  await closed;
  // Of a reply the reader uses these alone.
  const reply = { raw, hijack: () => undefined, getHeaders: () => ({}) } as unknown as FastifyReply;
  const reader = new EventReader(reply);
  await reader.gone;
  expect(() => reader.send("data: 1\n\n")).not.toThrow();
  server.close();
});
