/** Bench row of the vPKI: how long its event loop stands still at most while it has its hands full of P-521. */
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { type RunningServers, startServers } from "../../app.js";
import { openDatabase } from "../../db/database.js";
import { systemClock } from "../../shared/clock.js";
import { silentLogger } from "../../shared/logger.js";
import { loadConfig } from "../config.js";
import type { BenchRow } from "./row.js";
import type { LoadNews, LoadTask } from "./vpki-load.js";

/** Bar of design.md, ms. */
const LONGEST_STALL = 20;
const ROUNDS = 5;
const REQUESTS = 64;
/** Revoked certificates in the list that each round's revocation makes anew. */
const REVOKED = 100_000;

/** Takes about half a minute. */
export async function vpkiRows(): Promise<BenchRow[]> {
  const data = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  try {
    const config = await loadConfig(undefined, data, {});
    const { signal } = new AbortController();
    const servers = await startServers({ config, clock: systemClock, logger: silentLogger, env: {}, signal });
    try {
      await fillList(join(data, "servers", "vpki", "vpki.sqlite"));
      return [await longestStall(servers)];
    } finally {
      await servers.close();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

/** Certificates of CA05003 that were revoked long ago, for the list to be long. */
async function fillList(file: string): Promise<void> {
  const database = openDatabase(file);
  try {
    await database.exec(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${REVOKED})
       INSERT INTO certificates (serial, key_id, type, name_key, dn, issuer, not_before, not_after, certificate, revoked_at, crl)
       SELECT '4' || substr(lower(hex(randomblob(20))), 2), 'bench ' || i, 'prov-15118-20', 'bench', '', 'CA05003', 0,
         4102444800000, '', 1, 'Crl1p1Dp1.crl' FROM n`,
    );
  } finally {
    await database.close();
  }
}

async function longestStall(servers: RunningServers): Promise<BenchRow> {
  const files = [servers.ca, servers.clientCert, servers.clientKey];
  const [ca = "", cert = "", key = ""] = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const workerData: LoadTask = { url: servers.vpki, ca, cert, key, requests: REQUESTS };
  const load = new Worker(new URL("./vpki-load.js", import.meta.url), { workerData });
  try {
    // What the program itself does shows in every round; the least is free of what others do to the machine.
    const value = Math.min(...(await stalls(load)));
    return {
      name: `vPKI: longest stall of the event loop under P-521 requests and a CRL of ${REVOKED.toLocaleString("en")}`,
      value,
      unit: "ms",
      bar: `<= ${LONGEST_STALL} ms in the least disturbed of ${ROUNDS} rounds`,
      ok: value <= LONGEST_STALL,
    };
  } finally {
    await load.terminate();
  }
}

/** The longest stall of each round, ms. */
async function stalls(load: Worker): Promise<number[]> {
  const news = async () => ((await once(load, "message")) as [LoadNews])[0];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const longest: number[] = [];
  await news();
  for (let round = 0; round < ROUNDS; round++) {
    delay.reset();
    delay.enable();
    load.postMessage("go");
    const done = await news();
    delay.disable();
    if (done === "ready" || done.failed > 0) throw new Error("the vPKI refused requests of the bench");
    longest.push(delay.max / 1e6);
    await news();
  }
  return longest;
}
