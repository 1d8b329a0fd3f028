/** Bench row of the KMS: sets that are durable when they are answered, against a bare echo over the same kind of connection. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { IDEMPOTENCY_KEY } from "../../contract/common.js";
import { KMS_PATHS } from "../../contract/kms.js";
import { HttpsClients, type Load, type Post } from "./https-load.js";
import { startServers } from "./plant.js";
import { startProcess } from "./processes.js";
import type { BenchRow } from "./row.js";
import { median } from "./stats.js";

const RATIO = 0.8;
const CONNECTIONS = 16;
/** Requests of a slice; slices of both servers alternate. */
const SLICE = 256;
const WARM_UP = 3;
const ROUNDS = 12;

/** A request for a set of an ECU that nobody knows yet. */
export function newKeyPost(): Post {
  const ecuId = `${"01".repeat(12)}00030001${randomBytes(11).toString("hex")}`;
  return {
    path: KMS_PATHS.key,
    body: JSON.stringify({ ProvisioningType: "EcuMasterKey", EcuID: ecuId, KeyID: "1" }),
    headers: { [IDEMPOTENCY_KEY]: randomBytes(16).toString("hex") },
  };
}

export const isSet = ({ status, text }: { readonly status: number; readonly text: string }): boolean =>
  status === 200 && text.includes('"M1"');

/** Takes about a quarter of a minute. */
export async function kmsRows(rounds = ROUNDS): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const servers = await startServers(folder);
  const kms = await HttpsClients.open(String(servers.first.kms), servers.first, CONNECTIONS);
  const { text } = await kms.post(newKeyPost());
  const file = fileURLToPath(new URL("./echo.js", import.meta.url));
  const echo = await startProcess(file, [join(folder, "echo"), String(text.length)]);
  const peer = await HttpsClients.open(String(echo.first.url), echo.first, CONNECTIONS);
  try {
    const slices: { kms: Load; echo: Load }[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) {
      const posts = Array.from({ length: SLICE }, newKeyPost);
      slices.push({
        kms: await kms.load(posts, isSet),
        echo: await peer.load(
          posts.map((post) => ({ ...post, path: "/" })),
          ({ status }) => status === 200,
        ),
      });
    }
    const measured = slices.slice(WARM_UP);
    const rate = (of: (slice: { kms: Load; echo: Load }) => Load) =>
      SLICE / median(measured.map((slice) => of(slice).seconds));
    const ratio = median(measured.map((slice) => slice.echo.seconds / slice.kms.seconds));
    return [
      {
        name: "KMS: POST of a key, durable, TLS kept alive",
        value: rate((slice) => slice.kms),
        unit: "requests/s",
        limit: rate((slice) => slice.echo),
        ratio,
        bar: `>= ${RATIO * 100} % of a bare Fastify TLS echo of the same size`,
        ok: ratio >= RATIO,
      },
    ];
  } finally {
    await peer.close();
    await kms.close();
    await echo.stop();
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
