/** What verifiers fetch from the addresses that certificates name: CRLs, OCSP, CA certificates, and the texts of the policy. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { withLimit } from "../../shared/abort.js";
import type { Clock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type { Authorities } from "./authorities.js";
import { AUTHORITY_NAMES, type AuthorityName, CPS_PATH, caIssuersPath, ocspPath, REPOSITORY_PATH } from "./config.js";
import type { CrlPublisher } from "./crl.js";
import type { OcspResponder } from "./ocsp.js";

/** Most ms that another program of this installation may take to say so. */
const OURS_LIMIT = 3_000;

/** Whether the status server of another program with these CAs answers at a base URL. */
export async function answersFor(authorities: Authorities, url: string, clock: Clock): Promise<boolean> {
  const { name, certificate } = authorities.issuerOf("ccu-sha256");
  try {
    const late = () => new Error("no answer in time");
    const found = await withLimit(clock, OURS_LIMIT, undefined, late, async (signal) => {
      const answer = await fetch(`${url}${caIssuersPath(name)}`, { signal, redirect: "error" });
      return answer.ok ? Buffer.from(await answer.arrayBuffer()) : undefined;
    });
    return found?.equals(certificate.raw) ?? false;
  } catch {
    // Whoever it is that has the port does not speak for these CAs.
    return false;
  }
}

export interface StatusOptions {
  readonly authorities: Authorities;
  readonly crls: CrlPublisher;
  readonly responders: ReadonlyMap<AuthorityName, OcspResponder>;
  readonly logger: Logger;
}

/** Caches may keep it but ask each time, so that a revocation shows at once. */
const ASK_EACH_TIME = "public, no-cache";
const A_DAY = "public, max-age=86400";
/** Seconds after which a reader of a list that cannot be made is to come back. */
const RETRY_AFTER = "5";

/** The routes; parser and error answers stay inside. */
export function statusPlugin(options: StatusOptions): FastifyPluginAsync {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    app.setErrorHandler((error, request, reply) => {
      const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 503;
      if (status >= 400 && status < 500) return reply.code(status).send({ message: describe(error) });
      const { id: requestId, method } = request;
      options.logger.error("request failed", {
        requestId,
        method,
        route: request.routeOptions.url,
        what: describe(error),
      });
      return reply.code(503).header("retry-after", RETRY_AFTER).send({ message: "Service Unavailable" });
    });
    addCrls(app, options);
    for (const [name, responder] of options.responders) addOcsp(app, name, responder);
    for (const name of AUTHORITY_NAMES) addCertificate(app, name, options.authorities);
    addTexts(app, options);
  };
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
}

interface Kept {
  readonly etag: string;
  /** Cache-Control. */
  readonly cache: string;
  readonly bytes: Uint8Array;
}

/** Sends bytes, or 304 where the reader has them already. */
function sendKept(request: FastifyRequest, reply: FastifyReply, type: string, kept: Kept) {
  const { etag, cache, bytes } = kept;
  reply.header("etag", etag).header("cache-control", cache);
  const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag) || known.includes("*")) return reply.code(304).send();
  return reply
    .type(type)
    .header("content-length", bytes.length)
    .send(Readable.from(slicesOf(bytes)));
}

/** What goes out in one write: encrypting megabytes at once would hold up everybody else. */
const SLICE = 65_536;

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE);
}

function addCrls(app: FastifyInstance, { crls }: StatusOptions): void {
  app.get<{ Params: { ca: string; file: string } }>("/ECC/:ca/crl/:file", async (request, reply) => {
    const scope = crls.find(request.params.ca, request.params.file);
    if (scope === undefined) return reply.code(404).send({ message: "Not Found" });
    const { der, number, thisUpdate } = await scope.current();
    reply.header("last-modified", new Date(thisUpdate).toUTCString());
    // Not a digest: a list can be megabytes, and each has a number of its own.
    const etag = `"${number}-${thisUpdate}"`;
    return sendKept(request, reply, "application/pkix-crl", { etag, cache: ASK_EACH_TIME, bytes: der });
  });
}

/** RFC 6960 A.1: POST of the request, or GET with it in base64 behind the address. Every answer is 200. */
function addOcsp(app: FastifyInstance, name: AuthorityName, responder: OcspResponder): void {
  const path = ocspPath(name);
  const send = async (reply: FastifyReply, der: Uint8Array) =>
    reply
      .header("cache-control", "no-store")
      .type("application/ocsp-response")
      .send(Buffer.from(await responder.answer(der)));
  const post = (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, request.body instanceof Uint8Array ? request.body : new Uint8Array());
  const get = (request: FastifyRequest<{ Params: { "*"?: string } }>, reply: FastifyReply) =>
    // By what the router found, which knows other forms of the address (RFC 9112 3.2.2).
    send(reply, fromUrl(request.params["*"] ?? ""));
  for (const url of [path, `${path}/`]) app.post(url, post);
  app.get(path, get);
  app.get(`${path}/*`, get);
}

/** The request behind an OCSP address, escapes resolved; empty where it is no base64. */
function fromUrl(rest: string): Uint8Array {
  // Some clients leave "+" as it is, and some proxies make a space of it.
  const text = rest.replace(/^\/+/, "").replaceAll(" ", "+");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? new Uint8Array(Buffer.from(text, "base64")) : new Uint8Array();
}

/** caIssuers (RFC 5280 4.2.2.1): the CA's certificate in DER. */
function addCertificate(app: FastifyInstance, name: AuthorityName, authorities: Authorities): void {
  const { raw } = authorities.get(name).certificate;
  const kept = { etag: etagOf(raw), cache: A_DAY, bytes: raw };
  app.get(caIssuersPath(name), async (request, reply) => sendKept(request, reply, "application/pkix-cert", kept));
}

/** What the policy of CCU certificates points at. */
function addTexts(app: FastifyInstance, { crls, responders }: StatusOptions): void {
  const send = (path: string, lines: () => readonly string[]) =>
    app.get(path, async (_request, reply) =>
      reply
        .header("cache-control", ASK_EACH_TIME)
        .type("text/plain; charset=utf-8")
        .send(`${lines().join("\n")}\n`),
    );
  send(CPS_PATH, () => [
    "Certificates of this service are issued to vehicle ECUs at their provisioning, on the word of the plant's business servers:",
    "to a key that the ECU has proven to hold, that was never certified before, under a name that these servers vouch for.",
    `What is revoked shows at once by OCSP and in the CRL. Where both are: ${REPOSITORY_PATH}`,
  ]);
  send(REPOSITORY_PATH, () => [
    ...AUTHORITY_NAMES.map((name) => `CA certificate ${caIssuersPath(name)}`),
    ...crls.names().map((name) => `CRL ${name.replace(/^(.*)\/(.*)$/, "/ECC/$1/crl/$2")}`),
    ...[...responders.keys()].map((name) => `OCSP ${ocspPath(name)}`),
  ]);
}
