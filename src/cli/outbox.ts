/** `outbox`: results that no receiver has taken yet, and what is to become of them. */
import { Command, InvalidArgumentError } from "commander";
import type { Store } from "../db/store.js";
import { overLimit, resultText } from "../records/outbox.js";
import type { RecordsDefinition } from "../records/store.js";
import type { OutboxEntry } from "../records/types.js";
import { systemClock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { loadConfig, recordsFile } from "./config.js";
import { type GlobalOptions, type Io, printJson, printLine } from "./io.js";
import { actingPerson } from "./person.js";
import { shortened } from "./printable.js";
import { withRecords } from "./records-query.js";

type Records = Store<RecordsDefinition>;

export function outboxCommand(io: Io): Command {
  const command = new Command("outbox").description("results that have not reached their receiver");
  command
    .command("list")
    .description("what waits or is in quarantine, oldest first")
    .option("--sink <name>", "for this receiver alone")
    .option("--json", "one JSON object: results, full")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { sink?: string; json?: boolean }>();
      const config = await loadConfig(options.config, options.data, io.env);
      const found = await withRecords(config, async (_, store) => ({
        results: await store.call("outboxUnsettled", null),
        full: overLimit(await store.call("outboxLoad", null), config.results.limits, systemClock.now()),
      }));
      const { results, full } = found ?? { results: [], full: undefined };
      const shown = results.filter(({ sink }) => options.sink === undefined || sink === options.sink);
      if (options.json === true) {
        await printJson(io, { results: shown, full: full ?? null }, 2);
        return;
      }
      for (const entry of shown) await printLine(io, line(entry));
      if (full !== undefined) await printLine(io, `full: ${full}; no further unit is begun`);
    });
  command
    .command("retry <id...>")
    .description("lets results be sent again, within 15 s where a station runs, else when the next one starts")
    .action(async (ids: string[], _options, self: Command) => {
      await decide(io, self, ids, (store, id) =>
        store.call("outboxRetry", { id, now: systemClock.now(), actor: actingPerson(io.env) }),
      );
      for (const id of ids) await printLine(io, `waits again: ${id}`);
    });
  command
    .command("waive <id...>")
    .description("gives results up; the audit log keeps who did so and why")
    .requiredOption("--reason <text>", "why nobody needs them any more", reasonText)
    .action(async (ids: string[], options: { reason: string }, self: Command) => {
      const { reason } = options;
      await decide(io, self, ids, (store, id) =>
        store.call("outboxWaive", { id, now: systemClock.now(), actor: actingPerson(io.env), reason }),
      );
      for (const id of ids) await printLine(io, `waived: ${id}`);
    });
  return command;
}

function reasonText(text: string): string {
  const reason = text.trim();
  if (reason === "" || reason.length > 500) throw new InvalidArgumentError("expected 1–500 characters.");
  return reason;
}

/** All of them or none. @throws StationError USAGE for an id that is none of what waits or is in quarantine */
async function decide(
  io: Io,
  self: Command,
  ids: readonly string[],
  work: (store: Records, id: string) => Promise<OutboxEntry | null>,
): Promise<void> {
  const options = self.optsWithGlobals<GlobalOptions>();
  const config = await loadConfig(options.config, options.data, io.env);
  const unknown = await withRecords(config, async (_, store) => {
    const known = new Set((await store.call("outboxUnsettled", null)).map(({ id }) => id));
    const missing = ids.find((id) => !known.has(id));
    if (missing !== undefined) return missing;
    for (const id of ids) await work(store, id);
    return null;
  });
  if (unknown === null) return;
  const what = `no result ${unknown ?? ids[0]} waits or is in quarantine in ${recordsFile(config)}`;
  throw new StationError("USAGE", { details: { what } });
}

function line(entry: OutboxEntry): string {
  const { id, sink, state, attempts, at, lastError } = entry;
  const tried = attempts === 0 ? "not tried yet" : `tried ${attempts}×`;
  const why = lastError === undefined ? "" : `: ${shortened(lastError)}`;
  return `${state}  ${sink}  ${id}  since ${new Date(at).toISOString()}  ${resultText(entry)}, ${tried}${why}`;
}
