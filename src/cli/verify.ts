/** `records verify`: the audit chains of a data folder and of its servers' database, checked offline. */
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { headFile } from "../audit/head-file.js";
import type { VerifyingKey } from "../records/sign.js";
import { StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import { broken, type ChainReport, verifyFile, verifySchema } from "./chains.js";
import { loadConfig, type StationConfig } from "./config.js";
import { exists, reason } from "./files.js";
import { EXIT, type GlobalOptions, type Io, printJson, printLine, setExit } from "./io.js";
import {
  isExport,
  keysOfStore,
  type RecordsReport,
  readVerifyingKey,
  verifyExport,
  verifyStored,
} from "./verify-records.js";

interface ChainStore {
  readonly store: string;
  readonly since: number;
  readonly schema?: string;
}

/** The stores that have a chain, the schema version that brought it, and the schema where a server's store is in a database. */
const STORES: readonly [ChainStore, ...ChainStore[]] = [
  { store: "records.sqlite", since: 2 },
  { store: "servers/vpki/vpki.sqlite", since: 2, schema: "vpki" },
  { store: "servers/kms/kms.sqlite", since: 3, schema: "kms" },
];

interface VerifyOptions extends GlobalOptions {
  readonly file?: string;
  readonly heads?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** What `--json` printed earlier; more than the heads may stand there. */
const HeadsSchema = Type.Object({
  chains: Type.Array(
    Type.Object({
      store: Type.String(),
      head: Type.Object({ seq: Type.Integer({ minimum: 0 }), hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) }),
    }),
  ),
});
type Heads = Static<typeof HeadsSchema>["chains"];

export function verifyCommand(io: Io): Command {
  return new Command("verify")
    .description("checks the audit chains and the records, and names what is bad first; exit 1 when something is")
    .option("--file <store>", "one store, or a file that records export wrote, instead of the data folder")
    .option("--key <file>", "public key, PEM, that alone may have signed records (default: those of the audit chain)")
    .option("--heads <file>", "what --json printed earlier: its heads must still be in the chains")
    .option("--json", "one JSON object: ok, chains, records")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<VerifyOptions>();
      const heads = options.heads === undefined ? [] : await readHeads(options.heads);
      const { chains, records } = await reportsOf(io, options, heads);
      const ok = chains.every(({ state }) => state !== "broken") && records.every(({ bad }) => bad === undefined);
      if (options.json === true)
        await printJson(io, { ok, chains: chains.map(plain), records: records.map(plainRecords) }, 2);
      else for (const line of [...chains.map(reportLine), ...records.map(recordsLine)]) await printLine(io, line);
      if (!ok) setExit(io, EXIT.FAIL);
    });
}

interface Reports {
  readonly chains: readonly ChainReport[];
  readonly records: readonly RecordsReport[];
}

async function reportsOf(io: Io, options: VerifyOptions, heads: Heads): Promise<Reports> {
  const key = options.key === undefined ? undefined : await readVerifyingKey(options.key);
  const config = await loadConfig(options.config, options.data, io.env);
  const { file } = options;
  if (file === undefined) {
    const chains = await verifyAll(config, heads);
    const [{ store }] = STORES;
    return { chains, records: await storedRecords(store, join(config.dataDir, store), key, chains[0]) };
  }
  const exported = await isExport(file).catch((error: unknown) => {
    throw usage(`${file}: ${reason(error)}`);
  });
  if (!exported) {
    const chain = await verifyGiven(file, heads);
    return { chains: [chain], records: await storedRecords(file, file, key, chain) };
  }
  const own = join(config.dataDir, STORES[0].store);
  const keys = key === undefined ? await keysOfStore(own) : [key];
  const { chain, records } = await verifyExport(
    file,
    file,
    keys,
    headsOf(heads, () => true),
  );
  const state = chain?.bad === undefined ? "ok" : "broken";
  return { chains: chain === undefined ? [] : [{ ...chain, store: file, state }], records: [records] };
}

/** Where the chain is broken, nothing can be said of what hangs on it. */
async function storedRecords(
  store: string,
  file: string,
  key: VerifyingKey | undefined,
  chain: ChainReport | undefined,
): Promise<RecordsReport[]> {
  if (chain?.state !== "ok" || chain.store !== store) return [];
  const report = await verifyStored(store, file, key);
  return report === undefined ? [] : [report];
}

async function verifyAll({ dataDir, servers }: StationConfig, heads: Heads): Promise<ChainReport[]> {
  const database = servers.kind === "embedded" ? servers.database : undefined;
  const reports: ChainReport[] = [];
  for (const { store, since, schema } of STORES) {
    if (database !== undefined && schema !== undefined) {
      const name = `postgresql/${schema}`;
      const place = { store: name, since, heads: headsOf(heads, (head) => head === name) };
      const beside = join(dataDir, "servers", schema, `${schema}.postgres`);
      reports.push(await verifySchema(place, database.postgres, schema, beside));
      continue;
    }
    const file = join(dataDir, store);
    const place = { store, since, heads: headsOf(heads, (head) => head === store) };
    if (await exists(file)) reports.push(await verifyFile(place, file, true));
    else if (place.heads.length > 0 || (await exists(headFile(file))))
      reports.push(
        broken(store, { row: 1, fault: "missing", what: "and all others are missing: the store is not there" }),
      );
  }
  if (reports.length === 0) throw usage(`there is no audit chain in ${dataDir} (expected records.sqlite or servers)`);
  return reports;
}

async function verifyGiven(given: string, heads: Heads): Promise<ChainReport> {
  const file = resolve(given);
  const name = basename(file);
  const since = STORES.find(({ store }) => basename(store) === name)?.since;
  const place = { store: given, since: since ?? 0, heads: headsOf(heads, (store) => basename(store) === name) };
  const report = await verifyFile(place, file, false);
  if (since === undefined && report.rows === 0 && report.bad?.fault === "unreadable")
    throw usage(`${given}: is no store with an audit chain`);
  return report;
}

const headsOf = (heads: Heads, of: (store: string) => boolean) =>
  heads.filter(({ store }) => of(store)).map(({ head }) => head);

async function readHeads(file: string): Promise<Heads> {
  let text: string;
  try {
    text = await readSettings(file, "utf8");
  } catch (error) {
    throw usage(`${file}: ${reason(error)}`);
  }
  try {
    return Value.Parse(HeadsSchema, JSON.parse(text)).chains;
  } catch {
    throw usage(`${file}: is not what records verify --json prints`);
  }
}

function usage(what: string): StationError {
  return new StationError("USAGE", { details: { what } });
}

function plain({ store, state, rows, head, bad }: ChainReport) {
  return { store, state, rows, head, bad: bad ?? null };
}

function reportLine({ store, state, rows, head, bad }: ChainReport): string {
  const start = `${state.toUpperCase().padEnd(6)}  ${store}  `;
  if (state === "none") return `${start}from before the audit chain: it begins when a program opens the store`;
  if (bad === undefined) return `${start}${rows} rows, head ${head.hash}`;
  return `${start}row ${bad.row} ${bad.what} (${rows} rows hold, head ${head.hash})`;
}

function plainRecords({ bad, ...report }: RecordsReport) {
  return { ...report, bad: bad ?? null };
}

function recordsLine({ store, records, signed, bad }: RecordsReport): string {
  const start = `${bad === undefined ? "OK" : "BROKEN"}`.padEnd(6);
  const what = bad === undefined ? "" : `run ${bad.run} ${bad.what}, behind `;
  return `${start}  ${store}  ${what}${records} records, ${signed} signed`;
}
