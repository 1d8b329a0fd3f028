/** Bench row of the history: the slowest of all kinds of search among a million units, each in a store that is as the station has it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openDatabase } from "../../db/database.js";
import { inlineStores, type StoreHost } from "../../db/store.js";
import { createHistory } from "../../records/history.js";
import { recordsSource } from "../../records/store.js";
import { FILL_TEXTS } from "../../records/text-index.js";
import type { HistoryQuery } from "../../records/types.js";
import type { BenchRow } from "./row.js";

const UNITS = 1_000_000;
const LIMIT_MS = 50;
/** Searches of each kind. */
const ROUNDS = 10;
/** A minute of a station each. */
const FROM = Date.UTC(2024, 0, 1);
const STEP = 60_000;

/** An EcuID without order: the unit's number times each of these, the last 8 hex digits of it. */
const FACTORS = [2654435761, 2246822519, 3266489917, 668265263, 374761393, 2869860233, 1540483477];
const ecuId = (i: number) =>
  FACTORS.map((factor) => ((i * factor) % 2 ** 32).toString(16).padStart(8, "0"))
    .join("")
    .slice(2);
const ECU_ID = `substr(printf('${"%08x".repeat(FACTORS.length)}', ${FACTORS.map((factor) => `i * ${factor} % 4294967296`).join(", ")}), 3)`;
/** One of 20 runs fails, one of 1000 is aborted; 8 bays; 2 certificates a unit. */
const FILL = [
  `INSERT INTO run (run_id, bay, profile, vin, ecu_id, serial, header, started_at, finished_at, outcome, code, record, station, sealed)
   WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
   SELECT printf('%09d', i), printf('bay-%d', i % 8), 'evcc', printf('KMHBENCH0%08d', i), ${ECU_ID}, printf('SN%08d', i),
     '{}', ${FROM} + i * ${STEP}, ${FROM} + i * ${STEP} + 40000,
     CASE WHEN i % 1000 = 7 THEN 'ABORTED' WHEN i % 20 = 3 THEN 'FAIL' ELSE 'PASS' END,
     CASE WHEN i % 1000 = 7 THEN 'RUN_ABORTED' WHEN i % 20 = 3 THEN 'TARGET_PROOF_FAILED' END, '{}', 'station-1', 1 FROM n`,
  `INSERT INTO run_certificate (run_id, name, type, dn, serial)
   WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
   SELECT printf('%09d', i / 2), printf('c%d', i % 2), 'ccu-sha256', printf('cn=%08d', i), printf('%040x', i) FROM n`,
];

/** Fills an empty store that the program made; its indexes are built behind the rows. */
async function fill(file: string, units: number): Promise<void> {
  const database = openDatabase(file);
  try {
    await database.exec("PRAGMA synchronous = OFF");
    const indexes = await database.all<{ name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('run', 'run_certificate')",
    );
    for (const { name } of indexes) await database.exec(`DROP INDEX ${name}`);
    await database.exec("BEGIN");
    await database.run(FILL[0] ?? "", units);
    await database.run(FILL[1] ?? "", 2 * units);
    await database.exec("COMMIT");
    for (const { sql } of indexes) await database.exec(sql);
    await database.exec(FILL_TEXTS);
  } finally {
    database.close();
  }
}

const pageBehind = (i: number) => `${FROM + i * STEP}:${String(i).padStart(9, "0")}`;
const digits = (i: number) => String(i).padStart(8, "0");

/** The searches by name; `i` is a unit. */
const SEARCHES: Readonly<Record<string, (i: number) => HistoryQuery>> = {
  newest: () => ({}),
  VIN: (i) => ({ vin: `KMHBENCH0${digits(i)}` }),
  EcuID: (i) => ({ ecuId: ecuId(i) }),
  serial: (i) => ({ serialNumber: `SN${digits(i)}` }),
  certificate: (i) => ({ certificate: i.toString(16).padStart(40, "0") }),
  outcome: () => ({ outcome: "FAIL" }),
  "rare outcome of a bay": (i) => ({ outcome: "ABORTED", bay: `bay-${i % 8}` }),
  code: () => ({ code: "RUN_ABORTED" }),
  "code of a bay": (i) => ({ code: "TARGET_PROOF_FAILED", bay: `bay-${i % 8}` }),
  bay: (i) => ({ bay: `bay-${i % 8}` }),
  station: () => ({ station: "station-1" }),
  time: (i) => ({ from: FROM + i * STEP, to: FROM + (i + 500) * STEP }),
  "deep page": (i) => ({ after: pageBehind(i) }),
  "text of all VINs": () => ({ text: "bench" }),
  "text of all VINs, deep page": (i) => ({ text: "bench", after: pageBehind(i) }),
  "text of all VINs and a rare outcome": (i) => ({ text: "KMHB", outcome: "ABORTED", bay: `bay-${i % 8}` }),
  "text of a whole VIN": (i) => ({ text: `KMHBENCH0${digits(i)}` }),
  "text of a VIN's last 6 digits": (i) => ({ text: digits(i).slice(2) }),
  "text of a VIN's last 4 digits": (i) => ({ text: digits(i).slice(4) }),
  "text of a serial number's end and a code": (i) => ({ text: digits(i).slice(4), code: "TARGET_PROOF_FAILED" }),
  "text of a rare code, in a time": (i) => ({ text: "aborted", from: FROM, to: FROM + i * STEP }),
  "text of an EcuID's midst": (i) => ({ text: ecuId(i).slice(20, 32) }),
  "text of 3 characters and a bay": (i) => ({ text: ecuId(i).slice(9, 12), bay: `bay-${i % 8}` }),
  "text of 2 characters": (i) => ({ text: digits(i).slice(6) }),
  "text of 2 characters that nothing has": () => ({ text: "Q%" }),
  "text that nothing has": (i) => ({ text: `QQQ${i}` }),
  "text that nothing has, of pieces that many have": (i) => ({ text: `${digits(i).slice(3)}${digits(i).slice(3)}` }),
};

async function slowest(stores: StoreHost, file: string, units: number): Promise<{ name: string; ms: number }> {
  const history = createHistory(await stores.open(recordsSource, file));
  let worst = { name: "", ms: 0 };
  for (const [name, query] of Object.entries(SEARCHES)) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      await history.list(query(Math.floor(((round + 0.53721) * units) / ROUNDS)));
      times.push(performance.now() - started);
    }
    // The middle one: others use the machine too.
    const ms = times.sort((a, b) => a - b)[ROUNDS / 2] ?? 0;
    if (ms > worst.ms) worst = { name, ms };
  }
  return worst;
}

/** Takes about a minute and 2 GB of the folder for temporary files. @param units in the history */
export async function historyRows(units = UNITS): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const stores = inlineStores();
  try {
    const file = join(folder, "records.sqlite");
    const made = inlineStores();
    await made.open(recordsSource, file);
    await made.close();
    await fill(file, units);
    const { name, ms } = await slowest(stores, file, units);
    return [
      {
        name: `search in a history of ${units.toLocaleString("en")} units, the slowest kind (${name})`,
        value: ms,
        unit: "ms",
        limit: LIMIT_MS,
        ratio: ms / LIMIT_MS,
        bar: `< ${LIMIT_MS} ms`,
        ok: ms < LIMIT_MS,
      },
    ];
  } finally {
    await stores.close();
    await rm(folder, { recursive: true, force: true });
  }
}
