/** vPKI, KMS and status listener of the built program in this process: asked without a socket, everything else as it is shipped. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FastifyInstance } from "fastify";
import { systemClock } from "../../src/shared/clock.js";
import { root } from "../system/harness.js";
import type { Case } from "./http-cases.js";
import type { Answered } from "./judge.js";
import { FUZZ_REGISTRY } from "./kms-cases.js";

const built = <T>(file: string) => import(pathToFileURL(join(root, "dist/src", file)).href) as Promise<T>;

export interface FuzzServers {
  readonly vpki: FastifyInstance;
  readonly kms: FastifyInstance;
  readonly status: FastifyInstance;
  /** Everything that was logged, by line. */
  readonly log: string[];
  close(): Promise<void>;
}

/** @param data data folder, laid out as `ecustation servers` does it */
export async function openFuzzServers(data: string): Promise<FuzzServers> {
  const { createHttp, createHttps } =
    await built<typeof import("../../src/servers/http/https.js")>("servers/http/https.js");
  const { ensureTls } = await built<typeof import("../../src/servers/http/tls.js")>("servers/http/tls.js");
  const { createVpki } = await built<typeof import("../../src/servers/vpki/index.js")>("servers/vpki/index.js");
  const { createKms, parseRegistry } =
    await built<typeof import("../../src/servers/kms/index.js")>("servers/kms/index.js");
  const { workerStores } = await built<typeof import("../../src/db/store.js")>("db/store.js");
  const { jsonLogger } = await built<typeof import("../../src/shared/logger.js")>("shared/logger.js");

  const dir = join(data, "servers");
  for (const name of ["vpki", "kms"]) mkdirSync(join(dir, name), { recursive: true });
  const log: string[] = [];
  const logger = jsonLogger(
    (line) => void log.push(line),
    () => systemClock.now(),
  );
  const [clock, host] = [systemClock, "127.0.0.1"];
  const stores = workerStores();
  const tls = await ensureTls(join(dir, "tls"), { clock, hosts: [host] });
  const baseUrl = () => "http://127.0.0.1:8080";
  const vpki = await createVpki({ stores, dir: join(dir, "vpki"), clock, logger, baseUrl });
  const kms = await createKms({ stores, dir: join(dir, "kms"), clock, logger, registry: parseRegistry(FUZZ_REGISTRY) });
  await vpki.start();
  const settings = { tls, host, clock, logger };
  const apps = {
    vpki: createHttps(settings),
    kms: createHttps(settings),
    status: createHttp({ clock, logger }),
  };
  await apps.vpki.register(vpki.plugin);
  await apps.kms.register(kms.plugin);
  await apps.status.register(vpki.status);
  return {
    ...apps,
    log,
    close: async () => {
      await Promise.all(Object.values(apps).map((app) => app.close()));
      await vpki.close();
      await kms.close();
      await stores.close();
    },
  };
}

/** Sends a case to a server without a socket. */
export async function inject(app: FastifyInstance, { method, url, headers, body }: Case): Promise<Answered> {
  const merged: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    // As Node joins what comes twice.
    merged[key] = key in merged ? `${String(merged[key])}, ${value}` : value;
  }
  const answer = await app.inject({
    method: method as "POST",
    url,
    headers: merged,
    ...(body === undefined ? {} : { payload: typeof body === "string" ? body : Buffer.from(body) }),
  });
  // A body for HEAD goes no further than Node's server, which is not in this way; that none is sent is seen over TLS.
  const received = method === "HEAD" ? Buffer.alloc(0) : answer.rawPayload;
  return { status: answer.statusCode, headers: answer.headers, body: received };
}
