/** Two server processes on one database under parallel load: nothing is given twice, and nothing is lost when one of them dies. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PostgresConfig } from "../../src/db/postgres/config.js";
import { Book, hadEffect, type LoadTarget, repeatAnswered, repeatUnanswered, runLoad } from "../sweep/load.js";
import { type Counters, checkAnswers, checkKmsStore, checkVpkiStore, type StoreReader } from "../sweep/load-check.js";
import { SEED } from "../sweep/seed.js";
import { callBuilt } from "../system/harness.js";
import { SECRET } from "../unit/servers/kms/helpers.js";
import { Cluster, requirePostgres } from "./cluster.js";
import { loadTarget, type Replica, roundRobin, startReplica, startReplicas, stopAll } from "./replicas.js";

const WORKERS = 8;
const ANSWERS = 200;

describe.runIf(requirePostgres())("two replicas under load", () => {
  let cluster: Cluster;
  let postgres: PostgresConfig;
  let replicas: readonly [Replica, Replica];
  const book = new Book();
  const counters: Counters = new Map();
  beforeAll(async () => {
    cluster = await Cluster.start();
    postgres = await cluster.database();
    replicas = await startReplicas(postgres);
  });
  afterAll(async () => {
    await stopAll(replicas ?? []);
    await cluster?.remove();
  });

  const load = (target: LoadTarget, name: string, onAnswer?: (count: number) => void) =>
    runLoad({
      ...{ target, book, name, seed: SEED, workers: WORKERS, supplierSecret: SECRET, answers: ANSWERS },
      ...(onAnswer && { onAnswer }),
    });

  /** What is wrong, in the answers, the stores and the chains. */
  async function faults(): Promise<unknown[]> {
    const read =
      (schema: string): StoreReader["vpki"] =>
      (sql) =>
        cluster.query(postgres.database, sql, schema);
    const reader: StoreReader = { vpki: read("vpki"), kms: read("kms") };
    const { stdout } = await callBuilt("ecustation", ["records", "verify", "--json", "--config", replicas[0].file]);
    const { chains } = JSON.parse(stdout) as { chains: { store: string; state: string }[] };
    expect(chains.map(({ store }) => store)).toEqual(["postgresql/vpki", "postgresql/kms"]);
    return [
      ...checkAnswers(book),
      ...(await checkVpkiStore(book, reader)),
      ...(await checkKmsStore(book, reader, counters)),
      ...chains.filter(({ state }) => state !== "ok"),
    ].slice(0, 5);
  }

  it(`give no serial, key or counter twice, and keep one audit chain each (seed ${SEED})`, async () => {
    await load(loadTarget(replicas), "a");
    expect(book.unanswered).toEqual([]);
    expect(book.answered.length).toBeGreaterThanOrEqual(ANSWERS);
    expect(await faults()).toEqual([]);
  });

  it("lose nothing when one is killed: the other goes on, and the first comes back", async () => {
    const [first, second] = replicas;
    await load(loadTarget(replicas), "b", (count) => {
      if (count === ANSWERS / 5) void second.servers.kill();
    });
    expect((await second.servers.finished).signal).toBe("SIGKILL");
    // All of them were answered, by the one that was left.
    expect(book.unanswered).toEqual([]);
    expect(await faults()).toEqual([]);
    replicas = [first, await startReplica(second.data, postgres)];
    await repeatUnanswered(loadTarget(replicas), book);
    await repeatAnswered(loadTarget(replicas), book, book.answered.filter(hadEffect).slice(-200));
    expect(await faults()).toEqual([]);
  });

  it("answer 500 at once while the database is away, and go on without a restart when it is back", async () => {
    const { kms, vpki } = roundRobin(replicas);
    const sync = {
      ProvisioningType: "SupplierSymmKey",
      EcuID: `010203040506070801020304${"00030001"}${"0".repeat(22)}`,
    };
    await cluster.pause();
    for (let each = 0; each < 4; each++) {
      expect((await kms.send("POST", "key", { ...sync, KeyID: "D" })).status).toBe(500);
      expect(await vpki.post("/api/v1/prov/revoke", { dn: "cn=a,o=b" })).toEqual({
        status: 500,
        body: { resultMessage: "Internal Server Error" },
      });
    }
    await cluster.resume();
    for (let each = 0; each < 4; each++) {
      expect((await kms.send("POST", "key", { ...sync, KeyID: "D" })).body.ResultStatus).toBe("Success");
      expect((await vpki.post("/api/v1/prov/revoke", { dn: "cn=a,o=b" })).status).toBe(404);
    }
    await Promise.all([kms.close(), vpki.end()]);
  });
});
