import Fastify from "fastify";
import { afterEach, expect, it } from "vitest";
import { EventReader, eventText } from "../../../src/hmi/api/state/sse.js";
import { Events } from "./bench.js";

const app = Fastify();
afterEach(() => app.close());

it("a reader that does not read is let go before it costs memory without bound", async () => {
  const readers: EventReader[] = [];
  app.get("/", (_request, reply) => {
    readers.push(new EventReader(reply));
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as { port: number };
  const events = await Events.open(port, "/", {});
  events.response.pause();
  const [reader] = readers;
  let gone = false;
  void reader?.gone.then(() => {
    gone = true;
  });
  const text = eventText("change", JSON.stringify("x".repeat(65_536)));
  let sent = 0;
  // What the buffers of two sockets hold differs by machine.
  for (; !gone && sent < 10_000; sent++) {
    reader?.send(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(gone).toBe(true);
  expect(sent).toBeLessThan(10_000);
});
