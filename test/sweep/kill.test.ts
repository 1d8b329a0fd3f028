/** Servers that are killed under load, again and again, on one data folder. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kmsFile, rows, vpkiFile } from "../system/cases.js";
import { callBuilt, type Servers, start, startServers, tempFolder } from "../system/harness.js";
import { Book, hadEffect, type LoadTarget, repeatAnswered, repeatUnanswered, runLoad } from "./load.js";
import { type Counters, checkAnswers, checkKmsStore, checkVpkiStore, type StoreReader } from "./load-check.js";
import { below, pick, randomOf, SEED } from "./seed.js";

const KILLS = 50;
const WORKERS = 6;
/** A kill comes with an answer of this number, or at latest so many ms behind it. */
const MOST_ANSWERS = 60;
const MOST_DELAY = 25;
/** SupplierSecretKey of config/registry.simulator.yaml. */
const SECRET = "53494d554c41544f522d534543524554";

const targetOf = (servers: Servers): LoadTarget => ({
  vpki: [servers.vpki],
  kms: [servers.kms],
  ca: readFileSync(servers.ca, "utf8"),
  cert: readFileSync(servers.clientCert, "utf8"),
  key: readFileSync(servers.clientKey, "utf8"),
});

const readerOf = (data: string): StoreReader => ({
  vpki: async (sql) => rows(vpkiFile(data), sql),
  kms: async (sql) => rows(kmsFile(data), sql),
});

async function brokenChains(data: string): Promise<unknown[]> {
  const { stdout } = await callBuilt("ecustation", ["records", "verify", "--json", "--data", data]);
  const { chains } = JSON.parse(stdout) as { chains: { store: string; state: string; bad: unknown }[] };
  return chains.length < 2 ? ["a chain is missing"] : chains.filter(({ state }) => state !== "ok");
}

describe("servers that are killed under load", () => {
  it(`have everything that they answered, ${KILLS} times (seed ${SEED})`, async () => {
    const data = tempFolder("kill");
    const random = randomOf("kill");
    const book = new Book();
    const counters: Counters = new Map();
    const reader = readerOf(data);
    let [lost, early] = [0, 0];

    for (let round = 0; round < KILLS; round++) {
      // Some die before they are ready.
      if (random() < 0.1) {
        const starting = start("ecustation", ["servers", "--data", data]);
        setTimeout(() => void starting.kill(), random() * 1_500);
        await starting.finished;
        early++;
      }
      const servers = await startServers(["--data", data]);
      const target = targetOf(servers);
      lost += await repeatUnanswered(target, book);
      expect([round, checkAnswers(book).slice(0, 5)]).toEqual([round, []]);
      const sample = book.answered.filter(hadEffect);
      const again = Array.from({ length: Math.min(10, sample.length) }, () => pick(random, sample));
      await repeatAnswered(target, book, again);

      const enough = 1 + below(random, MOST_ANSWERS);
      const delay = random() * MOST_DELAY;
      await runLoad({
        ...{ target, book, name: `r${round}`, seed: SEED, workers: WORKERS, supplierSecret: SECRET },
        onAnswer: (count) => {
          if (count === enough) setTimeout(() => void servers.kill(), delay);
        },
      });
      expect((await servers.finished).signal).toBe("SIGKILL");

      const found = [
        ...(await brokenChains(data)),
        ...(await checkVpkiStore(book, reader)),
        ...(await checkKmsStore(book, reader, counters)),
      ];
      expect([round, found.slice(0, 5)]).toEqual([round, []]);
    }

    const servers = await startServers(["--data", data]);
    const target = targetOf(servers);
    lost += await repeatUnanswered(target, book);
    await repeatAnswered(target, book, book.answered.filter(hadEffect));
    expect((await servers.stop()).code).toBe(0);
    const found = [
      ...checkAnswers(book),
      ...(await brokenChains(data)),
      ...(await checkVpkiStore(book, reader)),
      ...(await checkKmsStore(book, reader, counters)),
    ];
    expect(found.slice(0, 5)).toEqual([]);
    const counted = (kind: string) => book.answered.filter((exchange) => exchange.about.kind === kind).length;
    console.log(
      `kill: seed ${SEED}, ${KILLS + early} kills (${early} while starting), ${book.answered.length} requests ` +
        `(${counted("issue")} issue, ${counted("reissue")} reissue, ${counted("revoke")} revoke, ${counted("set")} sets, ` +
        `${counted("result")} results), ${lost} of them lost their answer and were repeated, ${book.repeated} repeated beside`,
    );
    // The kills came in the middle of requests.
    expect(lost).toBeGreaterThan(KILLS);
  });
});
