/** The console "Suppliers & ECUs" as a Fastify plug-in: pages made on the server, behind a login. docs/console.md */
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { describe } from "../../../shared/errors.js";
import type { Logger } from "../../../shared/logger.js";
import { methodsOf } from "../../http/strays.js";
import { readCookies, SESSION_COOKIE } from "./cookies.js";
import { addEntryRoutes } from "./entries.js";
import type { TextKey } from "./language.js";
import { addLedgerRoutes } from "./ledger-routes.js";
import { ROOT } from "./pages.js";
import { type AddRoute, type ConsoleOptions, formOf, queryOf, refuse, send, visitOf } from "./routing.js";
import { isFormToken } from "./session.js";
import { addSignInRoutes } from "./sign-in.js";
import { STYLE } from "./style.js";

/** Nothing may be loaded, run or framed but the console's own style sheet. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
const FORM_TYPE = "application/x-www-form-urlencoded";
/** Characters that a field has at least: more fields than fit at this size are no form of the console. */
const BODY_LIMIT = 65_536;

export function consolePlugin(options: ConsoleOptions): FastifyPluginAsync {
  return async (app) => {
    const { sessions, peerOf } = options;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(FORM_TYPE, { parseAs: "string", bodyLimit: BODY_LIMIT }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body))),
    );
    // Behind every answer, those to refusals of the server's own included.
    app.addHook("onSend", async (_request, reply) => {
      for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) void reply.header(name, value);
    });
    app.addHook("onRequest", async (request, reply) => {
      if (request.method === "POST" && !isOwnOrigin(request)) return refuse(request, reply, 403, "forbidden");
    });
    answerFaults(app, options.logger);
    const add: AddRoute = (method, path, work) =>
      app.route({
        method,
        url: `${ROOT}${path}`,
        handler: async (request, reply) => {
          const form = formOf(request);
          const session = await sessions.find(readCookies(request.headers.cookie).get(SESSION_COOKIE));
          if (session === undefined) {
            const next = method === "GET" ? request.url : ROOT;
            return send(request, reply, { to: `${ROOT}/sign-in?${new URLSearchParams({ next, ended: method })}` });
          }
          if (method === "POST" && !isFormToken(session, form.get("token")))
            return refuse(request, reply, 403, "forbidden");
          const user = { name: session.user, formToken: session.formToken };
          const asked = {
            visit: visitOf(request, user),
            session,
            query: queryOf(request),
            form,
            peer: peerOf(request),
          };
          return send(request, reply, await work(asked));
        },
      });
    app.get(`${ROOT}/style.css`, async (_request, reply) =>
      reply.type("text/css; charset=utf-8").header("cache-control", "max-age=300").send(STYLE),
    );
    addSignInRoutes(app, add, options);
    addEntryRoutes(add, options);
    addLedgerRoutes(add, options);
    app.all(`${ROOT}/*`, async (request, reply) => {
      const methods = methodsOf(app, request.url);
      if (methods.length === 0) return refuse(request, reply, 404, "notFound");
      return refuse(request, reply.header("allow", methods.join(", ")), 405, "methodNot");
    });
  };
}

/** False where the browser says that another site sends the request; what says nothing is no browser. */
function isOwnOrigin({ headers }: FastifyRequest): boolean {
  const { origin, host, "sec-fetch-site": site } = headers;
  if (origin !== undefined && origin !== `https://${host}`) return false;
  return site === undefined || site === "same-origin" || site === "none";
}

const TOLD: Readonly<Record<number, TextKey>> = { 401: "notAllowed", 413: "tooLarge", 415: "formOnly", 429: "busy" };

function answerFaults(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const status = Number((error as { statusCode?: unknown }).statusCode ?? 500);
    if (status >= 400 && status < 500) return refuse(request, reply, status, TOLD[status] ?? "formOnly");
    logger.error("console request failed", { route: request.routeOptions.url, what: describe(error) });
    return refuse(request, reply, 500, "fault");
  });
}
