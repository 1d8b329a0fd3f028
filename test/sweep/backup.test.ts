/** Backups of servers under load: each is one that servers go on from, with all that was answered before it began. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kmsFile, rows, vpkiFile } from "../system/cases.js";
import { callBuilt, startServers, tempFolder } from "../system/harness.js";
import { Book, hadEffect, type LoadTarget, repeatAnswered, runLoad } from "./load.js";
import { checkKmsStore, checkVpkiStore, type StoreReader } from "./load-check.js";
import { SEED } from "./seed.js";

const ANSWERS = 1_200;
const WORKERS = 8;
/** Each one begins when so many answers have come. */
const BACKUPS_AT = [200, 500, 800];
/** SupplierSecretKey of config/registry.simulator.yaml. */
const SECRET = "53494d554c41544f522d534543524554";

type Servers = Awaited<ReturnType<typeof startServers>>;
const targetOf = (at: Servers): LoadTarget => ({
  vpki: [at.vpki],
  kms: [at.kms],
  ca: readFileSync(at.ca, "utf8"),
  cert: readFileSync(at.clientCert, "utf8"),
  key: readFileSync(at.clientKey, "utf8"),
});

async function backUp(data: string, folder: string): Promise<void> {
  const { code, stderr } = await callBuilt("ecustation", ["backup", "--to", folder, "--data", data]);
  expect([code, stderr]).toEqual([0, ""]);
}

it(`a backup of servers under load holds all that they had answered (seed ${SEED})`, async () => {
  const data = tempFolder("load");
  const servers = await startServers(["--data", data]);
  const book = new Book();
  const backups: Promise<{ folder: string; answered: Book["answered"] }>[] = [];
  const onAnswer = (count: number) => {
    if (!BACKUPS_AT.includes(count)) return;
    const folder = join(tempFolder("backup"), "copy");
    const answered = [...book.answered];
    backups.push(backUp(data, folder).then(() => ({ folder, answered })));
  };
  const load = { name: "load", seed: SEED, workers: WORKERS, supplierSecret: SECRET, answers: ANSWERS };
  await runLoad({ ...load, target: targetOf(servers), book, onAnswer });
  expect((await servers.stop()).code).toBe(0);
  expect(backups).toHaveLength(BACKUPS_AT.length);

  for (const { folder, answered } of await Promise.all(backups)) {
    const restored = join(tempFolder("restored"), "data");
    expect((await callBuilt("ecustation", ["restore", "--from", folder, "--data", restored])).stderr).toBe("");
    const { stdout } = await callBuilt("ecustation", ["records", "verify", "--json", "--data", restored]);
    const { chains } = JSON.parse(stdout) as { chains: { state: string }[] };
    expect(chains.map(({ state }) => state)).toEqual(["ok", "ok"]);
    const then = new Book();
    then.answered.push(...answered);
    const reader: StoreReader = {
      vpki: async (sql) => rows(vpkiFile(restored), sql),
      kms: async (sql) => rows(kmsFile(restored), sql),
    };
    const found = [...(await checkVpkiStore(then, reader)), ...(await checkKmsStore(then, reader, new Map()))];
    expect(found.slice(0, 5)).toEqual([]);
    // Servers on it give the very same answers.
    const again = await startServers(["--data", restored]);
    await repeatAnswered(targetOf(again), then, answered.filter(hadEffect).slice(-100));
    expect(then.differing).toEqual([]);
    expect(then.repeated).toBeGreaterThan(0);
    expect((await again.stop()).code).toBe(0);
  }
});
