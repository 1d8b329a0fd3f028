/** `records verify`: the audit chains of a data folder, checked offline. */
import { access, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { headOf, rowsOf } from "../audit/chain.js";
import { headFile, readHead } from "../audit/head-file.js";
import { GENESIS, type Head } from "../audit/row.js";
import { type BadRow, type KeptHead, type Verdict, verifyChain } from "../audit/verify.js";
import { type OpenDatabase, openReader } from "../db/database.js";
import { describe, StationError } from "../shared/errors.js";
import { loadConfig, reason } from "./config.js";
import { EXIT, type GlobalOptions, type Io, printLine, setExit } from "./io.js";

/** The stores of a data folder that have a chain, and the schema version that brought it. */
const STORES = [
  { store: "records.sqlite", since: 2 },
  { store: "servers/vpki/vpki.sqlite", since: 2 },
  { store: "servers/kms/kms.sqlite", since: 3 },
] as const;

interface ChainReport extends Verdict {
  readonly store: string;
  /** `none`: the store is from before, its chain begins when a program opens it. */
  readonly state: "ok" | "broken" | "none";
}

interface VerifyOptions extends GlobalOptions {
  readonly file?: string;
  readonly heads?: string;
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
    .description("checks the audit chains and names the first bad row; exit 1 when one is broken")
    .option("--file <store>", "one store instead of all of the data folder")
    .option("--heads <file>", "what --json printed earlier: its heads must still be in the chains")
    .option("--json", "one JSON object: ok, chains")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<VerifyOptions>();
      const heads = options.heads === undefined ? [] : await readHeads(options.heads);
      const reports =
        options.file === undefined
          ? await verifyFolder((await loadConfig(options.config, options.data, io.env)).dataDir, heads)
          : [await verifyFile(options.file, heads)];
      const ok = reports.every(({ state }) => state !== "broken");
      if (options.json === true) await printLine(io, JSON.stringify({ ok, chains: reports.map(plain) }, null, 2));
      else for (const report of reports) await printLine(io, reportLine(report));
      if (!ok) setExit(io, EXIT.FAIL);
    });
}

async function verifyFolder(folder: string, heads: Heads): Promise<ChainReport[]> {
  const reports: ChainReport[] = [];
  for (const { store, since } of STORES) {
    const file = join(folder, store);
    const kept = heads.filter((head) => head.store === store);
    if (await exists(file)) reports.push(await verifyStore(store, file, since, kept, true));
    else if (kept.length > 0 || (await exists(headFile(file))))
      reports.push(
        broken(store, { row: 1, fault: "missing", what: "and all others are missing: the store is not there" }),
      );
  }
  if (reports.length === 0)
    throw usage(`there is no audit chain in ${folder} (expected ${STORES[0].store} or servers)`);
  return reports;
}

async function verifyFile(given: string, heads: Heads): Promise<ChainReport> {
  const file = resolve(given);
  const name = basename(file);
  try {
    await access(file);
  } catch (error) {
    throw usage(`${given}: ${reason(error)}`);
  }
  const since = STORES.find(({ store }) => basename(store) === name)?.since;
  const kept = heads.filter(({ store }) => basename(store) === name);
  const report = await verifyStore(given, file, since ?? 0, kept, false);
  if (since === undefined && report.rows === 0 && report.bad?.fault === "unreadable")
    throw usage(`${given}: is no store with an audit chain`);
  return report;
}

/** @param own true where the store stands in its own folder, so that its head file must be beside it */
async function verifyStore(
  store: string,
  file: string,
  since: number,
  kept: Heads,
  own: boolean,
): Promise<ChainReport> {
  let database: OpenDatabase | undefined;
  try {
    // Before the rows: a head that is written meanwhile would be ahead of what is read.
    const beside = readHead(file);
    database = openReader(file);
    await database.exec("BEGIN");
    const version = (await database.get<{ user_version: number }>("PRAGMA user_version"))?.user_version ?? 0;
    const there = (await database.get("SELECT 1 AS there FROM sqlite_master WHERE name = 'audit_head'")) !== undefined;
    if (!there && version < since && beside === undefined) return { ...EMPTY, store, state: "none" };
    const verdict = await verifyChain({
      rows: rowsOf(database),
      head: await headOf(database),
      kept: keptHeads(beside, headFile(store), kept),
    });
    const bad = verdict.bad ?? headFault(beside, own, verdict.head, headFile(store));
    return { ...verdict, bad, store, state: bad === undefined ? "ok" : "broken" };
  } catch (error) {
    return broken(store, { row: 1, fault: "unreadable", what: `cannot be read: ${describe(error)}` });
  } finally {
    await end(database);
  }
}

/** Ends the reading transaction too: a closed connection lives on until its statements are collected. */
async function end(database: OpenDatabase | undefined): Promise<void> {
  try {
    await database?.exec("ROLLBACK");
  } catch {
    // There was none, or the file is damaged.
  }
  database?.close();
}

const EMPTY: Verdict = { rows: 0, head: GENESIS, bad: undefined };
const broken = (store: string, bad: BadRow): ChainReport => ({ ...EMPTY, store, bad, state: "broken" });

function keptHeads(beside: ReturnType<typeof readHead>, where: string, heads: Heads): KeptHead[] {
  const own = beside === undefined || beside === "damaged" ? [] : [{ ...beside, where }];
  return [...own, ...heads.map(({ head }) => ({ ...head, where: "--heads" }))];
}

/** A chain that holds in itself, but whose head was not kept beside it. */
function headFault(beside: ReturnType<typeof readHead>, own: boolean, head: Head, where: string): BadRow | undefined {
  const row = head.seq + 1;
  if (beside === "damaged") return { row, fault: "head", what: `may be missing: ${where} is damaged` };
  return own && beside === undefined
    ? { row, fault: "head", what: `may be missing: ${where} is not there` }
    : undefined;
}

async function readHeads(file: string): Promise<Heads> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw usage(`${file}: ${reason(error)}`);
  }
  try {
    return Value.Parse(HeadsSchema, JSON.parse(text)).chains;
  } catch {
    throw usage(`${file}: is not what records verify --json prints`);
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
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
