/** The plain HTTP server of what certificates name. Its port stays the same over restarts, since it is written into certificates. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { Clock } from "../../shared/clock.js";
import { writeFileAtomic } from "../../shared/files.js";
import type { Logger } from "../../shared/logger.js";
import { baseUrl, createHttp } from "./https.js";

export interface PlainOptions {
  readonly host: string;
  /** 0 = the one that `portFile` remembers; where there is none or another program has it, a free one, which is then remembered. */
  readonly port: number;
  readonly portFile: string;
  readonly plugin: FastifyPluginAsync;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface PlainServer {
  /** Base URL; with the machine's name where the server listens on all addresses. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws what listening throws (EADDRINUSE …), or writing of the port file */
export async function servePlain(options: PlainOptions): Promise<PlainServer> {
  const { port, portFile } = options;
  if (port !== 0) return listen(options, port);
  const kept = await readPort(portFile);
  const again = kept === 0 ? undefined : await listen(options, kept).catch(() => undefined);
  if (again !== undefined) return again;
  const fresh = await listen(options, 0);
  try {
    await writeFileAtomic(portFile, `${new URL(fresh.url).port}\n`, { mode: 0o644 });
    return fresh;
  } catch (error) {
    await fresh.close();
    throw error;
  }
}

async function listen({ host, plugin, clock, logger }: PlainOptions, port: number): Promise<PlainServer> {
  const app = createHttp({ clock, logger });
  try {
    await app.register(plugin);
    await app.listen({ host, port });
    return { url: urlOf(app, host), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const url = baseUrl(app, "http");
  return host === "0.0.0.0" || host === "::" ? url.replace("localhost", hostname()) : url;
}

/** The port in the file; 0 where there is none. */
async function readPort(file: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  const port = /^\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  return port < 65_536 ? port : 0;
}
