/** The control socket: one JSON object a line in, one out, for programs of this machine alone. */
import { chmod, lstat, unlink } from "node:fs/promises";
import { createConnection, createServer, isIPv6, type ListenOptions, type Server, type Socket } from "node:net";
import { describe, StationError } from "../../src/shared/errors.js";
import { type ControlTarget, perform } from "./commands.js";

const FORM = "expected unix:PATH or tcp://127.0.0.1:PORT";
const LOOPBACK: readonly string[] = ["127.0.0.1", "::1", "localhost"];
/** Longest path of a socket that every system takes, bytes. */
const LONGEST_PATH = 103;
/** Longest line, characters. */
const LONGEST_LINE = 65_536;

export type ControlAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface ControlSocket {
  /** Where it listens, in the form of `--control`. */
  readonly url: string;
  close(): Promise<void>;
}

const usage = (what: string): StationError => new StationError("USAGE", { details: { what: `--control ${what}` } });

/** @throws StationError USAGE */
export function parseControlAddress(text: string): ControlAddress {
  const [, path] = /^unix:(.+)$/.exec(text) ?? [];
  if (path !== undefined) {
    if (Buffer.byteLength(path) > LONGEST_PATH) throw usage(`${text}: a path has at most ${LONGEST_PATH} bytes`);
    return { path };
  }
  const [, bracketed, plain, digits = ""] = /^tcp:\/\/(?:\[([0-9a-f:]+)\]|([^:/]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) throw usage(`${JSON.stringify(text)}: ${FORM}`);
  if (!LOOPBACK.includes(host)) throw usage(`${text}: it listens on this machine alone (${LOOPBACK.join(", ")})`);
  return { host, port: Number(digits) };
}

/** @throws StationError LINK_OPEN_FAILED: the address is taken, or cannot be used */
export async function openControl(address: ControlAddress, target: ControlTarget): Promise<ControlSocket> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on("close", () => clients.delete(socket));
    // A client that is gone needs no answer.
    socket.on("error", () => undefined);
    serve(socket, target).catch(() => socket.destroy());
  });
  try {
    if ("path" in address) await listenAtPath(server, address.path);
    else await listen(server, address);
  } catch (error) {
    const what = `--control ${urlOf(address, server)}: ${describe(error)}`;
    throw new StationError("LINK_OPEN_FAILED", { details: { what }, cause: error });
  }
  return {
    url: urlOf(address, server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of clients) socket.destroy();
      }),
  };
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Mode 0600 from the first moment on: the socket is there as soon as `listen` returns. */
async function listenAtPath(server: Server, path: string): Promise<void> {
  await removeStale(path);
  const former = process.umask(0o177);
  let listening: Promise<void>;
  try {
    listening = listen(server, { path });
  } finally {
    process.umask(former);
  }
  await listening;
  await chmod(path, 0o600);
}

/** A program that was killed leaves its socket behind. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() !== true) return;
  const inUse = await new Promise<boolean>((resolve) => {
    const probe = createConnection({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (!inUse) await unlink(path);
}

function urlOf(address: ControlAddress, server: Server): string {
  if ("path" in address) return `unix:${address.path}`;
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return `tcp://${isIPv6(address.host) ? `[${address.host}]` : address.host}:${port}`;
}

/** Answers line by line, in order. What is no JSON object ends the connection: no browser gets a command in behind an HTTP header. */
async function serve(socket: Socket, target: ControlTarget): Promise<void> {
  for await (const line of linesOf(socket)) {
    if (line.trim() === "") continue;
    const request = objectOf(line);
    if (request === undefined) {
      socket.end(`${JSON.stringify({ ok: false, error: "the line is not a JSON object" })}\n`);
      return;
    }
    const answer = await answerTo(request, target);
    if (!socket.write(`${JSON.stringify(answer)}\n`)) await drained(socket);
  }
  socket.end();
}

async function answerTo(request: Readonly<Record<string, unknown>>, target: ControlTarget): Promise<object> {
  const id = request.id === undefined ? {} : { id: request.id };
  try {
    return { ...id, ok: true, ...(await perform(request, target)) };
  } catch (error) {
    return { ...id, ok: false, error: describe(error).replaceAll("\n", " ") };
  }
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = "";
  socket.setEncoding("utf8");
  for await (const chunk of socket) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > LONGEST_LINE) throw new RangeError("a line is too long");
  }
  if (rest !== "") yield rest;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", () => resolve());
    socket.once("close", () => resolve());
  });
}
