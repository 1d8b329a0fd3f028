/** The HTTPS server that the vPKI and KMS plug-ins run in. */
import type { Server } from "node:tls";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Clock } from "../../shared/clock.js";
import type { Logger } from "../../shared/logger.js";
import { type Access, guard, openAccess } from "./access.js";
import type { RateLimitConfig } from "./config.js";
import { Metrics } from "./metrics.js";
import { limitRate } from "./rate-limit.js";
import { callerOf, giveRequestIds, requestIdOf } from "./request-id.js";
import type { TlsFiles } from "./tls.js";

export interface HttpsOptions {
  readonly tls: Pick<TlsFiles, "certPem" | "keyPem" | "caPem">;
  /** Who may use the server; left out, everybody. */
  readonly access?: Access;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Largest request body, bytes; default 65536, 1024–16777216. */
  readonly bodyLimit?: number;
  /** Time for a whole request to arrive, ms; default 30000, 1000–600000. */
  readonly requestTimeout?: number;
  /** How long an idle connection is kept, ms; default 60000, 1000–600000. */
  readonly keepAliveTimeout?: number;
  /** For each client; left out, 500 a second and 5000 at once, and none for loopback. */
  readonly rateLimit?: RateLimitConfig;
  /** Where requests are counted; `name` says of which server. */
  readonly metrics?: Metrics;
  readonly name?: string;
}

/** Code of the error for a body that is not JSON (status 400); plug-ins answer it in their own words. */
const BODY_NOT_JSON = "BODY_NOT_JSON";

/** Forward-secret AEAD suites of TLS 1.2; those of TLS 1.3 are all of that kind. */
const CIPHERS =
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20";
/** JSON is UTF-8 (RFC 8259 8.1), and a byte order mark no part of it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

function notJson(message: string): Error {
  return Object.assign(new Error(message), { code: BODY_NOT_JSON, statusCode: 400 });
}

/**
 * True for an error that means: the request's body was not readable JSON (no JSON, another content type, too large). Fastify gives
 * such errors a status from 400 to 499.
 */
export function isBodyError(error: unknown): error is Error {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 500;
}

/** What new connections of a server are accepted with. */
function tlsContext({ certPem, keyPem }: ServerPem) {
  return {
    cert: certPem,
    key: keyPem,
    // A client with any certificate proves that it holds the key; the guard decides whether it is one of ours. CAs named here would
    // keep clients of others from showing theirs.
    ca: [],
    minVersion: "TLSv1.2" as const,
    ciphers: CIPHERS,
    honorCipherOrder: true,
  };
}

/** A server's certificate and private key, PEM. */
export type ServerPem = Pick<TlsFiles, "certPem" | "keyPem">;

/** New connections meet that certificate from now on; those that are open stay. @throws Error where the two do not belong together */
export function renewTls(app: FastifyInstance, tls: ServerPem): void {
  (app.server as unknown as Server).setSecureContext(tlsContext(tls));
}

/**
 * A Fastify instance that speaks HTTPS (TLS 1.2 at least), takes JSON with or without `charset=UTF-8` in any letter case, logs one line
 * a request, and ends gracefully: `close()` finishes what is under way (`Drain` also moves clients off). Plug-ins set their own error
 * handlers.
 */
export function createHttps(options: HttpsOptions): FastifyInstance {
  const settings = {
    ...serverSettings(options),
    https: { ...tlsContext(options.tls), ...timely(options), requestCert: true, rejectUnauthorized: false },
  };
  // The generics of an HTTPS instance differ from the default's by the server alone, which plug-ins never touch.
  const app = Fastify(settings) as unknown as FastifyInstance;
  takeJson(app);
  answerInCommon(app, options, options.access ?? openAccess(options.tls.caPem));
  return app;
}

/**
 * As `createHttps`, without TLS: for what verifiers of certificates fetch, which is signed by itself and must not need TLS to be checked
 * (RFC 5280 clause 8).
 */
export function createHttp(options: Omit<HttpsOptions, "tls" | "access">): FastifyInstance {
  const app = Fastify({ ...serverSettings(options), http: timely(options) });
  answerInCommon(app, options);
  return app;
}

/** ms for a whole request to arrive, where nothing else is said. */
const REQUEST_TIMEOUT = 30_000;

/**
 * Has Node keep to the time of a request: it looks every 30 s unless it is told otherwise, and exchanges the limits of head and request
 * where that of the head, 60 s, is the longer one.
 */
function timely({ requestTimeout = REQUEST_TIMEOUT }: Pick<HttpsOptions, "requestTimeout">) {
  return { connectionsCheckingInterval: 1_000, headersTimeout: requestTimeout };
}

function serverSettings(options: Pick<HttpsOptions, "bodyLimit" | "requestTimeout" | "keepAliveTimeout">) {
  return {
    bodyLimit: options.bodyLimit ?? 65_536,
    requestTimeout: options.requestTimeout ?? REQUEST_TIMEOUT,
    keepAliveTimeout: options.keepAliveTimeout ?? 60_000,
    forceCloseConnections: "idle" as const,
    // What still comes in on an open connection is answered as ever.
    return503OnClosing: false,
    genReqId: requestIdOf,
    // What cannot be read as a path is none that there is.
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      notFound(request, reply);
    },
    logger: false,
  };
}

type CommonOptions = Pick<HttpsOptions, "logger" | "clock" | "rateLimit" | "metrics" | "name">;

function answerInCommon(app: FastifyInstance, options: CommonOptions, access?: Access): void {
  giveRequestIds(app);
  logRequests(app, options);
  app.addHook("onRequest", async ({ raw }, reply) =>
    hostsOf(raw.rawHeaders) > 1 ? reply.code(400).send({ message: "Bad Request" }) : undefined,
  );
  if (access !== undefined) guard(app, access, options.clock);
  limitRate(app, options.clock, options.rateLimit);
  app.setNotFoundHandler(notFound);
  // Before the body is read: whether it is JSON makes no difference.
  app.addHook("onRequest", async (request, reply) => (request.is404 ? notFound(request, reply) : undefined));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = isBodyError(error) ? (error.statusCode ?? 400) : 500;
    return reply.code(status).send({ message: status === 500 ? "Internal Server Error" : error.message });
  });
}

/** Where a listening instance is reached, e.g. `https://127.0.0.1:8443`. */
export function baseUrl(app: FastifyInstance, scheme: "https" | "http" = "https"): string {
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on TCP");
  const wildcard = address.address === "0.0.0.0" || address.address === "::";
  const host = wildcard ? "localhost" : address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `${scheme}://${host}:${address.port}`;
}

/** Number of `Host` lines: two may name two servers to two readers (RFC 9112 clause 3.2). Node keeps the first one alone. */
function hostsOf(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length;
}

function notFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ message: "Not Found" });
}

function takeJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => {
    const type = request.headers["content-type"];
    if (type !== undefined && !JSON_TYPE.test(type)) {
      done(notJson("the content type is not application/json"));
      return;
    }
    try {
      done(null, JSON.parse(utf8.decode(body as Buffer)));
    } catch {
      done(notJson("the body is not JSON"));
    }
  });
}

/** One line a request, and its place in the metrics. */
function logRequests(app: FastifyInstance, { logger, clock, metrics = new Metrics(), name = "" }: CommonOptions): void {
  const requests = metrics.counter("ecustation_http_requests_total", "Requests by server, method, route and status.");
  const durations = metrics.histogram(
    "ecustation_http_request_seconds",
    "From a request's head to the end of its answer.",
  );
  const started = new WeakMap<object, number>();
  app.addHook("onRequest", async (request) => {
    started.set(request, clock.monotonic());
  });
  app.addHook("onResponse", async (request, reply) => {
    const ms = clock.monotonic() - (started.get(request) ?? clock.monotonic());
    const { method } = request;
    const { statusCode: status } = reply;
    const route = request.routeOptions.url ?? "none";
    requests.inc({ server: name, method, route, status: String(status) });
    durations.observe({ server: name, method, route }, ms / 1000);
    const { requestId, actor } = callerOf(request);
    logger.info("request", { requestId, method, route, status, ms: Math.round(ms), client: actor });
  });
}
