/** `records export`: records, or the audit chain, to standard output or a file. */
import { createWriteStream } from "node:fs";
import { Command, Option } from "commander";
import { headOf, rowsOf } from "../audit/chain.js";
import { openReader } from "../db/database.js";
import { canonicalJson } from "../records/canonical.js";
import { recordHead, recordLine } from "../records/csv.js";
import type { History } from "../records/history.js";
import { readPublicKey } from "../records/sign.js";
import type { HistoryQuery } from "../records/types.js";
import { readUnitRecord, type UnitRecord } from "../records/unit-record.js";
import { StationError } from "../shared/errors.js";
import { loadConfig, recordsFile } from "./config.js";
import { exists, reason } from "./files.js";
import { type Io, writeAll } from "./io.js";
import { addQueryOptions, type QueryOptions, queryOf, withRecords } from "./records-query.js";
import { stationKeyFile } from "./records-setting.js";

type Format = "json" | "jsonl" | "csv";

interface ExportOptions extends QueryOptions {
  readonly format: Format;
  readonly audit?: boolean;
  readonly out?: string;
}

type Write = (text: string) => Promise<void>;

/** One record on a line of its own in each of them, so that nothing holds more than a page. */
const LAYOUTS: Readonly<
  Record<
    Format,
    { head(key: string | undefined): string; line(record: UnitRecord, first: boolean): string; tail: string }
  >
> = {
  json: {
    head: (key) => `{"publicKey":${JSON.stringify(key ?? null)},"records":[`,
    line: (record, first) => `${first ? "" : ","}\n${canonicalJson(record)}`,
    tail: "\n]}\n",
  },
  jsonl: { head: () => "", line: (record) => `${canonicalJson(record)}\n`, tail: "" },
  csv: { head: () => recordHead, line: recordLine, tail: "" },
};

export function exportCommand(io: Io): Command {
  const command = new Command("export").description("records as JSON or CSV, or the audit chain");
  return addQueryOptions(command)
    .addOption(
      new Option("--format <format>", "json: one object, jsonl: one record a line")
        .choices(["json", "jsonl", "csv"])
        .default("json"),
    )
    .option("--audit", "the audit chain instead, one row a line; records verify --file checks it")
    .option("--out <file>", "into this file, which must not be there yet")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ExportOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      await withOutput(io, options.out, async (write) => {
        if (options.audit === true) {
          await writeChain(recordsFile(config), write);
          return;
        }
        const { head, line, tail } = LAYOUTS[options.format];
        await write(head(await readPublicKey(stationKeyFile(config))));
        await withRecords(config, (history) => writeRecords(history, queryOf(options), line, write));
        await write(tail);
      });
    });
}

async function writeRecords(
  history: History,
  query: HistoryQuery,
  line: (record: UnitRecord, first: boolean) => string,
  write: Write,
): Promise<void> {
  let first = true;
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await history.records(after === undefined ? query : { ...query, after });
    for (const stored of page.records) {
      await write(line(readUnitRecord(stored), first));
      first = false;
    }
    after = page.next;
  }
}

async function writeChain(file: string, write: Write): Promise<void> {
  if (!(await exists(file))) return;
  const database = openReader(file);
  try {
    await database.exec("BEGIN");
    // Ahead of the rows, so that what was cut off is missed.
    await write(`${JSON.stringify({ head: await headOf(database) })}\n`);
    for await (const row of rowsOf(database)) await write(`${JSON.stringify(row)}\n`);
    await database.exec("ROLLBACK");
  } finally {
    database.close();
  }
}

async function withOutput(io: Io, out: string | undefined, work: (write: Write) => Promise<void>): Promise<void> {
  if (out === undefined) return work((text) => writeAll(io.stdout, text));
  const stream = createWriteStream(out, { flags: "wx", mode: 0o600 });
  let failure: unknown;
  stream.on("error", (error) => {
    failure ??= error;
  });
  try {
    await work((text) => writeAll(stream, text));
    await new Promise<void>((resolve) => stream.end(() => resolve()));
  } catch (error) {
    failure ??= error;
  }
  stream.destroy();
  if (failure === undefined) return;
  if (failure instanceof StationError) throw failure;
  const there = failure instanceof Error && "code" in failure && failure.code === "EEXIST";
  throw new StationError("USAGE", { details: { what: `${out}: ${there ? "is there already" : reason(failure)}` } });
}
