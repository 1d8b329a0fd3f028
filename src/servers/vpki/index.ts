/** The vPKI as a Fastify plug-in: the fifteen endpoints of the contract over one CA hierarchy and one store. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from "fastify";
import { IDEMPOTENCY_KEY, VPKI_OPERATIONS, VPKI_TYPES, type VpkiOperation, vpkiPath } from "../../contract/vpki.js";
import type { Store, StoreHost } from "../../db/store.js";
import type { CertificateType } from "../../pki/types.js";
import type { Clock } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import { writeFileAtomic } from "../../shared/files.js";
import type { Logger } from "../../shared/logger.js";
import { NotAllowed } from "../http/access.js";
import { type RefusedRequest, ServerAudit } from "../http/audit.js";
import type { Check } from "../http/health.js";
import { Metrics } from "../http/metrics.js";
import { TooManyRequests } from "../http/rate-limit.js";
import { callerOf } from "../http/request-id.js";
import { answerStrays } from "../http/strays.js";
import { Authorities, ISSUING_NAMES } from "./authorities.js";
import { CaKeys } from "./ca-keys.js";
import { Certifier } from "./certify.js";
import { AUTHORITY_NAMES, DEFAULT_BASE_URL, SIGNING_QUEUE, urlsOf, type VpkiConfig } from "./config.js";
import { CrlPublisher } from "./crl.js";
import { OcspResponder } from "./ocsp.js";
import { isBusy, SigningQueue } from "./queue.js";
import { Refusal } from "./request.js";
import { type Incoming, VpkiService } from "./service.js";
import { answersFor, statusPlugin } from "./status.js";
import type { ScopeKey } from "./store/status.js";
import { type VpkiStoreDefinition, vpkiStore } from "./store/store.js";

export { AUTHORITY_NAMES, type AuthorityName, type VpkiConfig, VpkiConfigSchema } from "./config.js";

export interface VpkiOptions {
  readonly stores: StoreHost;
  /** Folder of the store (`vpki.sqlite`), the CAs (`ca/`) and the bundle (`chain.pem`). */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config?: VpkiConfig;
  /** Where CRL, OCSP and CA certificates are reached, where `config.baseUrl` does not say; asked once requests come. */
  readonly baseUrl?: () => string;
  readonly metrics?: Metrics;
}

export interface Vpki {
  /** Registers the endpoints at their paths; its parser and error answers stay inside. */
  readonly plugin: FastifyPluginAsync;
  /** CRL, OCSP, CA certificates and policy texts alone, for the plain HTTP that verifiers use (RFC 5280 8). `plugin` has them too. */
  readonly status: FastifyPluginAsync;
  /** Whether another program with the same CAs serves `status` at a base URL. */
  answersAt(url: string): Promise<boolean>;
  /** Makes the CRLs that are due, then keeps them fresh; call it once the base URL is known. @throws StationError CONFIG_INVALID where it is too long */
  start(): Promise<void>;
  /** Takes what the HTTPS server of the plug-in refuses before there is a request. */
  readonly audit: ServerAudit;
  /** What must work for requests to be served: the store, and the key of each CA. */
  readonly checks: Readonly<Record<string, Check>>;
  /** PEM: issuing CAs, then roots. */
  readonly chainFile: string;
  /** Ends the work on CRLs and lets go of the tokens of the CA keys; the store is closed by its host. */
  close(): Promise<void>;
}

/** Random bytes that a probe has signed; too few for anything that a signature could be misused on. */
const PROBE_BYTES = 32;

/**
 * Opens the vPKI: its CAs (made at first start) and its store.
 * @throws StationError CONFIG_INVALID (CA files), TOKEN_*, STORE_FAILED
 */
export async function createVpki(options: VpkiOptions): Promise<Vpki> {
  const { dir, clock, logger, config = {} } = options;
  const keys = new CaKeys({ dir: join(dir, "ca"), config, clock, logger });
  try {
    return await openVpki(options, keys);
  } catch (error) {
    await keys.close();
    throw error;
  }
}

async function openVpki(options: VpkiOptions, keys: CaKeys): Promise<Vpki> {
  const { dir, clock, logger, config = {} } = options;
  const authorities = await openAuthorities(dir, clock, config, keys);
  const chainFile = join(dir, "chain.pem");
  await writeFileAtomic(chainFile, authorities.bundle(), { mode: 0o644 });
  const store = await options.stores.open(vpkiStore, join(dir, "vpki.sqlite"));
  const queue = new SigningQueue(config.signingQueue ?? SIGNING_QUEUE);
  const { issued, refused } = countersOf(options.metrics ?? new Metrics(), queue);
  const baseUrl = () => config.baseUrl ?? options.baseUrl?.() ?? DEFAULT_BASE_URL;
  const crls = await CrlPublisher.open({
    ...{ store, authorities, clock, logger, config, queue },
    address: (authority, file) => urlsOf(authority, file, baseUrl(), config).crl,
  });
  const revoked = (lists: readonly ScopeKey[]) => crls.renew(lists);
  const certifier = new Certifier({ authorities, config, baseUrl });
  const service = new VpkiService({ store, certifier, clock, config, queue, revoked, issued });
  const responders = new Map(
    ISSUING_NAMES.map((name) => {
      const authority = authorities.get(name);
      return [name, new OcspResponder({ store, authority, clock, logger, config, queue })];
    }),
  );
  const status = statusPlugin({ authorities, crls, responders, logger });
  const audit = new ServerAudit({ write: (entry) => store.call("note", entry), clock, logger });
  const refuse: Refuse = (reply, refusal) => {
    const { type = "none", operation = "none" } = ENDPOINTS.get(reply.request.routeOptions.url ?? "") ?? {};
    refused.inc({ type, operation, failure: refusal.name });
    if (!refusal.audited) audit.refuse(reply.request, refusedRequest(reply, refusal));
    return reply.code(refusal.status).send({ resultMessage: refusal.text });
  };
  return {
    audit,
    chainFile,
    checks: checksOf(store, authorities),
    status,
    answersAt: (url) => answersFor(authorities, url, clock),
    start: async () => {
      await certifier.checkSizes(clock.now());
      await crls.start();
    },
    close: async () => {
      await crls.close();
      await keys.close();
    },
    plugin: async (app) => {
      takeAnyJson(app);
      audit.attach(app);
      answerFaults(app, logger, refuse);
      for (const type of VPKI_TYPES)
        for (const operation of VPKI_OPERATIONS) addEndpoint(app, type, operation, service, logger, refuse);
      await app.register(status);
      answerStrays(app, "/api", (reply, status) => refuse(reply, new Refusal(status === 404 ? "noPath" : "method")));
    },
  };
}

function countersOf(metrics: Metrics, queue: SigningQueue) {
  metrics.gauge(
    "ecustation_vpki_signing_queue_waiting",
    "Signatures that wait to be made or checked.",
    () => queue.depth.waiting,
  );
  metrics.gauge(
    "ecustation_vpki_signing_queue_running",
    "Signatures that are being made or checked.",
    () => queue.depth.running,
  );
  return {
    issued: metrics.counter("ecustation_vpki_certificates_issued_total", "Certificates by type and operation."),
    refused: metrics.counter("ecustation_vpki_refused_total", "Refused requests by type, operation and failure."),
  };
}

function checksOf(store: Store<VpkiStoreDefinition>, authorities: Authorities): Readonly<Record<string, Check>> {
  const signing = AUTHORITY_NAMES.map((name) => authorities.get(name)).filter(({ signs }) => signs);
  return {
    store: () => store.call("listCertificates", { type: "", nameKey: "" }),
    ...Object.fromEntries(
      signing.map(({ name, sign }) => [`key.${name}`, () => sign(new Uint8Array(randomBytes(PROBE_BYTES)))]),
    ),
  };
}

async function openAuthorities(dir: string, clock: Clock, config: VpkiConfig, keys: CaKeys): Promise<Authorities> {
  try {
    return await Authorities.open({
      dir: join(dir, "ca"),
      keys,
      given: config.authorities ?? {},
      subjects: config.subjects ?? {},
      now: clock.now(),
    });
  } catch (error) {
    if (error instanceof StationError) throw error;
    const what = `CA files in ${join(dir, "ca")}: ${describe(error)}`;
    throw new StationError("CONFIG_INVALID", { details: { what }, cause: error });
  }
}

function addEndpoint(
  app: FastifyInstance,
  type: CertificateType,
  operation: VpkiOperation,
  service: VpkiService,
  logger: Logger,
  refuse: Refuse,
): void {
  const config = { access: { operation, scope: type } };
  app.post(vpkiPath(type, operation), { config }, async (request, reply) => {
    const body = parseJson(request.body);
    const caller = callerOf(request);
    const incoming = { type, body, idempotencyKey: request.headers[IDEMPOTENCY_KEY], caller };
    const answer = body instanceof Refusal ? body : await perform(service, operation, incoming);
    if (!(answer instanceof Refusal)) return answer;
    const { requestId } = caller;
    logger.warn("request refused", { requestId, type, operation, status: answer.status, failure: answer.name });
    return refuse(reply, answer);
  });
}

function perform(service: VpkiService, operation: VpkiOperation, incoming: Incoming) {
  return operation === "revoke" ? service.revoke(incoming) : service.issue(operation, incoming);
}

/** Every content type is read as text and must be JSON: the contract knows no other error than 400. */
function takeAnyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
}

function parseJson(body: unknown): unknown {
  if (typeof body !== "string") return new Refusal("notJson");
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return new Refusal("notJson");
  }
}

type Refuse = (reply: FastifyReply, refusal: Refusal) => FastifyReply;

const ENDPOINTS = new Map(
  VPKI_TYPES.flatMap((type) => VPKI_OPERATIONS.map((operation) => [vpkiPath(type, operation), { type, operation }])),
);

function refusedRequest({ request }: FastifyReply, { name, status, text }: Refusal): RefusedRequest {
  const { type, operation } = ENDPOINTS.get(request.routeOptions.url ?? "") ?? {};
  return {
    action: operation ?? request.method,
    subject: "",
    details: { type, status, failure: name, text: text.slice(0, 500) },
  };
}

function answerFaults(app: FastifyInstance, logger: Logger, refuse: Refuse): void {
  app.setErrorHandler((error, request, reply) => {
    if (isBusy(error)) return refuse(reply.header("retry-after", "1"), new Refusal("busy"));
    if (error instanceof TooManyRequests) return refuse(reply, new Refusal("tooMany", undefined, !error.first));
    if (error instanceof NotAllowed) return refuse(reply, new Refusal("notAllowed"));
    const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
    if (status === 413) return refuse(reply, new Refusal("tooLarge"));
    if (typeof status === "number" && status >= 400 && status < 500) return refuse(reply, new Refusal("notJson"));
    const { id: requestId, method } = request;
    logger.error("request failed", { requestId, method, route: request.routeOptions.url, what: describe(error) });
    return refuse(reply, new Refusal("internal"));
  });
}
