/** What those who run the servers ask: health, readiness, metrics, and the description of the endpoints. */
import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { OPENAPI_TYPE } from "../../contract/openapi/document.js";
import type { JsonObject } from "../../contract/openapi/parts.js";
import { docsPage, PAGE_HEADERS } from "./docs.js";
import type { Health } from "./health.js";
import { METRICS_TYPE, type Metrics } from "./metrics.js";

export interface OpsOptions {
  readonly health: Health;
  readonly metrics: Metrics;
  /** The OpenAPI document. */
  readonly document: () => JsonObject;
}

const OPS_PATHS = {
  health: "/healthz",
  ready: "/readyz",
  metrics: "/metrics",
  docs: "/docs",
  openapi: "/docs/openapi.json",
} as const;

/** A load balancer has no certificate. */
const FOR_ANYONE = { config: { access: "anyone" } } as const;

/** The routes; they take GET and HEAD. */
export function opsPlugin({ health, metrics, document }: OpsOptions): FastifyPluginAsync {
  return async (app) => {
    app.addHook("onSend", async (_request, reply) => {
      void reply.header("cache-control", "no-store");
    });
    app.get(OPS_PATHS.health, FOR_ANYONE, async () => ({ status: "ok" }));
    app.get(OPS_PATHS.ready, FOR_ANYONE, async (_request, reply) => {
      const readiness = await health.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    app.get(OPS_PATHS.metrics, async (_request, reply) => reply.type(METRICS_TYPE).send(metrics.exposition()));
    const json = (reply: FastifyReply) => reply.type(OPENAPI_TYPE).send(JSON.stringify(document()));
    app.get(OPS_PATHS.openapi, async (_request, reply) => json(reply));
    // A browser gets a page, every other program the document.
    app.get(OPS_PATHS.docs, async (request, reply) => {
      void reply.header("vary", "accept");
      if (!/\btext\/html\b/.test(request.headers.accept ?? "")) return json(reply);
      return reply.headers(PAGE_HEADERS).send(docsPage(document()));
    });
  };
}
