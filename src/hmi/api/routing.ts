/** How the page's routes are added: each by its row of the contract, with the right that it takes and the shape of what it is given. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { asStationError, type ErrorCode, StationError } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import { REQUESTS } from "../contract/requests.js";
import { may, RIGHTS } from "../contract/roles.js";
import { CSRF_HEADER, type PathValues, ROUTES, type Route, type RouteName } from "../contract/routes.js";
import type { Refusal } from "../contract/views.js";
import type { Cookie } from "./sessions/cookie.js";
import type { Sessions, Visitor } from "./sessions/sessions.js";

export interface Asked<R extends RouteName> {
  readonly path: PathValues<R>;
  /** Body of a POST, query of a GET. */
  readonly given: Given<R>;
  readonly visitor: Visitor;
  /** For the audit log: the user's name, or where it was asked from. */
  readonly person: string;
  /** Of the session's cookie. */
  readonly token: string | undefined;
  readonly peer: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Ends when whoever asked goes away. */
  readonly signal: AbortSignal;
}

/** What the contract says that the route is given. */
type Given<R extends RouteName> = R extends keyof typeof REQUESTS ? Static<(typeof REQUESTS)[R]> : undefined;

/** The answer goes out as JSON; undefined: no content, or the reply was sent. */
export type AddRoute = <R extends RouteName>(name: R, handler: (asked: Asked<R>) => Promise<unknown>) => void;

const SCHEMAS: Partial<Readonly<Record<RouteName, TSchema>>> = REQUESTS;

const STATUS: Partial<Record<ErrorCode, number>> = {
  PAGE_REQUEST_INVALID: 400,
  INPUT_INVALID: 400,
  USAGE: 400,
  PAGE_SIGN_IN: 401,
  PAGE_PIN_WRONG: 401,
  PAGE_ROLE: 403,
  PAGE_TOKEN: 403,
  PAGE_NOT_FOUND: 404,
  BAY_UNKNOWN: 404,
  PROFILE_NOT_FOUND: 404,
  PAGE_LOCKED: 429,
  INTERNAL: 500,
  STORE_FAILED: 503,
  PAGE_BUSY: 503,
};
/** Everything else is a matter of what goes on: not now, not this. */
const CONFLICT = 409;

export interface RoutingOptions {
  readonly app: FastifyInstance;
  readonly sessions: Sessions;
  readonly cookie: () => Cookie;
  readonly logger: Logger;
}

export function routing({ app, sessions, cookie, logger }: RoutingOptions): AddRoute {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = refusalOf(error);
    if (failure.code === "INTERNAL") logger.error("the page's server", { url: request.url, error: failure.message });
    return reply.code(STATUS[failure.code] ?? CONFLICT).send(asRefusal(failure));
  });
  app.setNotFoundHandler(async (request) => {
    throw new StationError("PAGE_NOT_FOUND", { details: { what: request.url.slice(0, 200) } });
  });
  const admit = async ({ method, right }: Route, request: FastifyRequest) => {
    const token = cookie().read(request.headers.cookie);
    const visitor = await sessions.visitor(token);
    if (right !== undefined && !may(visitor.role, right)) {
      if (visitor.role === undefined) throw new StationError("PAGE_SIGN_IN");
      throw new StationError("PAGE_ROLE", { details: { role: RIGHTS[right] } });
    }
    const proof = request.headers[CSRF_HEADER];
    if (method === "POST" && !sessions.isOwn(visitor, typeof proof === "string" ? proof : undefined))
      throw new StationError("PAGE_TOKEN");
    return { token, visitor };
  };
  return (name, handler) => {
    const route: Route = ROUTES[name];
    app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => {
        const { token, visitor } = await admit(route, request);
        const answer = await handler({
          path: request.params as PathValues<typeof name>,
          given: parsed(SCHEMAS[name], route.method === "POST" ? request.body : request.query) as Given<typeof name>,
          visitor,
          person: visitor.name ?? `page ${request.ip}`,
          token,
          peer: request.ip,
          request,
          reply,
          signal: goneOf(reply),
        });
        if (reply.sent) return reply;
        reply.header("cache-control", "no-store");
        return answer === undefined ? reply.code(204).send() : reply.send(answer);
      },
    });
  };
}

/** Numbers of a query come as text. @throws StationError PAGE_REQUEST_INVALID */
function parsed(schema: TSchema | undefined, given: unknown): unknown {
  if (schema === undefined) return undefined;
  const value = Value.Convert(schema, given ?? {});
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  const where =
    first?.instancePath === undefined || first.instancePath === "" ? "" : `${first.instancePath.slice(1)}: `;
  throw new StationError("PAGE_REQUEST_INVALID", { details: { what: `${where}${first?.message ?? "schema"}` } });
}

function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const onClose = () => gone.abort(new StationError("RUN_ABORTED"));
  if (reply.raw.destroyed) onClose();
  else reply.raw.once("close", onClose);
  return gone.signal;
}

/** What Fastify itself refuses (no JSON, too large) is a request that is not in order. */
function refusalOf(error: FastifyError): StationError {
  const status = error.statusCode ?? 500;
  if (error instanceof StationError || status >= 500) return asStationError(error);
  return new StationError("PAGE_REQUEST_INVALID", { details: { what: error.message } });
}

function asRefusal({ code, text, details }: StationError): Refusal {
  const { seconds } = details;
  return { code, text, ...(typeof seconds === "number" ? { wait: seconds * 1_000 } : {}) };
}
