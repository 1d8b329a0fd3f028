import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createPlain, type RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket, TlsOptions } from "node:tls";
import { afterEach } from "vitest";
import { createKmsClient, type KmsClientOptions } from "../../../src/clients/kms.js";
import { ensureTls } from "../../../src/servers/http/tls.js";
import { type Clock, systemClock } from "../../../src/shared/clock.js";

/** What TLS needs, in PEM. */
export interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly clientCertPem: string;
  readonly clientKeyPem: string;
}

async function makeIdentity(): Promise<Identity> {
  const dir = mkdtempSync(join(tmpdir(), "tls-"));
  try {
    const { caPem, certPem, keyPem, clientCertFile, clientKeyFile } = await ensureTls(dir, { clock: systemClock });
    const read = (file: string) => readFileSync(file, "utf8");
    return { caPem, certPem, keyPem, clientCertPem: read(clientCertFile), clientKeyPem: read(clientKeyFile) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

let own: Promise<Identity> | undefined;

/** Server and client of one local CA, made once. */
export function tls(): Promise<Identity> {
  own ??= makeIdentity();
  return own;
}

/** Those of another CA. */
export const foreignTls = makeIdentity;

interface Closable {
  close(): Promise<void>;
}

export interface Peer extends Closable {
  readonly url: string;
  /** Requests that came in; `client` is the subject of the certificate that was shown. */
  readonly seen: {
    method: string;
    url: string;
    headers: NodeJS.Dict<string | string[]>;
    body: string;
    client: string | undefined;
  }[];
  /** Connections that requests came over. */
  readonly connections: ReadonlySet<TLSSocket>;
}

type Reply = (n: number) => { status?: number; body?: string; headers?: Record<string, string> } | "stall" | "cut";

/** TLS options take the place of those of the local CA. */
export interface PeerOptions extends TlsOptions {
  /** Called when a request has come in whole. */
  readonly onRequest?: () => void;
  readonly host?: string;
}

async function listen(server: Server, host = "127.0.0.1"): Promise<{ readonly url: string } & Closable> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server)
          (server as unknown as { closeAllConnections(): void }).closeAllConnections();
      }),
  };
}

/** A server over TLS that answers as `reply` says; its argument counts requests from 0. */
export async function peer(reply: Reply, { onRequest, host, ...options }: PeerOptions = {}): Promise<Peer> {
  const { certPem, keyPem } = await tls();
  const seen: Peer["seen"] = [];
  const connections = new Set<TLSSocket>();
  const handler: RequestListener = (request, response) => {
    const socket = request.socket as TLSSocket;
    connections.add(socket);
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const client = socket.getPeerX509Certificate()?.subject;
      seen.push({ method, url, headers, body: Buffer.concat(parts).toString(), client });
      const answer = reply(seen.length - 1);
      onRequest?.();
      if (answer === "stall") return;
      if (answer === "cut") {
        socket.destroy();
        return;
      }
      response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body ?? "");
    });
  };
  const server = createServer({ cert: certPem, key: keyPem, ...options }, handler);
  return { seen, connections, ...(await listen(server, host)) };
}

/** Servers and clients of one test file, closed behind each test. */
export function bench() {
  const opened: Closable[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });
  const keep = <T extends Closable>(thing: T): T => {
    opened.push(thing);
    return thing;
  };
  return {
    keep,
    /** As `peer`. */
    serve: async (...args: Parameters<typeof peer>): Promise<Peer> => keep(await peer(...args)),
    /** A client of these servers, which waits for nothing unless its clock is given. */
    kmsAt: async (urls: readonly string[], options: Partial<KmsClientOptions> = {}) =>
      keep(createKmsClient({ baseUrls: urls, ...(await credentials()), clock: sleepless().clock, ...options })),
  };
}

/** An address where nobody listens. */
export async function deadUrl(): Promise<string> {
  const { url, close } = await listen(createTcp());
  await close();
  return url;
}

/** A server that speaks HTTP without TLS at an https address. */
export async function plainPeer(): Promise<{ readonly url: string } & Closable> {
  return listen(createPlain((_request, response) => response.end("{}")));
}

/** A clock whose sleeps take no time and are written down; its timers are real. */
export function sleepless(): { clock: Clock; pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    clock: {
      ...systemClock,
      sleep: async (ms, signal) => {
        signal?.throwIfAborted();
        pauses.push(ms);
      },
    },
  };
}

export async function credentials(): Promise<{ ca: string; cert: string; key: string }> {
  const { caPem, clientCertPem, clientKeyPem } = await tls();
  return { ca: caPem, cert: clientCertPem, key: clientKeyPem };
}

export const never = new AbortController().signal;
