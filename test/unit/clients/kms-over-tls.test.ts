import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKmsClient } from "../../../src/clients/kms.js";
import { inlineStores } from "../../../src/db/store.js";
import { ownAccess } from "../../../src/servers/http/access.js";
import { baseUrl, createHttps } from "../../../src/servers/http/https.js";
import { createKms, parseRegistry } from "../../../src/servers/kms/index.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { systemClock } from "../../../src/shared/clock.js";
import { silentLogger } from "../../../src/shared/logger.js";
import { Secret } from "../../../src/shared/secret.js";
import { cmac } from "../../../src/she/codec/index.js";
import { credentials, never, tls } from "./helpers.js";

const SECRET = "53494d554c41544f522d534543524554";
const KEY = "0f0e0d0c0b0a09080706050403020100";
const ECU = "010203040506070801020304000300010000000000000000000002";
const REGISTRY = `
suppliers: [{ id: 1 }]
ecuTypes: [{ id: 3 }]
supplierSecrets: [{ name: simulator-cluster, value: "${SECRET}" }]
ecus: [{ uid: "${ECU.slice(24)}", keys: { D: "${KEY}" } }]`;

let url = "";
let close: () => Promise<void> = async () => undefined;

beforeAll(async () => {
  const stores = inlineStores();
  const dir = mkdtempSync(join(tmpdir(), "kms-"));
  const kms = await createKms({
    stores,
    dir,
    clock: systemClock,
    logger: silentLogger,
    registry: parseRegistry(REGISTRY),
  });
  const files = await tls();
  const app = createHttps({
    tls: files,
    access: ownAccess(files.caPem),
    clock: systemClock,
    logger: silentLogger,
  });
  await app.register(kms.plugin);
  await app.listen({ host: "127.0.0.1", port: 0 });
  url = baseUrl(app);
  close = async () => {
    await app.close();
    await kms.close();
    await stores.close();
    rmSync(dir, { recursive: true });
  };
});
afterAll(() => close());

async function withClient<T>(
  work: (client: ReturnType<typeof createKmsClient>) => Promise<T>,
  more: { phase?: "Prod" | "Dev"; station?: string; anonymous?: boolean } = {},
): Promise<T> {
  const { ca, cert, key } = await credentials();
  const client = createKmsClient({
    baseUrls: [url],
    ca,
    ...(more.anonymous === true ? {} : { cert, key }),
    ...(more.phase === undefined ? {} : { phase: more.phase }),
    ...(more.station === undefined ? {} : { station: more.station }),
    clock: systemClock,
    attempts: 1,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

test("a station with the installation's client certificate reaches the KMS, one without does not", async () => {
  await withClient((client) => client.ping(never));
  await expect(withClient((client) => client.ping(never), { anonymous: true })).rejects.toMatchObject({
    code: "KMS_REJECTED",
  });
});

test("all three keys are got, loaded by report, and checked by their sync values", () =>
  withClient(async (client) => {
    const secOC = { supplierSecret: Secret.fromHex(SECRET), counter: 7, challenge: fromHex(KEY) };
    const requests = [
      { type: "EcuMasterKey", ecuId: ECU, keyId: "1" },
      { type: "SecOCKey", ecuId: ECU, keyId: "c", secOC },
      { type: "SupplierSymmKey", ecuId: ECU, keyId: "D" },
    ] as const;
    for (const request of requests) {
      const set = await client.requestKey(request, `get-${request.keyId}`, never);
      expect(toHex(set.m1)).toBe(`${ECU.slice(24)}${request.keyId.toLowerCase()}1`);
      expect(await client.requestKey(request, `get-${request.keyId}`, never)).toEqual(set);
      expect("keySyncValue" in set).toBe(request.type === "SecOCKey");
      const result = { ...request, kind: "key", status: "Success", message: "" } as const;
      const report = { ...result, correlationId: set.correlationId };
      await client.report(report, `put-${request.keyId}`, never);
      await client.report(report, `put-${request.keyId}`, never);
      const sync = await client.requestSync(request.type, ECU, request.keyId, never);
      if (request.type === "SupplierSymmKey") expect(sync.keySyncValue).toEqual(cmac(fromHex(KEY), sync.challenge));
      if (request.type === "SecOCKey") expect(sync.keySyncValue).toEqual(set.keySyncValue);
      await client.report(
        { ...report, kind: "sync", correlationId: sync.correlationId },
        `check-${request.keyId}`,
        never,
      );
    }
    expect(secOC.supplierSecret.wiped).toBe(false);
  }));

test("a refusal carries the server's reason and text", () =>
  withClient(async (client) => {
    const unknown = ECU.replace("00030001", "00030099");
    await expect(
      client.requestKey({ type: "EcuMasterKey", ecuId: unknown, keyId: "1" }, "u", never),
    ).rejects.toMatchObject({
      code: "KMS_REJECTED",
      details: { what: "NOT_REGISTERED The SupplierID is not registerd." },
    });
    const secOC = { supplierSecret: Secret.fromHex("aabb"), counter: 0, challenge: new Uint8Array(16) };
    await expect(
      client.requestKey({ type: "SecOCKey", ecuId: ECU, keyId: "4", secOC }, "s", never),
    ).rejects.toMatchObject({ details: { what: "NOT_REGISTERED The SupplierSecretKey:[] is not registerd." } });
  }));

test("the configured phase is named in every request", async () => {
  await withClient(
    async (client) => {
      await expect(client.requestSync("SupplierSymmKey", ECU, "D", never)).rejects.toMatchObject({
        details: { what: "INVALID No key was issued for this EcuID and KeyID." },
      });
      const set = await client.requestKey({ type: "SupplierSymmKey", ecuId: ECU, keyId: "D" }, "dev", never);
      await client.report(
        {
          kind: "key",
          type: "SupplierSymmKey",
          ecuId: ECU,
          keyId: "D",
          status: "Success",
          message: "",
          correlationId: set.correlationId,
        },
        "dev-put",
        never,
      );
    },
    { phase: "Dev" },
  );
});

test("stations with one certificate are told apart by their ids: the second waits, the first goes on", async () => {
  const request = { type: "EcuMasterKey", ecuId: `${ECU.slice(0, -2)}77`, keyId: "1" } as const;
  const ask = (station: string, key: string) =>
    withClient((client) => client.requestKey(request, key, never), { station });
  const first = await ask("line-1.a", "lease-1");
  await expect(ask("line-1.b", "lease-2")).rejects.toMatchObject({
    code: "KMS_LEASED",
    retryable: true,
    message: expect.stringMatching(
      /: Another station works on this ECU, for at most 300 s more\. No further key was loaded\./,
    ),
  });
  expect((await ask("line-1.a", "lease-1")).m1).toEqual(first.m1);
  const result = {
    ...request,
    kind: "key",
    status: "Success",
    message: "",
    correlationId: first.correlationId,
  } as const;
  await withClient((client) => client.report(result, "lease-3", never), { station: "line-1.a" });
  await ask("line-1.b", "lease-2");
});
