/** The operator page's server. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Server } from "node:tls";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { StationError } from "../../shared/errors.js";
import { type Asset, readAssets, typeOf } from "./assets.js";
import { guardRequests } from "./guard.js";
import type { PagePorts } from "./ports.js";
import { addBayRoutes, addLiveTrace, addSimulatorRoutes } from "./routes/bays.js";
import { addHistoryRoutes } from "./routes/history.js";
import { addSessionRoutes, addUserRoutes } from "./routes/session.js";
import { addStationRoutes } from "./routes/station.js";
import { routing } from "./routing.js";
import { type DeskSettings, ScanDesk } from "./scan/desk.js";
import { pageCookie } from "./sessions/cookie.js";
import { type SessionSettings, Sessions } from "./sessions/sessions.js";
import { Board } from "./state/board.js";
import { EventStream } from "./state/stream.js";
import { Watch } from "./state/watch.js";

/** The page's certificate and private key, PEM. */
export interface PageTls {
  readonly cert: string;
  readonly key: string;
}

export interface PageOptions {
  readonly ports: PagePorts;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** PEM; left out, plain HTTP. */
  readonly tls?: PageTls;
  /** Further names that the page is reached by. */
  readonly names: readonly string[];
  /** Folder of the built page. */
  readonly assets: string;
  /** Folder of the plant's pictures, which prompts name. */
  readonly pictures: string | undefined;
  readonly scan: DeskSettings;
  readonly sessions: SessionSettings;
}

export interface Page {
  /** Where a browser finds it. */
  readonly url: string;
  readonly port: number;
  /** New connections meet that certificate; for a page that was opened with one. @throws Error where the two do not belong together */
  renewTls(tls: PageTls): void;
  close(): Promise<void>;
}

const BODY_LIMIT = 65_536;
/** ms for a whole request to arrive. */
const REQUEST_TIMEOUT = 30_000;
/** Files under this folder have their content's hash in their names. */
const FOREVER = "/assets/";

/** Opens the page. @throws what listening throws (EADDRINUSE …) */
export async function openPage(options: PageOptions): Promise<Page> {
  const { ports, host, names, tls, scan } = options;
  const { clock, logger, users, station } = ports;
  const secure = tls !== undefined;
  const desk = new ScanDesk(ports, scan);
  const board = new Board(ports, desk);
  const stream = new EventStream(board, clock);
  const watch = new Watch(ports, board);
  const over = new AbortController();
  const common = { bodyLimit: BODY_LIMIT, requestTimeout: REQUEST_TIMEOUT, forceCloseConnections: true, logger: false };
  // The generics of an HTTPS instance differ from the default's by the server alone.
  const app = (secure ? Fastify({ ...common, https: tlsContext(tls) }) : Fastify(common)) as unknown as FastifyInstance;
  // Known once it listens, which is before anybody can ask.
  let cookie = pageCookie(options.port, secure);
  const sessions = new Sessions({ users, clock, settings: options.sessions, open: station.mode === "simulator" });
  guardRequests(app, { secure, host, names });
  takeJsonAlone(app);
  const add = routing({ app, sessions, cookie: () => cookie, logger });
  add("events", async ({ request, reply }) => {
    const last = request.headers["last-event-id"];
    stream.open(reply, typeof last === "string" ? last : undefined);
  });
  addSessionRoutes(add, ports, sessions, () => cookie);
  addUserRoutes(add, ports);
  addBayRoutes(add, ports, desk);
  addSimulatorRoutes(add, ports, desk, watch);
  addLiveTrace(add, ports, over.signal);
  addHistoryRoutes(add, ports);
  addStationRoutes(add, ports);
  addAssets(app, await readAssets(options.assets));
  addPictures(app, options.pictures);
  const renewTls = (renewed: PageTls) => (app.server as unknown as Server).setSecureContext(tlsContext(renewed));
  const close = async () => {
    over.abort();
    stream.close();
    board.close();
    await watch.close();
    await app.close();
  };
  try {
    await desk.open();
    await app.listen({ host, port: options.port });
    const address = app.server.address();
    const port = typeof address === "object" && address !== null ? address.port : options.port;
    cookie = pageCookie(port, secure);
    return { url: `${secure ? "https" : "http"}://${shownName(host, names)}:${port}/`, port, renewTls, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function tlsContext({ cert, key }: PageTls) {
  return { cert, key, minVersion: "TLSv1.2" as const };
}

function shownName(host: string, names: readonly string[]): string {
  const name = names[0] ?? (host === "0.0.0.0" || host === "::" ? "localhost" : host);
  return name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
}

/** A form of another page can send other types without asking; JSON it cannot. */
function takeJsonAlone(app: FastifyInstance): void {
  app.removeContentTypeParser("text/plain");
}

function addAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [address, asset] of assets)
    app.get(address, async (request, reply) => sendAsset(request, reply, address, asset));
  if (assets.has("/")) return;
  app.get("/", async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("The page is not built: run npm run build.\n"),
  );
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, address: string, asset: Asset): FastifyReply {
  reply.header("etag", asset.etag).header("vary", "accept-encoding");
  reply.header("cache-control", address.startsWith(FOREVER) ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.headers["if-none-match"] === asset.etag) return reply.code(304).send();
  reply.type(asset.type);
  if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return reply.send(asset.bytes);
  return reply.header("content-encoding", "gzip").send(asset.gzipped);
}

const PICTURE = /^[\w-][\w.-]*\.(?:png|jpe?g|webp|svg)$/i;

/** Pictures by their plain names: nothing of a path. */
function addPictures(app: FastifyInstance, folder: string | undefined): void {
  app.get<{ Params: { name: string } }>("/pictures/:name", async ({ params }, reply) => {
    const { name } = params;
    const file = folder !== undefined && PICTURE.test(name) ? join(folder, name) : undefined;
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
    if (file === undefined || found?.isFile() !== true)
      throw new StationError("PAGE_NOT_FOUND", { details: { what: name.slice(0, 100) } });
    return reply
      .header("cache-control", "no-cache")
      .type(typeOf(name) ?? "application/octet-stream")
      .send(createReadStream(file));
  });
}
