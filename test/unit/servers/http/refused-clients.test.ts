import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditEntry } from "../../../../src/audit/row.js";
import { ownAccess } from "../../../../src/servers/http/access.js";
import { ServerAudit } from "../../../../src/servers/http/audit.js";
import { createHttps } from "../../../../src/servers/http/https.js";
import { ensureTls, type TlsFiles } from "../../../../src/servers/http/tls.js";
import { systemClock, VirtualClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";

let folder = "";
let own: TlsFiles;
let foreign: TlsFiles;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "refused-"));
  own = await ensureTls(join(folder, "own"), { clock: systemClock });
  foreign = await ensureTls(join(folder, "foreign"), { clock: systemClock });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Watched {
  readonly port: number;
  /** Resolves with the rows as soon as there are so many. */
  rows(count: number): Promise<AuditEntry[]>;
  close(): Promise<void>;
}

async function serve(write?: (entry: AuditEntry) => Promise<void>): Promise<Watched> {
  const entries: AuditEntry[] = [];
  let changed: () => void = () => undefined;
  const audit = new ServerAudit({
    clock: new VirtualClock(),
    logger: silentLogger,
    write: async (entry) => {
      await write?.(entry);
      entries.push(entry);
      changed();
    },
  });
  const common = { clock: systemClock, logger: silentLogger };
  const app = createHttps({ ...common, tls: own, access: ownAccess(own.caPem) });
  audit.watch(app);
  app.get("/", async () => "in");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  return {
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    rows: (count) =>
      new Promise((resolve) => {
        changed = () => {
          if (entries.length >= count) resolve([...entries]);
        };
        changed();
      }),
    close: () => app.close(),
  };
}

const OLD = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
const client = (tls: TlsFiles) => ({ cert: readFileSync(tls.clientCertFile), key: readFileSync(tls.clientKeyFile) });

/** Sends a request over TLS and waits until the connection is over. */
function knock(
  port: number,
  options: ConnectionOptions,
  text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
) {
  return new Promise<void>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: own.caPem, ...options }, () => socket.write(text));
    socket.on("error", () => undefined).on("close", () => resolve());
    socket.resume();
  });
}

describe("a client that the server refuses before there is a request is in the audit log", () => {
  it.each<[string, ConnectionOptions, RegExp]>([
    ["with TLS 1.1 alone", OLD, /UNSUPPORTED_PROTOCOL|VERSION/],
    ["with no suite of the server's", { maxVersion: "TLSv1.2", ciphers: "AES128-SHA" }, /NO_SHARED_CIPHER/],
  ])("%s", async (_, options, reason) => {
    const server = await serve();
    await knock(server.port, options);
    const [row] = await server.rows(1);
    expect(row).toMatchObject({ actor: "127.0.0.1", action: "handshake", subject: "", outcome: "refused" });
    expect(String(row?.details.failure)).toMatch(reason);
    await server.close();
  });

  it("with no TLS at all", async () => {
    const server = await serve();
    const socket = connectTcp({ host: "127.0.0.1", port: server.port }, () => socket.write("GET / HTTP/1.1\r\n\r\n"));
    socket.on("error", () => undefined).resume();
    expect(await server.rows(1)).toMatchObject([{ action: "handshake", outcome: "refused" }]);
    await server.close();
  });

  it("with no HTTP behind a good handshake", async () => {
    const server = await serve();
    await knock(server.port, client(own), "this is no HTTP\r\n\r\n");
    const [row] = await server.rows(1);
    expect(row).toMatchObject({ action: "request", details: { failure: expect.stringMatching(/^HPE_/) } });
    await server.close();
  });

  it("but not one that is let in", async () => {
    const server = await serve();
    await knock(server.port, client(own));
    await knock(server.port, OLD);
    // The rows come in the order of the clients: the first one's would stand before.
    expect(await server.rows(1)).toMatchObject([{ action: "handshake" }]);
    await server.close();
  });
});

describe("a client that the guard refuses is in the audit log, with its certificate and why", () => {
  it.each<[string, () => ConnectionOptions, object]>([
    ["without a certificate", () => ({}), { why: "no certificate" }],
    [
      "with a certificate of another CA",
      () => client(foreign),
      {
        why: "certificate not listed",
        certificate: {
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          publicKey: expect.stringMatching(/^[0-9a-f]{64}$/),
          subject: "O=ECU provisioning station,CN=station",
        },
      },
    ],
  ])("%s", async (_, options, details) => {
    const server = await serve();
    await knock(server.port, options());
    expect(await server.rows(1)).toEqual([
      {
        at: expect.any(Number),
        // Not by the name in its certificate: anybody may write that.
        actor: "127.0.0.1",
        action: "GET",
        subject: "",
        outcome: "refused",
        details: { status: 401, requestId: expect.any(String), ...details },
      },
    ]);
    await server.close();
  });
});

it("a request for a path that nobody takes is in the audit log", async () => {
  const server = await serve();
  await knock(server.port, client(own), "PATCH /phpmyadmin?secret=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const [row] = await server.rows(1);
  expect(row).toMatchObject({ actor: "127.0.0.1 own", action: "PATCH", outcome: "refused", details: { status: 404 } });
  expect(JSON.stringify(row)).not.toContain("secret");
  await server.close();
});

it("closing waits until the rows are written", async () => {
  let finish: () => void = () => undefined;
  let begun: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let written = false;
  const server = await serve(async () => {
    begun();
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    written = true;
  });
  await knock(server.port, OLD);
  await started;
  const closed = server.close();
  finish();
  await closed;
  expect(written).toBe(true);
});

describe("a flood of refused clients", () => {
  const MINUTE = 60_000;
  const socket = { remoteAddress: "10.0.0.1", destroyed: true, destroy: () => undefined };

  function flooded() {
    const clock = new VirtualClock();
    const waiting: { entry: AuditEntry; done: () => void }[] = [];
    const write = (entry: AuditEntry) => new Promise<void>((done) => waiting.push({ entry, done }));
    const audit = new ServerAudit({ clock, logger: silentLogger, write, limits: { perAddress: 300 } });
    const app = createHttps({ tls: own, clock: systemClock, logger: silentLogger });
    audit.watch(app);
    const fail = (times: number) => {
      for (let n = 0; n < times; n++)
        app.server.emit("tlsClientError", Object.assign(new Error("x"), { code: "E" }), socket);
    };
    return { clock, waiting, app, fail };
  }

  it("waits for the store a hundred at a time; the rest is counted in a row a minute later", async () => {
    const { clock, waiting, app, fail } = flooded();
    fail(250);
    expect(waiting).toHaveLength(100);
    for (const { done } of waiting.splice(0)) done();
    await clock.advance(MINUTE);
    expect(waiting.map(({ entry }) => entry)).toMatchObject([
      {
        action: "refusals",
        actor: "10.0.0.1",
        outcome: "refused",
        details: { uncounted: 150, addresses: ["10.0.0.1"] },
      },
    ]);
    for (const { done } of waiting.splice(0)) done();
    await app.close();
    expect(waiting).toEqual([]);
  });

  it("has no more rows than its budget, and loses no count when the server closes", async () => {
    const { clock, waiting, app, fail } = flooded();
    let rows = 0;
    for (let n = 0; n < 20; n++) {
      fail(100);
      rows += waiting.length;
      for (const { done } of waiting.splice(0)) done();
      await new Promise(setImmediate);
    }
    expect(rows).toBe(300);
    const closed = app.close();
    while (waiting.length === 0) await new Promise(setImmediate);
    expect(waiting.map(({ entry }) => entry.details)).toMatchObject([{ uncounted: 1_700 }]);
    waiting[0]?.done();
    await closed;
    expect(clock.pending).toBe(0);
  });
});
