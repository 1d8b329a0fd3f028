/** What the system tests share: one unit's inputs, and a run as the command line gives it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import type { RunRecord } from "../../src/station/ports.js";
import { externalServers, type Finished, type Options, run, type Servers, tempFolder } from "./harness.js";

export const EVCC = { vin: "KMHC851CFLU061234", pcid: "KM8P2844A9TD84HR91", evccid: "KM7V200DA343BEMZEG80" };

export const EVCC_ARGS = ["--profile", "evcc", "--vin", EVCC.vin, "--pcid", EVCC.pcid, "--evccid", EVCC.evccid];

export interface RanUnit extends Finished {
  record: RunRecord;
}

/** One EVCC over `link`, `--json`; the record is parsed. */
export async function runEvcc(
  link: string,
  data: string,
  more: readonly string[] = [],
  options: Options = {},
): Promise<RanUnit> {
  const done = await run(
    "ecustation",
    ["run", ...EVCC_ARGS, "--link", link, "--data", data, "--json", ...more],
    options,
  );
  return { ...done, record: recordOf(done) };
}

export function recordOf(done: Finished): RunRecord {
  try {
    return JSON.parse(done.stdout) as RunRecord;
  } catch {
    throw new Error(`no record (exit ${done.code ?? done.signal})\n${done.stdout}\n${done.stderr}`);
  }
}

export function stepFacts(record: RunRecord, step: string): Readonly<Record<string, unknown>> {
  const found = record.steps.find((entry) => entry.step === step);
  if (found === undefined) throw new Error(`no step ${step} in ${record.steps.map((entry) => entry.step).join(" ")}`);
  return found.facts;
}

/** Rows of a store that the programs left behind. */
export function rows<T extends object>(file: string, sql: string): T[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare(sql).all() as T[];
  } finally {
    database.close();
  }
}

export const recordsFile = (data: string) => join(data, "records.sqlite");
export const kmsFile = (data: string) => join(data, "servers", "kms", "kms.sqlite");
export const vpkiFile = (data: string) => join(data, "servers", "vpki", "vpki.sqlite");

/**
 * A configuration file for a station on external servers; what is given replaces an address.
 * @param data the servers' own folder
 */
export function externalConfig(at: Servers, data: string, instead: { vpki?: string; kms?: string }): string {
  const file = join(tempFolder("config"), "station.yaml");
  const external = externalServers({ ...at, ...instead }, data);
  const secrets = { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } };
  const limits = { request: 3_000, attempts: 2, flush: 5_000 };
  // YAML takes JSON as it is.
  const config = { schema: 1, mode: "simulator", orders: "none", servers: { external }, secrets, limits };
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

/** Looks until it is so; the test's own time limit bounds it. */
export async function until(so: () => boolean): Promise<void> {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 50));
}
