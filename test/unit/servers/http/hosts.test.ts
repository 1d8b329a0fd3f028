import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHttp } from "../../../../src/servers/http/https.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";

const app = createHttp({ clock: systemClock, logger: silentLogger });
app.get("/", async () => ({ host: "a" }));
beforeAll(() => app.listen({ host: "127.0.0.1", port: 0 }));
afterAll(() => app.close());

/** Status of the answer to a GET with these lines in its head. */
async function statusOf(...lines: string[]): Promise<number> {
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(["GET / HTTP/1.1", ...lines, "Connection: close", "", ""].join("\r\n"));
  return Number((await text(socket)).split(" ")[1]);
}

it.each([
  ["one host", ["Host: a"], 200],
  ["none", [], 400],
  ["two", ["Host: a", "Host: b"], 400],
  ["the same twice, in other letters", ["Host: a", "hOST: a"], 400],
])("a request with %s", async (_, lines, status) => {
  expect(await statusOf(...lines)).toBe(status);
});
