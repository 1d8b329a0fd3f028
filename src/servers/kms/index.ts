/** The KMS as a Fastify plug-in: the four endpoints of the contract over one store. */
import { join } from "node:path";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { CORRELATION_ID } from "../../contract/common.js";
import { KMS_PATHS, type KmsMethod, type KmsResource } from "../../contract/kms.js";
import type { StoreHost } from "../../db/store.js";
import { ascii, equalConstantTime, isHex } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type { Secret } from "../../shared/secret.js";
import { openToken } from "../../token/token.js";
import { checkScope, NotAllowed } from "../http/access.js";
import { type RefusedRequest, ServerAudit } from "../http/audit.js";
import type { Check } from "../http/health.js";
import { Metrics } from "../http/metrics.js";
import { peerKey } from "../http/peer.js";
import { TooManyRequests } from "../http/rate-limit.js";
import { type Caller, callerOf } from "../http/request-id.js";
import { answerStrays } from "../http/strays.js";
import type { KmsConfig } from "./config.js";
import { openConsole } from "./console/open.js";
import { openMasterKey } from "./master-key.js";
import { loadRegistry, type Registry } from "./registry.js";
import { Failure, type KmsRequest, readRequest } from "./request.js";
import { KmsService, type Success } from "./service.js";
import { kmsStore } from "./store/store.js";
import { Vault } from "./vault.js";

export type { KmsConfig } from "./config.js";
export { loadRegistry, parseRegistry, type Registry } from "./registry.js";

export interface KmsOptions {
  readonly stores: StoreHost;
  /** Folder of the store (`kms.sqlite`) and its key file (`kms.key`). */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The registry, or the YAML file that holds it. */
  readonly registry?: Registry;
  readonly registryFile?: string;
  readonly config?: KmsConfig;
  readonly metrics?: Metrics;
}

export interface Kms {
  /** Registers the four endpoints at their paths; its parser and error answers stay inside. */
  readonly plugin: FastifyPluginAsync;
  /** Takes what the HTTPS server of the plug-in refuses before there is a request. */
  readonly audit: ServerAudit;
  /** What must work for requests to be served: the store, and the master key for what is in it. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Forgets the master key. The store is closed by its host. */
  close(): Promise<void>;
}

const DEFAULT_BODY_LIMIT = 65_536;
const STORE = "kms.sqlite";
const MASTER_KEY = "kms.key";
const DEFAULT_KEY_LABEL = "KMS";
const DEFAULT_LEASE = 300_000;
const RESOURCES: readonly KmsResource[] = ["key", "sync"];
const DEFAULT_IDEMPOTENCY_DAYS = 30;
const MARK = "kms store";
const MARK_NAME = "vault";

/**
 * Opens the KMS on its store.
 * @throws StationError CONFIG_INVALID (registry), STORE_FAILED (store, or a key file that is not the store's), TOKEN_* (master key)
 */
export async function createKms(options: KmsOptions): Promise<Kms> {
  const { clock, logger } = options;
  const file = await registryOf(options);
  const store = await options.stores.open(kmsStore, join(options.dir, STORE));
  const needed = (await store.call("findMark", { name: MARK_NAME })) !== undefined;
  const vault = new Vault(await masterKeyOf(options, needed));
  try {
    const sealed = await store.call("mark", { name: MARK_NAME, value: vault.seal(ascii(MARK), "mark|vault") });
    const same = vault.open(sealed, "mark|vault").use((bytes) => equalConstantTime(bytes, ascii(MARK)));
    if (!same) throw new StationError("STORE_FAILED", { details: { what: "the KMS store holds a wrong mark" } });
    const { issued, results, refused } = countersOf(options.metrics ?? new Metrics());
    const { registry, plugin: pages } = await openConsole({ ...options, config: options.config, store, vault, file });
    const service = new KmsService({
      ...{ store, vault, clock, logger, issued, results },
      lease: options.config?.lease ?? DEFAULT_LEASE,
      idempotencyDays: options.config?.idempotencyDays ?? DEFAULT_IDEMPOTENCY_DAYS,
      ecu: (uid, phase) => file.ecu(uid, phase),
    });
    const phase = options.config?.phase ?? file.phase;
    const bodyLimit = options.config?.bodyLimit ?? DEFAULT_BODY_LIMIT;
    const audit = new ServerAudit({ write: (entry) => store.call("note", entry), clock, logger });
    const refuse: Refuse = (reply, failure, body) => {
      const { method, resource = "none" } = endpointOf(reply.request);
      refused.inc({ method, resource, failure: failure.name });
      if (!failure.audited) audit.refuse(reply.request, refusedRequest(reply, failure, body));
      return reply.send({
        ResultStatus: "OperationFailed",
        ResultReason: failure.reason,
        ResultMessage: failure.text,
      });
    };
    return {
      audit,
      checks: {
        store: () => store.call("findMark", { name: MARK_NAME }),
        masterKey: async () => vault.open(sealed, "mark|vault").wipe(),
      },
      plugin: async (app) => {
        takeAnyJson(app, bodyLimit);
        audit.attach(app);
        answerFaults(app, logger, refuse);
        const route = (
          method: KmsMethod,
          resource: KmsResource,
          work: (request: KmsRequest, caller: Caller) => Promise<Success<unknown> | Failure>,
        ) =>
          app.route({
            method,
            url: KMS_PATHS[resource],
            bodyLimit,
            config: { access: { operation: `${method} ${resource}` } },
            handler: async (request, reply) => {
              const body = parseJson(request.body);
              if (body instanceof Failure) return refuse(reply.code(400), body);
              const { registry: known } = await registry.current();
              const raw = { method, resource, body, headers: request.headers, peer: peerKey(request) };
              const checked = readRequest(raw, known, phase);
              if (!(checked instanceof Failure)) checkScope(request, checked.phase);
              const result = checked instanceof Failure ? checked : await work(checked, callerOf(request));
              if (result instanceof Failure) {
                const { reason, name: failure } = result;
                logger.warn("request refused", { requestId: request.id, method, resource, reason, failure });
                return refuse(reply, result, body);
              }
              const outcome = { ResultStatus: "Success", ResultReason: "", ResultMessage: "" };
              if (result.records === undefined) return outcome;
              void reply.header(CORRELATION_ID, result.correlationId);
              return { ...outcome, Records: result.records };
            },
          });
        route("POST", "key", (request, caller) => service.provide(request, caller));
        route("PUT", "key", (request, caller) => service.report("key", request, caller));
        route("POST", "sync", (request, caller) => service.sync(request, caller));
        route("PUT", "sync", (request, caller) => service.report("sync", request, caller));
        if (pages !== undefined) await app.register(pages);
        answerStrays(app, "/app", (reply, status) => refuse(reply, new Failure(status === 404 ? "noPath" : "method")));
      },
      close: async () => vault.close(),
    };
  } catch (error) {
    vault.close();
    throw error;
  }
}

/** A token is needed for this alone: while the KMS runs it may be away. */
async function masterKeyOf({ dir, config, clock, logger }: KmsOptions, needed: boolean): Promise<Secret> {
  const file = join(dir, MASTER_KEY);
  if (config?.masterKey === undefined) return openMasterKey({ file, needed, logger, wrapping: undefined });
  const { keyLabel, pkcs11 } = config.masterKey;
  const { limits, ...address } = pkcs11;
  const token = openToken({ address, clock, logger, ...(limits === undefined ? {} : { limits }) });
  try {
    return await openMasterKey({ file, needed, logger, wrapping: { token, label: keyLabel ?? DEFAULT_KEY_LABEL } });
  } finally {
    await token.close();
  }
}

async function registryOf(options: KmsOptions): Promise<Registry> {
  if (options.registry !== undefined) return options.registry;
  if (options.registryFile === undefined)
    throw new StationError("CONFIG_INVALID", { details: { what: "the KMS has no registry file" } });
  return loadRegistry(options.registryFile);
}

/** Every content type is read as text and must be JSON: the contract knows no other error than 400. */
function takeAnyJson(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string", bodyLimit }, (_request, body, done) => done(null, body));
}

function parseJson(body: unknown): unknown {
  if (typeof body !== "string") return new Failure("notJson");
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return new Failure("notJson");
  }
}

type Refuse = (reply: FastifyReply, failure: Failure, body?: unknown) => FastifyReply;

/** Of the request only what names the ECU: the rest may hold a secret in the wrong field. */
function refusedRequest({ request }: FastifyReply, { name }: Failure, body: unknown): RefusedRequest {
  const given: unknown = typeof body === "object" && body !== null && "EcuID" in body ? body.EcuID : undefined;
  const subject = typeof given === "string" && isHex(given, 27) ? given.toLowerCase() : "";
  const { method, resource } = endpointOf(request);
  return { action: `${method} ${resource ?? "?"}`, subject, details: { failure: name } };
}

function endpointOf({ method, routeOptions }: FastifyRequest): { method: string; resource: KmsResource | undefined } {
  return { method, resource: RESOURCES.find((key) => KMS_PATHS[key] === routeOptions.url) };
}

function countersOf(metrics: Metrics) {
  return {
    issued: metrics.counter("ecustation_kms_sets_issued_total", "Key update sets M1–M5 by type."),
    results: metrics.counter("ecustation_kms_results_total", "Results that stations reported, by kind and status."),
    refused: metrics.counter("ecustation_kms_refused_total", "Refused requests by method, resource and failure."),
  };
}

function answerFaults(app: FastifyInstance, logger: Logger, refuse: Refuse): void {
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof NotAllowed) return refuse(reply.code(401), new Failure("notAllowed"));
    if (error instanceof TooManyRequests) return refuse(reply.code(429), new Failure("tooMany", "", !error.first));
    const status = (error as { statusCode?: unknown }).statusCode;
    if (status === 413) return refuse(reply.code(413), new Failure("tooLarge"));
    if (typeof status === "number" && status >= 400 && status < 500)
      return refuse(reply.code(400), new Failure("notJson"));
    const { id: requestId, method } = request;
    logger.error("request failed", { requestId, method, route: request.routeOptions.url, what: describe(error) });
    return refuse(reply.code(500), new Failure("internal"));
  });
}
