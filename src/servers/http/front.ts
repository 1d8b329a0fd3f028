/** The HTTP servers of one process and what they share: health, metrics, limits, and one common end. */
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { openApiDocument } from "../../contract/openapi/document.js";
import type { JsonObject } from "../../contract/openapi/parts.js";
import type { StoreHost } from "../../db/store.js";
import type { Clock } from "../../shared/clock.js";
import type { Logger } from "../../shared/logger.js";
import { programVersion } from "../../shared/paths.js";
import type { ServerAudit } from "./audit.js";
import type { RateLimitConfig, ShutdownConfig } from "./config.js";
import { Drain } from "./drain.js";
import { type Check, Health } from "./health.js";
import { baseUrl, createHttps, type HttpsOptions, renewTls, type ServerPem } from "./https.js";
import { Metrics } from "./metrics.js";
import { opsPlugin } from "./ops.js";
import { type PlainOptions, type PlainServer, servePlain } from "./plain.js";
import { measuredStores, measureProcess } from "./process-metrics.js";

export interface FrontOptions {
  /** Address that all of them listen on. */
  readonly host: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rateLimit?: RateLimitConfig | undefined;
  readonly shutdown: ShutdownConfig;
}

/** What an HTTPS server is for. */
export interface Served {
  readonly plugin: FastifyPluginAsync;
  readonly audit: ServerAudit;
  readonly checks: Readonly<Record<string, Check>>;
}

export class Front {
  readonly metrics = new Metrics();
  readonly #options: FrontOptions;
  readonly #health: Health;
  #stopMeasuring: (() => void) | undefined;
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #urls = new Map<string, string>();
  readonly #secure: FastifyInstance[] = [];

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#health = new Health({ clock: options.clock });
  }

  /** The stores of one server, with their calls measured. */
  stores(host: StoreHost, name: string): StoreHost {
    return measuredStores(host, name, this.#options.clock, this.metrics);
  }

  /**
   * Serves a plug-in over HTTPS, beside health and metrics.
   * @param who the server's certificate, and which clients it takes
   * @returns base URL
   * @throws what listening throws (EADDRINUSE …)
   */
  async https(name: string, port: number, who: Pick<HttpsOptions, "tls" | "access">, served: Served): Promise<string> {
    const { host, clock, shutdown } = this.#options;
    this.#stopMeasuring ??= measureProcess(this.metrics);
    const app = createHttps({ ...who, clock, ...this.#common(name) });
    const drain = new Drain(app, clock, shutdown);
    this.#ends.push(() => drain.end());
    served.audit.watch(app);
    this.#health.add(name, served.checks);
    await app.register(opsPlugin({ health: this.#health, metrics: this.metrics, document: () => this.#document() }));
    await app.register(served.plugin);
    await app.listen({ host, port });
    const url = baseUrl(app);
    this.#urls.set(name, url);
    this.#secure.push(app);
    return url;
  }

  /** All HTTPS servers meet new connections with that certificate. @throws Error where it and the key do not belong together */
  renewTls(tls: ServerPem): void {
    for (const app of this.#secure) renewTls(app, tls);
  }

  /** Serves a plug-in over plain HTTP. @throws as `servePlain` */
  async plain(
    name: string,
    served: Pick<PlainOptions, "port" | "portFile" | "plugin" | "isOurs">,
  ): Promise<PlainServer> {
    const { host, clock, shutdown } = this.#options;
    const server = await servePlain({ ...served, host, clock, shutdown, ...this.#common(name) });
    this.#ends.push(() => server.close());
    return server;
  }

  /** Not ready from now on; resolves when every request has its answer and all servers are closed. */
  async end(): Promise<void> {
    this.#health.end();
    this.#stopMeasuring?.();
    await Promise.all(this.#ends.map((end) => end()));
  }

  #document(): JsonObject {
    const [vpki = "/", kms = "/"] = ["vpki", "kms"].map((name) => this.#urls.get(name));
    return openApiDocument({ version: programVersion(), vpki, kms });
  }

  #common(name: string) {
    const { logger, rateLimit } = this.#options;
    return { name, logger: logger.child({ server: name }), metrics: this.metrics, ...(rateLimit && { rateLimit }) };
  }
}
