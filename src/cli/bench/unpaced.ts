/** Bench rows of a run whose bus takes no time: against the cryptography and the commits that it cannot do without. */
import { generateKeyPair, sign, verify } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { openDatabase } from "../../db/database.js";
import { CERTIFICATE_TYPES } from "../../pki/types.js";
import { Plant, type Ran } from "./plant.js";
import type { BenchRow } from "./row.js";
import { median } from "./stats.js";

const RATIO = 1.5;
const LIMIT_MS = 150;
const WARM_UP = 3;
const ROUNDS = 11;

const newKeyPair = promisify(generateKeyPair);

/** What every certificate costs: pair and CSR in the ECU, CSR read twice, leaf issued, path checked twice, proof made and checked. */
const OF_CERTIFICATE = { pairs: 1, signatures: 3, verifications: 7 } as const;
/** Commits of the station beside a journal entry and a delivered result each: bay claimed and given back, begin, end, signed record. */
const OF_RUN = 5;

/** ms of one operation each. */
interface Costs {
  readonly commit: number;
  readonly curves: ReadonlyMap<string, { readonly pair: number; readonly sign: number; readonly verify: number }>;
}

async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Measured between the runs, so that what slows the machine slows both. */
async function costsOf(folder: string): Promise<Costs> {
  const data = new Uint8Array(32);
  const curves = new Map<string, { pair: number; sign: number; verify: number }>();
  for (const { curve, hash } of Object.values(CERTIFICATE_TYPES)) {
    if (curves.has(curve)) continue;
    const pair: number[] = [];
    const signs: number[] = [];
    const verifications: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      const { privateKey, publicKey } = await newKeyPair("ec", { namedCurve: curve });
      pair.push(performance.now() - began);
      let signature = sign(hash, data, privateKey);
      signs.push(await timed(() => (signature = sign(hash, data, privateKey))));
      verifications.push(await timed(() => verify(hash, data, publicKey, signature)));
    }
    curves.set(curve, { pair: median(pair), sign: median(signs), verify: median(verifications) });
  }
  const database = openDatabase(join(folder, "commits.sqlite"));
  try {
    await database.exec("CREATE TABLE IF NOT EXISTS entry (data TEXT)");
    const commits: number[] = [];
    for (let i = 0; i < 20; i++)
      commits.push(await timed(() => database.run("INSERT INTO entry VALUES (?)", "x".repeat(400))));
    return { commit: median(commits), curves };
  } finally {
    await database.close();
  }
}

/** Commits of station and servers for one run: a result is one of the station and, as its POST, one of the KMS. */
async function commitsOf(plant: Plant, { record }: Ran): Promise<number> {
  const database = openDatabase(join(plant.folder, "station", "records.sqlite"));
  try {
    const count = async (table: string) =>
      (await database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE run_id = ?`, record.runId))?.n ?? 0;
    const results = await count("outbox");
    return OF_RUN + (await count("journal")) + 3 * results + plant.profile.profile.certificates.length;
  } finally {
    await database.close();
  }
}

/** ms that the run cannot do without. */
function limitOf(plant: Plant, commits: number, { commit, curves }: Costs): number {
  let sum = commits * commit;
  for (const { type } of plant.profile.profile.certificates) {
    const cost = curves.get(CERTIFICATE_TYPES[type].curve);
    const { pairs, signatures, verifications } = OF_CERTIFICATE;
    if (cost !== undefined) sum += pairs * cost.pair + signatures * cost.sign + verifications * cost.verify;
  }
  return sum;
}

/** Takes about a quarter of a minute. */
export async function unpacedRows(rounds = ROUNDS): Promise<BenchRow[]> {
  const plant = await Plant.open({ bays: 1, paced: false });
  try {
    const runs: { takt: number; limit: number }[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) {
      const ran = await plant.run();
      const limit = limitOf(plant, await commitsOf(plant, ran), await costsOf(plant.folder));
      // The silence of the reset is the ECU's.
      runs.push({ takt: ran.takt - ran.resetting, limit });
    }
    const measured = runs.slice(WARM_UP);
    const value = median(measured.map(({ takt }) => takt));
    const ratio = median(measured.map(({ takt, limit }) => takt / limit));
    return [
      {
        name: "a whole EVCC run without a bus, TLS servers included, the reset's silence left out",
        value,
        unit: "ms",
        limit: median(measured.map(({ limit }) => limit)),
        ratio,
        bar: `< ${RATIO * 100} % of its key pairs, signatures, verifications and commits one after the other, and < ${LIMIT_MS} ms`,
        ok: ratio < RATIO && value < LIMIT_MS,
      },
    ];
  } finally {
    await plant.close();
  }
}
