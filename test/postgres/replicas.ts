/** `ecustation servers` as several processes on one PostgreSQL database, as a plant runs them. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { KMS_PATHS } from "../../src/contract/kms.js";
import type { PostgresConfig } from "../../src/db/postgres/config.js";
import { freePort } from "../free-port.js";
import type { LoadTarget } from "../sweep/load.js";
import { type Options, type Servers, startServers, tempFolder } from "../system/harness.js";
import { type Bench, type Answer as KmsAnswer, REGISTRY } from "../unit/servers/kms/helpers.js";
import type { Served, Answer as VpkiAnswer } from "../unit/servers/vpki/helpers.js";

/** What replicas have in common beside the database: the CAs and the KMS's master key; TLS, so that one client knows all. */
const SHARED = ["servers/vpki/ca", "servers/kms/kms.key", "servers/tls"];

export interface Replica {
  readonly servers: Servers;
  readonly data: string;
  /** Its configuration. */
  readonly file: string;
}

/** The configuration of a replica with a data folder and ports of its own. */
async function replicaConfig(data: string, postgres: PostgresConfig): Promise<string> {
  const registry = join(data, "registry.yaml");
  writeFileSync(registry, REGISTRY);
  const ports = { vpkiPort: await freePort(), kmsPort: await freePort() };
  const embedded = { registry, database: { postgres }, vpki: { baseUrl: "http://vpki.plant.example" }, ...ports };
  const file = join(data, "station.yaml");
  writeFileSync(file, JSON.stringify({ schema: 1, mode: "simulator", data, servers: { embedded } }));
  return file;
}

/** A second replica's data folder with what it shares with the first. */
export function shareWith(first: string, name: string): string {
  const data = tempFolder(name);
  for (const path of SHARED) {
    mkdirSync(join(data, path, ".."), { recursive: true, mode: 0o700 });
    cpSync(join(first, path), join(data, path), { recursive: true });
  }
  return data;
}

export async function startReplica(data: string, postgres: PostgresConfig, options: Options = {}): Promise<Replica> {
  const file = await replicaConfig(data, postgres);
  return { servers: await startServers(["--config", file], options), data, file };
}

/** The same replica once more, where its clients know it. */
export async function restartReplica({ data, file }: Replica, options: Options = {}): Promise<Replica> {
  return { servers: await startServers(["--config", file], options), data, file };
}

/** Two replicas; the first makes what both need. */
export async function startReplicas(
  postgres: PostgresConfig,
  options: Options = {},
): Promise<readonly [Replica, Replica]> {
  const first = await startReplica(tempFolder("replica"), postgres, options);
  return [first, await startReplica(shareWith(first.data, "replica"), postgres, options)];
}

export async function stopAll(replicas: readonly Replica[]): Promise<void> {
  await Promise.all(replicas.map(({ servers }) => servers.stop()));
}

const addresses = (replicas: readonly Replica[], name: "vpki" | "kms") => replicas.map(({ servers }) => servers[name]);

function tlsOf(replicas: readonly Replica[]): Pick<LoadTarget, "ca" | "cert" | "key"> {
  const servers = replicas[0]?.servers;
  if (servers === undefined) throw new Error("no replica");
  const read = (file: string) => readFileSync(file, "utf8");
  return { ca: read(servers.ca), cert: read(servers.clientCert), key: read(servers.clientKey) };
}

export function loadTarget(replicas: readonly Replica[]): LoadTarget {
  return { ...tlsOf(replicas), vpki: addresses(replicas, "vpki"), kms: addresses(replicas, "kms") };
}

/** One client that asks the replicas in turn, as behind a load balancer. */
export function roundRobin(replicas: readonly Replica[]) {
  const agent = new Agent({ connect: tlsOf(replicas) });
  let turn = 0;
  const ask = async (
    name: "vpki" | "kms",
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ) => {
    const urls = addresses(replicas, name);
    const answer = await request(`${urls[turn++ % urls.length]}${path}`, {
      method: method as "POST",
      headers: { "content-type": "application/json; charset=UTF-8", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      dispatcher: agent,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.json() };
  };
  const end = () => agent.close();
  const vpki: Pick<Served, "post" | "end"> = {
    post: async (path, body, headers = {}) => {
      const answer = await ask("vpki", "POST", path, body, headers);
      return { status: answer.status, body: answer.body as VpkiAnswer["body"] };
    },
    end,
  };
  const kms: Pick<Bench, "send" | "close"> = {
    send: async (method, resource, body, headers = {}) =>
      (await ask("kms", method, KMS_PATHS[resource], body, headers)) as KmsAnswer,
    close: end,
  };
  return { vpki, kms };
}
