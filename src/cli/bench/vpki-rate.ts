/** Bench rows of the vPKI's rate: P-256 as it is, P-521 against the cores' own, and what a KMS request beside it feels. */
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { CERTIFICATE_TYPES, type CertificateType } from "../../pki/types.js";
import { issueBody } from "./csr.js";
import { type Answer, HttpsClients, type Load, type Post } from "./https-load.js";
import { isSet, newKeyPost } from "./kms.js";
import { startServers } from "./plant.js";
import type { BenchRow } from "./row.js";
import { median, quantile } from "./stats.js";

const P256_RATE = 1_000;
const P256_P99_MS = 30;
const P521_RATIO = 0.9;
const KMS_P99_MS = 20;
const CONNECTIONS = 16;
const WARM_UP = 1;
const ROUNDS = 5;
/** Requests of a slice. */
const P256_SLICE = 512;
const P521_SLICE = 192;

const issued = ({ status }: Answer): boolean => status === 200;

/** Requests, each with a key of its own, made before they are measured. */
function posts(type: CertificateType, count: number): Promise<Post[]> {
  const path = `${CERTIFICATE_TYPES[type].basePath}/issue`;
  return Promise.all(Array.from({ length: count }, async () => ({ path, body: await issueBody(type) })));
}

/** Pairs of a signature and a verification on P-521 that all cores do in a second, in the thread pool as the servers do them. */
async function coresRate(pairs: number): Promise<number> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-521" });
  const [signing, verifying] = [promisify(sign), promisify(verify)];
  const data = new Uint8Array(600);
  let left = pairs;
  const began = performance.now();
  const core = async () => {
    for (; left > 0; left--) {
      const signature = await signing("sha512", data, privateKey);
      await verifying("sha512", data, publicKey, signature);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, core));
  return (1_000 * pairs) / (performance.now() - began);
}

/** ms of KMS requests one after the other until `work` is done. */
async function beside<T>(kms: HttpsClients, work: Promise<T>): Promise<{ result: T; times: number[] }> {
  let done = false;
  const result = work.finally(() => {
    done = true;
  });
  const times: number[] = [];
  while (!done) times.push(...(await kms.load([newKeyPost()], isSet)).times);
  return { result: await result, times };
}

/** Takes about a minute. */
export async function vpkiRateRows(rounds = ROUNDS): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const servers = await startServers(folder);
  const vpki = await HttpsClients.open(String(servers.first.vpki), servers.first, CONNECTIONS);
  const kms = await HttpsClients.open(String(servers.first.kms), servers.first, 1);
  try {
    const p256: Load[] = [];
    const p521: { rate: number; cores: number }[] = [];
    const times: number[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) {
      p256.push(await vpki.load(await posts("prov-15118-2", P256_SLICE), issued));
      const slow = await posts("prov-15118-20", P521_SLICE);
      const cores = await coresRate(P521_SLICE);
      const { result, times: meanwhile } = await beside(kms, vpki.load(slow, issued));
      p521.push({ rate: P521_SLICE / result.seconds, cores });
      if (i >= WARM_UP) times.push(...meanwhile);
    }
    const rate = median(p256.slice(WARM_UP).map(({ seconds }) => P256_SLICE / seconds));
    const p99 = quantile(
      p256.slice(WARM_UP).flatMap((load) => load.times),
      0.99,
    );
    const measured = p521.slice(WARM_UP);
    const ratio = median(measured.map(({ rate: own, cores }) => own / cores));
    const kmsP99 = quantile(times, 0.99);
    return [
      {
        name: `vPKI: issue on P-256, ${CONNECTIONS} clients, p99 ${p99.toFixed(1)} ms`,
        value: rate,
        unit: "certificates/s",
        bar: `>= ${P256_RATE}/s with p99 < ${P256_P99_MS} ms`,
        ok: rate >= P256_RATE && p99 < P256_P99_MS,
      },
      {
        name: "vPKI: issue on P-521",
        value: median(measured.map(({ rate: own }) => own)),
        unit: "certificates/s",
        limit: median(measured.map(({ cores }) => cores)),
        ratio,
        bar: `>= ${P521_RATIO * 100} % of a loop of sign and verify on all cores`,
        ok: ratio >= P521_RATIO,
      },
      {
        name: "KMS: p99 of a request while the vPKI issues on P-521",
        value: kmsP99,
        unit: "ms",
        limit: KMS_P99_MS,
        ratio: kmsP99 / KMS_P99_MS,
        bar: `< ${KMS_P99_MS} ms`,
        ok: kmsP99 < KMS_P99_MS,
      },
    ];
  } finally {
    await vpki.close();
    await kms.close();
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
