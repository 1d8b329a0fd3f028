/** `ecustation serve`: the station as a service: servers where configured, interrupted runs taken up again, owed results delivered. */
import { Command } from "commander";
import type { AppContext } from "../app.js";
import { openStation, type Station } from "../app.js";
import { describe } from "../shared/errors.js";
import { type GlobalOptions, type Io, printLine } from "./io.js";
import { findProfile } from "./profiles.js";
import { verdictLines } from "./progress.js";
import { contextOf } from "./run.js";
import { untilEnded } from "./wait.js";

interface ServeFlags extends GlobalOptions {
  log?: boolean;
}

export function serveCommand(io: Io): Command {
  return new Command("serve")
    .description("the station as a service: interrupted runs taken up again, owed results delivered")
    .option("--log", "writes the program's log to stderr")
    .action(async (flags: ServeFlags, command: Command) => {
      const context = await contextOf(io, { ...command.optsWithGlobals<GlobalOptions>(), ...flags });
      const station = await openStation(context);
      try {
        const { servers } = station;
        await printLine(
          io,
          JSON.stringify({ station: context.config.station.id, vpki: servers?.vpki, kms: servers?.kms }),
        );
        await takeUp(io, station, context);
        await untilEnded(io.signal);
      } finally {
        await station.close();
      }
    });
}

/** Runs that a crash or a power cut left, each in its place; one that cannot go on is closed with its record. */
async function takeUp(io: Io, station: Station, context: AppContext): Promise<void> {
  await Promise.all(
    (await station.interrupted()).map(async (header) => {
      try {
        const profile = await findProfile(header.profile.name, context.config.profileDirs);
        const order = {
          profile,
          link: header.link,
          bay: header.bay,
          inputs: header.inputs,
          ...(header.expectedEcuId === undefined ? {} : { ecuId: header.expectedEcuId }),
        };
        const record = await station.run(order, { signal: io.signal });
        for (const line of verdictLines(record, context.config.language)) await printLine(io, line);
      } catch (error) {
        context.logger.error("an interrupted run was not taken up", { run: header.runId, error: describe(error) });
      }
    }),
  );
}
