/** What those who run the servers ask: health, readiness, metrics. */
import type { FastifyPluginAsync } from "fastify";
import type { Health } from "./health.js";
import { METRICS_TYPE, type Metrics } from "./metrics.js";

export interface OpsOptions {
  readonly health: Health;
  readonly metrics: Metrics;
}

export const OPS_PATHS = {
  health: "/healthz",
  ready: "/readyz",
  metrics: "/metrics",
} as const;

/** The routes; they take GET and HEAD. */
export function opsPlugin({ health, metrics }: OpsOptions): FastifyPluginAsync {
  return async (app) => {
    app.addHook("onSend", async (_request, reply) => {
      void reply.header("cache-control", "no-store");
    });
    app.get(OPS_PATHS.health, async () => ({ status: "ok" }));
    app.get(OPS_PATHS.ready, async (_request, reply) => {
      const readiness = await health.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    app.get(OPS_PATHS.metrics, async (_request, reply) => reply.type(METRICS_TYPE).send(metrics.exposition()));
  };
}
