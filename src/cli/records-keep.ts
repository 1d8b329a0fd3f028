/** `records key`: what signatures are checked with; `records prune`: what the retention says, now. */
import { Command } from "commander";
import { deleteOldRuns } from "../records/retention.js";
import { readPublicKey } from "../records/sign.js";
import { systemClock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { loadConfig } from "./config.js";
import { type GlobalOptions, type Io, printJson, printLine, writeAll } from "./io.js";
import { withRecords } from "./records-query.js";
import { stationKeyFile } from "./records-setting.js";
import { deleteTraces } from "./trace-files.js";

export function keyCommand(io: Io): Command {
  return new Command("key")
    .description("the public key that records are signed by, PEM")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      const file = stationKeyFile(config);
      const key = await readPublicKey(file);
      if (key === undefined) {
        const what = `there is no ${file} yet: the first start of the station makes it`;
        throw new StationError("USAGE", { details: { what } });
      }
      await writeAll(io.stdout, key);
    });
}

interface PruneOptions extends GlobalOptions {
  readonly json?: boolean;
}

export function pruneCommand(io: Io): Command {
  return new Command("prune")
    .description("deletes runs that the configuration's retention (records: days, runs) keeps no longer")
    .option("--json", "one JSON object: deleted")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<PruneOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      const forget = (runId: string) => deleteTraces(config.traces.folder, runId);
      const deleted =
        (await withRecords(config, (_, store) =>
          deleteOldRuns({ store, clock: systemClock, retention: config.records, forget }, io.signal),
        )) ?? [];
      if (options.json === true) await printJson(io, { deleted });
      else await printLine(io, `${deleted.length} run(s) deleted`);
    });
}
