import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, expect, it } from "vitest";
import { createHttps, renewTls } from "../../../../src/servers/http/https.js";
import { ensureTls, type TlsFiles } from "../../../../src/servers/http/tls.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";

const folder = mkdtempSync(join(tmpdir(), "renewed-certificate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const make = (name: string): Promise<TlsFiles> => ensureTls(join(folder, name), { clock: systemClock });

async function serve(tls: TlsFiles) {
  const app = createHttps({ tls, clock: systemClock, logger: silentLogger });
  app.get("/", async () => "there");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as { port: number };
  return { app, port };
}

function open(port: number, options: object): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ...options }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** The status line of an answer on that connection. */
function ask(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("data", (answer: Buffer) => resolve(answer.toString().split("\r\n")[0] ?? ""));
    socket.once("close", () => reject(new Error("closed")));
    socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  });
}

it("a renewed certificate meets new connections under the same rules, and those that are open go on", async () => {
  const [first, second] = [await make("a"), await make("b")];
  const { app, port } = await serve(first);
  const former = await open(port, { ca: first.caPem });
  renewTls(app, second);
  expect(await ask(former)).toBe("HTTP/1.1 200 OK");
  await expect(open(port, { ca: first.caPem })).rejects.toThrow(/certificate/);
  const later = await open(port, { ca: second.caPem });
  expect(await ask(later)).toBe("HTTP/1.1 200 OK");
  const weak = { ca: second.caPem, maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" } as const;
  await expect(open(port, weak)).rejects.toThrow();
  former.destroy();
  later.destroy();
  await app.close();
});

it("a certificate with another's key is refused, and the one of before still counts", async () => {
  const [first, second] = [await make("a"), await make("b")];
  const { app, port } = await serve(first);
  expect(() => renewTls(app, { certPem: second.certPem, keyPem: first.keyPem })).toThrow(/key/i);
  const socket = await open(port, { ca: first.caPem });
  expect(await ask(socket)).toBe("HTTP/1.1 200 OK");
  socket.destroy();
  await app.close();
});
