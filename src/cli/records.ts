/** `records`: the station's history. */
import { Command, InvalidArgumentError } from "commander";
import type { History } from "../records/history.js";
import { resultText } from "../records/outbox.js";
import type { HistoryPage, OutboxEntry, RunDetails, RunSummary } from "../records/types.js";
import { StationError } from "../shared/errors.js";
import { loadConfig, recordsFile, type StationConfig } from "./config.js";
import { type Io, printJson, printLine } from "./io.js";
import { pageMark } from "./option-values.js";
import { shortened } from "./printable.js";
import { stepLine, verdictLines } from "./progress.js";
import { exportCommand } from "./records-export.js";
import { keyCommand, pruneCommand } from "./records-keep.js";
import { addQueryOptions, type QueryOptions, queryOf, withRecords } from "./records-query.js";
import { verifyCommand } from "./verify.js";

interface ListOptions extends QueryOptions {
  readonly limit?: number;
  readonly after?: string;
  readonly json?: boolean;
}

/** What `list` shows: a page of runs, and all results that wait for the KMS or that it refused. */
interface Listed {
  readonly page: HistoryPage;
  readonly waiting: readonly OutboxEntry[];
  readonly quarantined: readonly OutboxEntry[];
}

const NOTHING: Listed = { page: { runs: [], next: undefined }, waiting: [], quarantined: [] };

export function recordsCommand(io: Io): Command {
  const command = new Command("records").description("the history of units");
  addQueryOptions(command.command("list"))
    .description("runs, newest first, and the results that have not reached the KMS")
    .option("--limit <count>", "at most so many (1–500, default 50)", count)
    .option("--after <mark>", "the next page: `next` of the one before", pageMark)
    .option("--json", "one JSON object: runs, next, waiting, quarantined")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      const { limit, after } = options;
      const query = {
        ...queryOf(options),
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      };
      const read = async (history: History): Promise<Listed> => ({
        page: await history.list(query),
        ...(await history.unsettled()),
      });
      await printListed(io, (await withRecords(config, read)) ?? NOTHING, options.json === true);
    });
  command
    .command("show <runId>")
    .description("one run: its steps, its verdict, what it owes")
    .option("--json", "header, record, journal and outbox as JSON")
    .action(async (runId: string, _options, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      const run = await withRecords(config, (history) => history.show(runId));
      if (run === undefined)
        throw new StationError("USAGE", { details: { what: `there is no run ${runId} in ${recordsFile(config)}` } });
      if (options.json === true) await printJson(io, run, 2);
      else for (const line of runLines(run, config)) await printLine(io, line);
    });
  command.addCommand(exportCommand(io));
  command.addCommand(keyCommand(io));
  command.addCommand(pruneCommand(io));
  command.addCommand(verifyCommand(io));
  return command;
}

function count(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 500) throw new InvalidArgumentError("expected a whole number from 1 to 500");
  return value;
}

async function printListed(io: Io, { page, waiting, quarantined }: Listed, json: boolean): Promise<void> {
  if (json) {
    await printJson(io, { runs: page.runs, next: page.next ?? null, waiting, quarantined }, 2);
    return;
  }
  for (const run of page.runs) await printLine(io, summaryLine(run));
  if (page.next !== undefined) await printLine(io, `more: --after ${page.next}`);
  for (const entry of [...quarantined, ...waiting]) await printLine(io, `${entry.runId}  ${owedLine(entry)}`);
}

/** A result that has not reached its receiver. */
function owedLine(entry: OutboxEntry): string {
  const { state, sink, attempts, lastError } = entry;
  const tried = attempts === 0 ? "not tried yet" : `tried ${attempts}×`;
  const why = lastError === undefined ? "" : `: ${shortened(lastError)}`;
  return `${state}  ${sink}  ${resultText(entry)}, ${tried}${why}`;
}

function summaryLine(run: RunSummary): string {
  return [
    run.runId,
    new Date(run.startedAt).toISOString(),
    (run.outcome ?? "open").padEnd(7),
    run.profile.padEnd(10),
    run.vin ?? "-",
    run.serialNumber ?? "-",
    run.code ?? "",
  ]
    .join("  ")
    .trimEnd();
}

function runLines(run: RunDetails, config: StationConfig): string[] {
  const { header, record, outbox } = run;
  const inputs = Object.entries(header.inputs).map(([name, value]) => `${name} ${value}`);
  const owed = outbox.filter((entry) => entry.state !== "delivered");
  return [
    `run      ${header.runId}`,
    `begun    ${new Date(header.startedAt).toISOString()}, bay ${header.bay}, link ${header.link}`,
    `profile  ${header.profile.name} version ${header.profile.version} (${header.profile.hash})`,
    `inputs   ${inputs.join(", ") || "none"}`,
    ...(record?.identity === undefined
      ? []
      : [`unit     ${record.identity.serialNumber}, EcuID ${record.identity.ecuId}`]),
    ...(record?.steps.map(stepLine) ?? []),
    ...(record === undefined
      ? ["open: it goes on, or waits to be taken up again"]
      : verdictLines(record, config.language)),
    ...owed.map(owedLine),
  ];
}
