/** The built program as a process of its own under 5,000 requests over TLS, among them such as are no HTTP, and peers that never end. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callBuilt, type Servers, startServers, tempFolder } from "../system/harness.js";
import { Histogram } from "./histogram.js";
import type { Case } from "./http-cases.js";
import { type Answered, judge, leaksIn } from "./judge.js";
import { FUZZ_REGISTRY, type KmsWorld, kmsSources } from "./kms-cases.js";
import { RawConnection, type RawTarget, rawRequest } from "./raw.js";
import { SEED, seedFor } from "./seed.js";
import { firstIssues, type VpkiWorld, vpkiSources, vpkiWorld } from "./vpki-cases.js";

const CASES = 5_000;
const PARALLEL = 12;
const SLOW = 20;
const STALL_FILE = "stall.json";

const data = tempFolder("fuzz-tls");
const kmsWorld: KmsWorld = { correlations: [] };
const histogram = new Histogram();
const failures: string[] = [];
let servers: Servers;
let world: VpkiWorld;
let targets: Readonly<Record<"vpki" | "kms", RawTarget>>;

beforeAll(async () => {
  const registry = join(data, "registry.yaml");
  writeFileSync(registry, FUZZ_REGISTRY);
  servers = await startServers(["--data", data, "--registry", registry], {
    limit: 600_000,
    env: {
      NODE_OPTIONS: `--import ${new URL("./measure-stalls.js", import.meta.url).href}`,
      STALL_FILE: join(data, STALL_FILE),
    },
  });
  world = await vpkiWorld("fuzz-tls");
  const [ca, cert, key] = [servers.ca, servers.clientCert, servers.clientKey].map((file) => readFileSync(file, "utf8"));
  const target = (url: string): RawTarget => ({
    host: "127.0.0.1",
    port: Number(new URL(url).port),
    ...{ ca: ca ?? "", cert: cert ?? "", key: key ?? "" },
  });
  targets = { vpki: target(servers.vpki), kms: target(servers.kms) };
});
afterAll(() => servers.kill());

const targetOf = ({ endpoint }: Case) => (endpoint.startsWith("/") ? targets.vpki : targets.kms);

/** Runs jobs, so many at a time, each with a connection for each server. */
async function askAll(cases: readonly Case[]): Promise<void> {
  const rest = [...cases].reverse();
  const worker = async () => {
    const connections = { vpki: new RawConnection(targets.vpki), kms: new RawConnection(targets.kms) };
    for (let next = rest.pop(); next !== undefined && failures.length < 20; next = rest.pop()) {
      const connection = targetOf(next) === targets.vpki ? connections.vpki : connections.kms;
      let answer: Answered | undefined;
      try {
        answer = await connection.ask(rawRequest(next), next.method === "HEAD");
        if (answer === undefined) throw new Error("no answer");
        histogram.add(next.endpoint, judge(next, answer));
        const id = answer.headers["x-correlation-id"];
        if (typeof id === "string" && kmsWorld.correlations.length < 100) kmsWorld.correlations.push(id);
      } catch (error) {
        failures.push(
          `seed ${SEED}: ${String(error)}\n${rawRequest(next).toString()}\n${answer?.status} ${answer?.body.toString()}`,
        );
      }
    }
    connections.vpki.close();
    connections.kms.close();
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** What is no HTTP/1.1, or not all of it. */
const GARBAGE: readonly string[] = [
  "\r\n\r\n\r\n",
  "GET\r\n\r\n",
  "get / HTTP/1.1\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
  "POST /api/v1/prov/issue HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, x\r\n\r\n",
  "GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: x\r\nx\x01y: 1\r\n\r\n",
  "GET / HTTP/1.1\r\n host: x\r\n\r\n",
  `GET /${"x".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nhost: x\r\n${"x: y\r\n".repeat(3_000)}\r\n`,
  "FOO / HTTP/1.1\r\nhost: x\r\n\r\n",
  "GET / HTTP/9.9\r\nhost: x\r\n\r\n",
  "\x16\x03\x01\x02\x00",
];

describe(`whatever is sent over TLS (seed ${SEED})`, () => {
  it("is answered as it is without, and peers that never end are cut off", async () => {
    const slow = Array.from({ length: SLOW }, (_, i) => slowPeer(i));
    await askAll(firstIssues(world));
    const sources = [...vpkiSources(world), ...kmsSources(kmsWorld)];
    for (let turn = 0; turn < 5; turn++) {
      const cases = sources.flatMap((source) =>
        fc.sample(source.cases, {
          numRuns: Math.ceil(CASES / sources.length / 5),
          seed: seedFor(`${source.endpoint}/tls/${turn}`) | 0,
        }),
      );
      await askAll(await Promise.all(cases.map((make) => make())));
    }
    expect(failures).toEqual([]);
    const ends = await Promise.all(slow);
    const { total, past } = histogram.sum;
    console.log(
      [
        `fuzz over TLS: seed ${SEED}, ${total} requests, ${Math.round((100 * past) / total)} % past the schema; ${SLOW} slow peers: ${[...new Set(ends)].join(", ")}`,
        ...histogram.lines(),
      ].join("\n"),
    );
    expect(total).toBeGreaterThanOrEqual(CASES);
    expect(past / total).toBeGreaterThan(0.5);
    // Never a success, and never for ever: that it ended is what was waited for.
    expect(ends.filter((end) => end !== "408" && end !== "cut off")).toEqual([]);
  });

  it("is refused where it is no HTTP, and the next connection is served", async () => {
    for (const server of ["vpki", "kms"] as const) {
      for (const garbage of GARBAGE) {
        const connection = new RawConnection(targets[server]);
        // What is not a whole request would be waited for.
        const socket = await connection.socket();
        socket.write(Buffer.from(garbage, "latin1"));
        socket.end();
        const answer = await connection.answer();
        connection.close();
        if (answer === undefined) continue;
        expect([garbage.slice(0, 60), [400, 404, 408, 413, 431, 505].includes(answer.status)]).toEqual([
          garbage.slice(0, 60),
          true,
        ]);
        expect(leaksIn(answer.body.toString())).toEqual([]);
        if (answer.body.length > 0) expect(typeof JSON.parse(answer.body.toString())).toBe("object");
      }
    }
    const [good] = firstIssues(world);
    if (good === undefined) throw new Error("no request");
    const answer = await new RawConnection(targets.vpki).ask(rawRequest(good), false, false);
    expect(answer?.status).toBe(403);
  });

  it("leaves a process that ends well, and audit chains that hold", async () => {
    const { code, stderr } = await servers.stop();
    expect([code, stderr]).toEqual([0, ""]);
    const verified = await callBuilt("ecustation", ["records", "verify", "--json", "--data", data]);
    const { chains } = JSON.parse(verified.stdout) as { chains: { state: string }[] };
    expect([verified.code, chains.map(({ state }) => state)]).toEqual([0, ["ok", "ok"]]);
    const stall = JSON.parse(readFileSync(join(data, STALL_FILE), "utf8")) as { max: number; p999: number };
    console.log(
      `fuzz over TLS: longest stall of the server's event loop ${stall.max.toFixed(1)} ms, 99.9 % below ${stall.p999.toFixed(1)} ms`,
    );
  });
});

/** Sends the beginning of a request, then a byte now and then; gives how the server ended it. */
async function slowPeer(index: number): Promise<string> {
  const connection = new RawConnection(index % 2 === 0 ? targets.vpki : targets.kms);
  const socket = await connection.socket();
  const path = index % 2 === 0 ? "/api/v1/prov/issue" : "/app/automotive/supplierKeyProvisioning";
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  // In the body, in the headers, or silent after the handshake's end.
  const beginning =
    [`${head}content-length: 60000\r\n\r\n{`, head, `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`][index % 3] ??
    "";
  socket.write(beginning);
  const drip = setInterval(() => {
    if (!socket.destroyed) socket.write(index % 3 === 2 ? "1\r\n \r\n" : index % 3 === 1 ? "x" : " ");
  }, 500);
  try {
    const answer = await connection.answer();
    return answer === undefined ? "cut off" : String(answer.status);
  } finally {
    clearInterval(drip);
    connection.close();
  }
}
