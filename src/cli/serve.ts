/** `ecustation serve`: the station as a service: servers where configured, interrupted runs taken up again, owed results delivered. */
import { Command } from "commander";
import { type AppContext, openStation, type Station } from "../app.js";
import { describe, StationError } from "../shared/errors.js";
import type { RunHeader } from "../station/ports.js";
import { type GlobalOptions, type Io, printLine, writeAll } from "./io.js";
import { type FoundProfile, findProfile } from "./profiles.js";
import { verdictLines } from "./progress.js";
import { contextOf } from "./run.js";
import { addTraceOptions, type TraceFlags, tellTrace } from "./traces.js";
import { asService, untilEnded } from "./wait.js";

interface ServeFlags extends GlobalOptions, TraceFlags {
  log?: boolean;
}

export function serveCommand(io: Io): Command {
  return addTraceOptions(new Command("serve"))
    .description("the station as a service: interrupted runs taken up again, owed results delivered")
    .option("--log", "writes the program's log to stderr")
    .action(async (flags: ServeFlags, command: Command) => {
      const context = await contextOf(io, { ...command.optsWithGlobals<GlobalOptions>(), ...flags });
      await asService(io.signal, () => runStation(io, context));
    });
}

async function runStation(io: Io, context: AppContext): Promise<void> {
  const station = await openStation(context);
  try {
    const { servers } = station;
    await printLine(io, JSON.stringify({ station: context.config.station.id, vpki: servers?.vpki, kms: servers?.kms }));
    await takeUp(io, station, context);
    await untilEnded(io.signal);
  } finally {
    await station.close();
  }
}

/** Runs that a crash or a power cut left, each in its place. What cannot go on is told; the next run on that bay closes it. */
async function takeUp(io: Io, station: Station, context: AppContext): Promise<void> {
  await Promise.all(
    (await station.interrupted()).map(async (header) => {
      try {
        const profile = await profileOf(header, context);
        const { link, bay, inputs, expectedEcuId } = header;
        const ordered = expectedEcuId === undefined ? {} : { ecuId: expectedEcuId };
        const order = { profile, link, bay, inputs, ...ordered, resumeOnly: true };
        const record = await station.run(order, {
          signal: io.signal,
          onTrace: (result) => void tellTrace(io, result, true),
        });
        for (const line of verdictLines(record, context.config.language)) await printLine(io, line);
      } catch (error) {
        context.logger.error("an interrupted run was not taken up", { run: header.runId, error: describe(error) });
        await writeAll(io.stderr, `ecustation: run ${header.runId} was not taken up: ${describe(error)}\n`);
      }
    }),
  );
}

/** The very profile that the run began with: by its file, else by its name. @throws StationError PROFILE_NOT_FOUND, RUN_INTERRUPTED */
async function profileOf({ profile }: RunHeader, { config }: AppContext): Promise<FoundProfile> {
  let failure: unknown;
  for (const where of [profile.file, profile.name]) {
    if (where === undefined) continue;
    try {
      const found = await findProfile(where, config.profileDirs);
      if (found.hash === profile.hash) return found;
      failure = new StationError("RUN_INTERRUPTED", {
        details: { what: `profile ${profile.name} is another one now` },
      });
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
