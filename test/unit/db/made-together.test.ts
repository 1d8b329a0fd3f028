/** A store that two make at the same moment: who comes second waits, as for every other lock. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openDatabase } from "../../../src/db/database.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "made-together-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Another that is about to write to the fresh file, and ends this some time after it was told that somebody opens it. */
const OTHER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { DatabaseSync } = require(workerData.sqlite);
  const database = new DatabaseSync(workerData.file);
  // As every program has it: who opens meanwhile has the file for a moment, too.
  database.exec("PRAGMA busy_timeout = 10000");
  database.exec("BEGIN IMMEDIATE; CREATE TABLE theirs (x)");
  parentPort.postMessage("holds it");
  const opens = new Int32Array(workerData.opens);
  Atomics.wait(opens, 0, 0);
  Atomics.wait(opens, 0, 1, 100);
  database.exec("COMMIT");
  database.close();
`;

it("is opened once the other one has let go of it", async () => {
  const file = join(folder, "new.db");
  const opens = new SharedArrayBuffer(4);
  const sqlite = createRequire(import.meta.url).resolve("@photostructure/sqlite");
  const other = new Worker(OTHER, { eval: true, workerData: { file, opens, sqlite } });
  const ended = new Promise((resolve, reject) => other.on("exit", resolve).on("error", reject));
  await new Promise((resolve) => other.once("message", resolve));
  Atomics.store(new Int32Array(opens), 0, 1);
  Atomics.notify(new Int32Array(opens), 0);
  const database = openDatabase(file);
  expect(await database.get("PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  expect(await database.all("SELECT name FROM sqlite_schema")).toEqual([{ name: "theirs" }]);
  database.close();
  await ended;
});
