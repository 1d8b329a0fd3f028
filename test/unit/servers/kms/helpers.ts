import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { KMS_PATHS, type KmsMethod, type KmsResource } from "../../../../src/contract/kms.js";
import { inlineStores, type StoreHost } from "../../../../src/db/store.js";
import { createKms, type Kms, type KmsConfig, parseRegistry } from "../../../../src/servers/kms/index.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { type Logger, silentLogger } from "../../../../src/shared/logger.js";

export const SECRET = "53494d554c41544f522d534543524554";
export const CHALLENGE = "00112233445566778899aabbccddeeff";
/** EcuType 0003, SupplierID 0001. */
export const ecuId = (serial: number) => `010203040506070801020304${uid(serial)}`;
export const uid = (serial: number) => `00030001${serial.toString(16).padStart(22, "0")}`;

export const REGISTRY = `
suppliers: [{ id: 0x0001 }]
ecuTypes: [{ id: 0x0003 }]
supplierSecrets:
  - { name: cluster, value: "${SECRET}" }
  - { name: dev-only, value: dev secret, phases: [Dev] }
`;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: {
    ResultStatus: string;
    ResultReason: string;
    ResultMessage: string;
    Records?: Record<string, string>;
  };
}

export interface Bench {
  readonly dir: string;
  readonly app: FastifyInstance;
  /** @param from address of the peer */
  send(
    method: KmsMethod,
    resource: KmsResource,
    body: unknown,
    headers?: Record<string, string>,
    from?: string,
  ): Promise<Answer>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly registry?: string;
  readonly dir?: string;
  readonly logger?: Logger;
  readonly config?: KmsConfig;
  readonly clock?: VirtualClock;
  /** Writes the store to `dir`; else it lives in memory. The folder goes with the bench, unless it was made for one on disk. */
  readonly onDisk?: boolean;
}

/** A KMS on stores in this thread, asked without a socket. */
export async function openKms(options: BenchOptions = {}): Promise<Bench> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "kms-"));
  const host: StoreHost = inlineStores();
  const stores: StoreHost =
    options.onDisk === true ? host : { open: (source) => host.open(source, ":memory:"), close: () => host.close() };
  const kms: Kms = await createKms({
    stores,
    dir,
    clock: options.clock ?? new VirtualClock(),
    logger: options.logger ?? silentLogger,
    registry: parseRegistry(options.registry ?? REGISTRY),
    ...(options.config === undefined ? {} : { config: options.config }),
  });
  const app = Fastify();
  await app.register(kms.plugin);
  return {
    dir,
    app,
    async send(method, resource, body, headers = {}, from = "127.0.0.1") {
      const answer = await app.inject({
        method,
        url: KMS_PATHS[resource],
        remoteAddress: from,
        headers: { "content-type": "application/json; charset=UTF-8", ...headers },
        payload: typeof body === "string" ? body : JSON.stringify(body),
      });
      return { status: answer.statusCode, headers: answer.headers, body: answer.json() as Answer["body"] };
    },
    async close() {
      await app.close();
      await kms.close();
      await stores.close();
      if (options.onDisk !== true || options.dir !== undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

export const masterPost = (serial = 1) => ({
  ProvisioningType: "EcuMasterKey",
  EcuID: ecuId(serial),
  KeyID: "1",
});
export const supplierPost = (serial = 1) => ({
  ProvisioningType: "SupplierSymmKey",
  EcuID: ecuId(serial),
  KeyID: "D",
});
export const secOcPost = (serial = 1, keyId = "4", counter = "0") => ({
  ProvisioningType: "SecOCKey",
  EcuID: ecuId(serial),
  KeyID: keyId,
  SupplierSecretKey: SECRET,
  Counter: counter,
  Challenge: CHALLENGE,
});
export const result = (type: string, serial = 1, status = "Success", keyId?: string) => ({
  ProvisioningType: type,
  EcuID: ecuId(serial),
  ...(keyId === undefined ? {} : { KeyID: keyId }),
  ResultMessage: "",
  ResultStatus: status,
});
