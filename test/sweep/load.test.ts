/** Two server processes on one data folder under parallel load: nothing is given twice. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { kmsFile, rows, vpkiFile } from "../system/cases.js";
import { callBuilt, startServers, tempFolder } from "../system/harness.js";
import { Book, hadEffect, type LoadTarget, repeatAnswered, runLoad } from "./load.js";
import { checkAnswers, checkKmsStore, checkVpkiStore, type StoreReader } from "./load-check.js";
import { SEED } from "./seed.js";

const ANSWERS = 2_000;
const WORKERS = 16;
/** SupplierSecretKey of config/registry.simulator.yaml. */
const SECRET = "53494d554c41544f522d534543524554";

it(`no serial, key or counter is given twice, whoever asks which of two processes (seed ${SEED})`, async () => {
  const data = tempFolder("load");
  const [one, two] = [await startServers(["--data", data]), await startServers(["--data", data])];
  const target: LoadTarget = {
    vpki: [one.vpki, two.vpki],
    kms: [one.kms, two.kms],
    ca: readFileSync(one.ca, "utf8"),
    cert: readFileSync(one.clientCert, "utf8"),
    key: readFileSync(one.clientKey, "utf8"),
  };
  const book = new Book();
  const began = performance.now();
  await runLoad({ target, book, name: "load", seed: SEED, workers: WORKERS, supplierSecret: SECRET, answers: ANSWERS });
  const seconds = (performance.now() - began) / 1000;
  // The other process gives the same answers.
  const turned: LoadTarget = { ...target, vpki: [two.vpki, one.vpki], kms: [two.kms, one.kms] };
  await repeatAnswered(turned, book, book.answered.filter(hadEffect).slice(-500));
  expect(book.unanswered).toEqual([]);
  for (const servers of [one, two]) expect((await servers.stop()).code).toBe(0);

  const reader: StoreReader = {
    vpki: async (sql) => rows(vpkiFile(data), sql),
    kms: async (sql) => rows(kmsFile(data), sql),
  };
  const { stdout } = await callBuilt("ecustation", ["records", "verify", "--json", "--data", data]);
  const { chains } = JSON.parse(stdout) as { chains: { state: string }[] };
  expect(chains.map(({ state }) => state)).toEqual(["ok", "ok"]);
  const found = [
    ...checkAnswers(book),
    ...(await checkVpkiStore(book, reader)),
    ...(await checkKmsStore(book, reader, new Map())),
  ];
  expect(found.slice(0, 5)).toEqual([]);
  console.log(
    `load: seed ${SEED}, ${book.answered.length} requests by ${WORKERS} clients on two processes in ${seconds.toFixed(1)} s, ${book.busy} sent away for later, ${book.repeated} repeated`,
  );
});
