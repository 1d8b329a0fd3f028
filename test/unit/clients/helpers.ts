import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createPlain, type RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

export interface Peer {
  readonly url: string;
  /** Requests that came in. */
  readonly seen: { method: string; url: string; headers: NodeJS.Dict<string | string[]>; body: string }[];
  close(): Promise<void>;
}

type Reply = (n: number) => { status?: number; body?: string; headers?: Record<string, string> } | "stall" | "cut";

async function listen(server: Server, host = "127.0.0.1"): Promise<{ url: string; close(): Promise<void> }> {
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
export async function peer(
  reply: Reply,
  certificate?: Identity,
  onRequest: () => void = () => undefined,
  host?: string,
): Promise<Peer> {
  const { certPem, keyPem } = certificate ?? (await tls());
  const seen: Peer["seen"] = [];
  const handler: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      const answer = reply(seen.length - 1);
      onRequest();
      if (answer === "stall") return;
      if (answer === "cut") {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body ?? "");
    });
  };
  const server = createServer({ cert: certPem, key: keyPem }, handler);
  return { seen, ...(await listen(server, host)) };
}

/** An address where nobody listens. */
export async function deadUrl(): Promise<string> {
  const { url, close } = await listen(createTcp());
  await close();
  return url;
}

/** A server that speaks HTTP without TLS at an https address. */
export async function plainPeer(): Promise<{ url: string; close(): Promise<void> }> {
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
