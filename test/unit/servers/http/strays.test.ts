import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { KMS_PATHS } from "../../../../src/contract/kms.js";
import { VPKI_OPERATIONS, VPKI_TYPES, vpkiPath } from "../../../../src/contract/vpki.js";
import { inlineStores, type StoreHost } from "../../../../src/db/store.js";
import { createHttps } from "../../../../src/servers/http/https.js";
import { ensureTls } from "../../../../src/servers/http/tls.js";
import { createKms, type Kms, parseRegistry } from "../../../../src/servers/kms/index.js";
import { createVpki } from "../../../../src/servers/vpki/index.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";

const dir = mkdtempSync(join(tmpdir(), "strays-"));
const common = { clock: systemClock, logger: silentLogger };
const stores: StoreHost = inlineStores();
let kms: Kms;
let app: FastifyInstance;

beforeAll(async () => {
  const tls = await ensureTls(join(dir, "tls"), { clock: systemClock });
  const registry = parseRegistry("suppliers: []\necuTypes: []\n");
  kms = await createKms({ ...common, stores, dir: join(dir, "kms"), registry });
  app = createHttps({ ...common, tls });
  await app.register((await createVpki({ ...common, stores, dir: join(dir, "vpki") })).plugin);
  await app.register(kms.plugin);
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await kms.close();
  await stores.close();
  rmSync(dir, { recursive: true, force: true });
});

const ask = async (method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS", url: string) => {
  const headers = { "content-type": "text/plain" };
  const answer = await app.inject(method === "GET" ? { method, url } : { method, url, headers, payload: "no JSON" });
  return { status: answer.statusCode, allow: answer.headers.allow, body: answer.json() as unknown };
};
const refused = (ResultMessage: string) => ({
  ResultStatus: "OperationFailed",
  ResultReason: "INVALID",
  ResultMessage,
});

const vpkiPaths = VPKI_TYPES.flatMap((type) => VPKI_OPERATIONS.map((operation) => vpkiPath(type, operation)));

it.each(vpkiPaths)("answers 405 in the contract's words to other methods of %s", async (path) => {
  for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] as const)
    expect(await ask(method, `${path}?a=b`)).toEqual({
      status: 405,
      allow: "POST",
      body: { resultMessage: "Method Not Allowed" },
    });
  expect((await app.inject({ method: "HEAD", url: path })).statusCode).toBe(405);
});

it.each(Object.values(KMS_PATHS))("answers 405 in the contract's words to other methods of %s", async (path) => {
  for (const method of ["GET", "PATCH", "DELETE", "OPTIONS"] as const)
    expect(await ask(method, path)).toEqual({
      status: 405,
      allow: "POST, PUT",
      body: refused("This path does not have this method."),
    });
});

it.each(["/api/v1/prov/nope", "/api/v3/prov/issue", "/api/v1/prov/issue/", "/api/", "/api/*", "/API/v1/prov/issue"])(
  "answers 404 in JSON at %s",
  async (path) => {
    for (const method of ["GET", "POST", "PUT"] as const)
      expect(await ask(method, path)).toEqual({
        status: 404,
        allow: undefined,
        body: path.startsWith("/api") ? { resultMessage: "Not Found" } : { message: "Not Found" },
      });
  },
);

it.each(["/app/automotive/nope", "/app/", `${KMS_PATHS.key}/`])(
  "answers 404 in the KMS's words at %s",
  async (path) => {
    for (const method of ["GET", "POST", "PUT"] as const)
      expect(await ask(method, path)).toEqual({
        status: 404,
        allow: undefined,
        body: refused("There is nothing at this path."),
      });
  },
);

it.each(["/", "/nope", "/apis"])("answers 404 in JSON at %s, whatever the body is", async (path) => {
  for (const method of ["GET", "POST", "DELETE", "OPTIONS"] as const)
    expect(await ask(method, path)).toEqual({ status: 404, allow: undefined, body: { message: "Not Found" } });
});
