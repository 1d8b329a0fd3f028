/** The plain HTTP server of what certificates name. Its port stays the same over restarts, since it is written into certificates. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { Clock } from "../../shared/clock.js";
import { writeFileAtomic } from "../../shared/files.js";
import type { Logger } from "../../shared/logger.js";
import type { RateLimitConfig, ShutdownConfig } from "./config.js";
import { Drain } from "./drain.js";
import { baseUrl, createHttp } from "./https.js";
import type { Metrics } from "./metrics.js";

export interface PlainOptions {
  readonly host: string;
  /**
   * 0 = the one that `portFile` remembers; where there is none or a stranger has it, a free one, which is then remembered. Where another
   * program of this installation has it, a free one that nobody has to know: `url` is the remembered one's.
   */
  readonly port: number;
  readonly portFile: string;
  /** Whether another program of this installation answers at a base URL; default nobody does. */
  readonly isOurs?: (url: string) => Promise<boolean>;
  readonly plugin: FastifyPluginAsync;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shutdown: ShutdownConfig;
  readonly rateLimit?: RateLimitConfig;
  readonly metrics?: Metrics;
  readonly name?: string;
}

export interface PlainServer {
  /** Base URL for certificates; with the machine's name where the server listens on all addresses. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws what listening throws (EADDRINUSE …), or writing of the port file */
export async function servePlain(options: PlainOptions): Promise<PlainServer> {
  const { port, portFile, isOurs } = options;
  if (port !== 0) return listen(options, port);
  const kept = await readPort(portFile);
  const again = kept === undefined ? undefined : await listen(options, kept).catch(() => undefined);
  if (again !== undefined) return again;
  const fresh = await listen(options, 0);
  try {
    if (kept !== undefined) {
      const url = withPort(fresh.url, kept);
      if ((await isOurs?.(url)) === true) return { ...fresh, url };
    }
    await writeFileAtomic(portFile, `${new URL(fresh.url).port}\n`, { mode: 0o644 });
    return fresh;
  } catch (error) {
    await fresh.close();
    throw error;
  }
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.origin;
}

async function listen(options: PlainOptions, port: number): Promise<PlainServer> {
  const { host, plugin, clock, shutdown } = options;
  const app = createHttp(options);
  const drain = new Drain(app, clock, shutdown);
  try {
    await app.register(plugin);
    await app.listen({ host, port });
    return { url: urlOf(app, host), close: () => drain.end() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const url = baseUrl(app, "http");
  return host === "0.0.0.0" || host === "::" ? url.replace("localhost", hostname()) : url;
}

/** The port in the file; undefined where there is none. */
async function readPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const port = /^\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65_536 ? port : undefined;
}
