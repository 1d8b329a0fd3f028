import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { Agent, request } from "undici";
import { inlineStores, type StoreHost } from "../../../../src/db/store.js";
import { buildCsr, type CsrAttribute, encodeAttributes, encodePem } from "../../../../src/pki/csr.js";
import { type Hash, signer } from "../../../../src/pki/keys.js";
import { encodeName, parseDn } from "../../../../src/pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../../src/pki/types.js";
import { baseUrl, createHttp, createHttps } from "../../../../src/servers/http/https.js";
import { ensureTls } from "../../../../src/servers/http/tls.js";
import { createVpki, type Vpki, type VpkiConfig } from "../../../../src/servers/vpki/index.js";
import { type Clock, systemClock } from "../../../../src/shared/clock.js";
import { type Logger, silentLogger } from "../../../../src/shared/logger.js";
import { type Pair, pair, SUBJECTS } from "../../pki/helpers.js";

export interface Served {
  readonly url: string;
  /** Plain HTTP: CRL, OCSP, CA certificates. */
  readonly statusUrl: string;
  readonly dir: string;
  readonly vpki: Vpki;
  readonly stores: StoreHost;
  readonly agent: Agent;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Stops the server and leaves its folder. */
  stop(): Promise<void>;
  /** Stops the server and takes its folder away. */
  end(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, string>;
}

export interface ServeOptions {
  readonly config?: VpkiConfig;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly dir?: string;
  readonly stores?: StoreHost;
}

/** A vPKI behind real HTTPS on a port of its own. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "vpki-"));
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const stores = options.stores ?? inlineStores();
  const tls = await ensureTls(join(dir, "tls"), { clock: systemClock });
  const app: FastifyInstance = createHttps({ tls, clock: systemClock, logger });
  const config = options.config ?? {};
  let statusUrl = "";
  const vpki = await createVpki({ stores, dir, clock, logger, config, baseUrl: () => statusUrl });
  const plain = createHttp({ clock: systemClock, logger });
  await plain.register(vpki.status);
  await plain.listen({ host: "127.0.0.1", port: 0 });
  statusUrl = baseUrl(plain, "http");
  await vpki.start();
  await app.register(vpki.plugin);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const url = baseUrl(app);
  const cert = readFileSync(tls.clientCertFile, "utf8");
  const key = readFileSync(tls.clientKeyFile, "utf8");
  const agent = new Agent({ connect: { ca: tls.caPem, cert, key } });
  const stop = async () => {
    await agent.close();
    await Promise.all([app.close(), plain.close()]);
    await vpki.close();
    await stores.close();
  };
  return {
    url,
    statusUrl,
    dir,
    vpki,
    stores,
    agent,
    post: async (path, body, headers = {}) => {
      const answer = await request(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json; charSet=UTF-8", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
        dispatcher: agent,
      });
      return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, string> };
    },
    stop,
    end: async () => {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

let lastUnit = 0;
/** A subject of that type that no other test has. */
export function freshDn(type: CertificateType): string {
  const sample = SUBJECTS[type];
  const number = String(++lastUnit).padStart(6, "0");
  return sample.replace(
    /^cn=([^,]*?)(\w{6})?(\.com)?,/,
    (_, head: string, _tail, com = "") => `cn=${head}${number}${com},`,
  );
}

export interface CsrOptions {
  readonly dn?: string;
  readonly pair?: Pair;
  readonly hash?: Hash;
  readonly attributes?: readonly CsrAttribute[];
  readonly label?: string;
  readonly sign?: (tbs: Uint8Array) => Promise<Uint8Array>;
}

/** A CSR in PEM as the type wants it, but for the options. */
export async function csrPem(type: CertificateType, options: CsrOptions = {}): Promise<string> {
  const profile = CERTIFICATE_TYPES[type];
  const keys = options.pair ?? pair(profile.curve);
  const hash = options.hash ?? profile.hash;
  const der = await buildCsr({
    subject: encodeName(parseDn(options.dn ?? freshDn(type))),
    publicKey: keys.public.spki,
    attributes: encodeAttributes(options.attributes ?? []),
    hash,
    sign: options.sign ?? signer(keys.key, hash),
  });
  return encodePem(der, options.label ?? "CERTIFICATE_REQUEST");
}

/** The body of issue and reissue; the codes are those of the type's sample subject. */
export function issueBody(type: CertificateType, csr: string, change: Record<string, unknown> = {}) {
  const [, tierCode = "", unitCode = ""] = /ou=(P\d+),ou=(C\d+)/.exec(SUBJECTS[type]) ?? [];
  return { csr, unitCode, tierCode, vehicleCode: "SX2", localCode: "KR", brandCode: "HMC", ...change };
}
