/** Every endpoint of vPKI, KMS and status listener under 100,000 generated and mutated requests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { VPKI_OPERATIONS, VPKI_TYPES, vpkiPath } from "../../src/contract/vpki.js";
import { kmsFile, rows, vpkiFile } from "../system/cases.js";
import { callBuilt, tempFolder } from "../system/harness.js";
import { Histogram } from "./histogram.js";
import type { Case } from "./http-cases.js";
import { type Answered, type Judgement, judge, leaksIn } from "./judge.js";
import { type KmsWorld, kmsSources } from "./kms-cases.js";
import { SEED, seedFor } from "./seed.js";
import { type FuzzServers, inject, openFuzzServers } from "./servers.js";
import { type StatusWorld, statusSources, straySource } from "./status-cases.js";
import { firstIssues, type Source, type VpkiWorld, vpkiSources, vpkiWorld } from "./vpki-cases.js";

const CASES = Number(process.env.STATION_FUZZ_CASES ?? 100_000);
const CHUNK = 250;
/** Requests that are under way at once. */
const PARALLEL = 24;
const ENDPOINTS = [
  ...VPKI_TYPES.flatMap((type) => VPKI_OPERATIONS.map((operation) => vpkiPath(type, operation))),
  ...["POST", "PUT"].flatMap((method) => Object.keys(KMS_PATHS).map((resource) => `${method} ${resource}`)),
];

const data = tempFolder("fuzz");
const histogram = new Histogram();
/** The longest of each chunk, ms. */
const stalls: number[] = [];
const kmsWorld: KmsWorld = { correlations: [] };
const statusWorld: StatusWorld = { cas: new Map(), serials: [] };
const failures: string[] = [];
const MOST_FAILURES = 20;
const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown) => unhandled.push(reason);
let servers: FuzzServers;
let world: VpkiWorld;

beforeAll(async () => {
  process.on("unhandledRejection", noteUnhandled);
  servers = await openFuzzServers(data);
  world = await vpkiWorld("fuzz");
  const cas = statusWorld.cas as Map<string, Uint8Array>;
  for (const name of ["CA01001", "CA05003", "CA05002"])
    cas.set(name, (await servers.status.inject(`/ECC/cert/${name}.der`)).rawPayload);
});
afterAll(() => {
  process.off("unhandledRejection", noteUnhandled);
});

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;

function serverOf({ endpoint }: Case) {
  if (endpoint.startsWith("/") || endpoint.startsWith("vPKI")) return servers.vpki;
  return endpoint.startsWith("OCSP") || endpoint === "CRL" || endpoint.startsWith("status")
    ? servers.status
    : servers.kms;
}

function told(asked: Case, answer: Answered | undefined, error: unknown): Error {
  const body =
    typeof asked.body === "string" || asked.body === undefined
      ? asked.body
      : Buffer.from(asked.body).toString("base64");
  const request = JSON.stringify({ ...asked, body });
  const got = answer === undefined ? "no answer" : `${answer.status} ${answer.body.toString().slice(0, 500)}`;
  return new Error(`seed ${SEED}: ${error instanceof Error ? error.message : String(error)}\n${request}\n${got}`);
}

/** Sends one case and counts its answer. */
async function ask(asked: Case): Promise<void> {
  let answer: Answered | undefined;
  try {
    answer = await inject(serverOf(asked), asked);
    const judgement = judge(asked, answer);
    histogram.add(asked.endpoint, judgement);
    remember(answer);
    if (asked.twice === true) await askAgain(asked, answer, judgement);
  } catch (error) {
    throw told(asked, answer, error);
  }
}

async function askAgain(asked: Case, first: Answered, { effect }: Judgement): Promise<void> {
  const again = await inject(serverOf(asked), asked);
  const judgement = judge({ ...asked, good: false }, again);
  histogram.add(asked.endpoint, judgement);
  // A sync value is no effect: each has a challenge of its own.
  if (effect && asked.endpoint !== "POST sync" && !again.body.equals(first.body))
    throw new Error(`repeated with its Idempotency-Key it is answered ${again.status} ${again.body.toString()}`);
}

function remember({ headers }: Answered): void {
  const id = headers["x-correlation-id"];
  if (typeof id === "string" && kmsWorld.correlations.length < 100) kmsWorld.correlations.push(id);
}

/** All of them, so many at a time; ends early where failures pile up. */
async function askAll(cases: readonly Case[]): Promise<void> {
  const rest = [...cases].reverse();
  const worker = async () => {
    for (let next = rest.pop(); next !== undefined && failures.length < MOST_FAILURES; next = rest.pop())
      await ask(next).catch((error: unknown) => failures.push(String(error)));
  };
  // Cases are made before: only their way through the servers is measured, and their judgement.
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  delay.disable();
  stalls.push(delay.max / 1e6);
}

describe(`whatever is sent (seed ${SEED})`, () => {
  it("has an answer that is documented, and the servers live on", async () => {
    const began = performance.now();
    await askAll(firstIssues(world));
    for (const { serial } of rows<{ serial: string }>(vpkiFile(data), "SELECT serial FROM certificates"))
      statusWorld.serials.push(serial);
    const sources: Source[] = [
      ...vpkiSources(world),
      ...kmsSources(kmsWorld),
      ...statusSources(statusWorld),
      straySource(
        "vPKI, stray",
        "/api",
        VPKI_TYPES.map((type) => vpkiPath(type, "issue")),
      ),
      straySource("KMS, stray", "/app", Object.values(KMS_PATHS)),
    ];
    const shares = sources.reduce((sum, { share }) => sum + share, 0);
    const left = new Map(sources.map((source) => [source, Math.ceil((CASES * source.share) / shares)]));
    // Endpoints take turns, so that they meet in the stores.
    for (let turn = 0; left.size > 0 && failures.length < MOST_FAILURES; turn++) {
      for (const [source, rest] of left) {
        const size = Math.min(rest, CHUNK);
        const made = fc.sample(source.cases, { numRuns: size, seed: seedFor(`${source.endpoint}/${turn}`) | 0 });
        await askAll(await Promise.all(made.map((make) => make())));
        if (size === rest) left.delete(source);
        else left.set(source, rest - size);
      }
    }
    const { total, past } = histogram.sum;
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(
      [
        `fuzz: seed ${SEED}, ${total} requests in ${seconds} s, ${Math.round((100 * past) / total)} % past the schema; ` +
          `longest stall of the event loop ${Math.max(...stalls).toFixed(1)} ms (median of ${stalls.length} chunks ${median(stalls).toFixed(1)} ms)`,
        ...histogram.lines(),
      ].join("\n"),
    );
    expect(failures).toEqual([]);
    expect(total).toBeGreaterThanOrEqual(CASES);
  });

  it("is for the most part well formed, at every endpoint", () => {
    for (const endpoint of ENDPOINTS) {
      const { total, past } = histogram.of(endpoint);
      expect([endpoint, total >= CASES / 50, past / total >= 0.5]).toEqual([endpoint, true, true]);
    }
    const { total, past } = histogram.sum;
    expect(past / total).toBeGreaterThan(0.5);
  });

  it("leaves no secret in log and audit log", () => {
    expect(servers.log.length).toBeGreaterThan(CASES / 2);
    const leaks = servers.log.flatMap((line) => leaksIn(line).map((leak) => `${leak}: ${line}`));
    expect(leaks.slice(0, 5)).toEqual([]);
    expect(servers.log.filter((line) => line.includes('"level":"error"')).slice(0, 5)).toEqual([]);
    for (const file of [vpkiFile(data), kmsFile(data)])
      for (const row of rows<Record<string, string>>(file, "SELECT actor, action, subject, details FROM audit"))
        expect(leaksIn(Object.values(row).join("\n"))).toEqual([]);
  });

  it("is refused or done in the audit log, whose chain holds", async () => {
    await servers.close();
    const count = (sql: string) => rows<{ n: number }>(vpkiFile(data), sql)[0]?.n;
    const { stdout, code } = await callBuilt("ecustation", ["records", "verify", "--json", "--data", data]);
    const { chains } = JSON.parse(stdout) as { chains: { store: string; state: string; rows: number }[] };
    expect([code, chains.map(({ state }) => state)]).toEqual([0, ["ok", "ok"]]);
    const asked = (names: readonly string[]) => names.reduce((sum, name) => sum + histogram.of(name).total, 0);
    // One row at least for each answer.
    expect(chains[0]?.rows).toBeGreaterThan(asked(ENDPOINTS.filter((name) => name.startsWith("/"))));
    expect(chains[1]?.rows).toBeGreaterThan(asked(ENDPOINTS.filter((name) => !name.startsWith("/"))));
    // The signers of OCSP answers have rows, too, and are none of the store's certificates.
    const issued = `SELECT count(*) AS n FROM audit WHERE outcome = 'issued' AND action <> 'ocsp-signer'`;
    expect(count("SELECT count(*) AS n FROM certificates")).toBe(count(issued));
    expect(readFileSync(join(data, "servers/kms/kms.sqlite.head"), "utf8")).toMatch(/^\d{16} /);
  });

  it("leaves no rejection that nobody handles", () => {
    expect(unhandled).toEqual([]);
  });
});
