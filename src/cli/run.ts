/** `ecustation run`: one unit, or the rest of an interrupted run on it. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type AppContext, openStation, type Station } from "../app.js";
import { checkInputs } from "../profiles/inputs.js";
import type { TraceResult } from "../records/trace/writer.js";
import { systemClock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { jsonLogger, type Logger, silentLogger } from "../shared/logger.js";
import type { Inputs, Outcome, RunEvent, RunRecord } from "../station/ports.js";
import { DECISIONS, type Decision } from "../station/run/index.js";
import { bayAt } from "./bays.js";
import { loadConfig, type StationConfig } from "./config.js";
import { EXIT, type GlobalOptions, type Io, printJson, printLine, setExit } from "./io.js";
import { terminalOperator } from "./operator.js";
import { ecuId } from "./option-values.js";
import { actingPerson } from "./person.js";
import { findProfile } from "./profiles.js";
import { createProgress, verdictLines } from "./progress.js";
import { checkLink } from "./simulator.js";
import { journalPrefix } from "./systemd.js";
import { addTraceOptions, type TraceFlags, tellTrace, withTraceFlags } from "./traces.js";

export const OUTCOME_EXITS: Readonly<Record<Outcome, number>> = {
  PASS: EXIT.OK,
  FAIL: EXIT.FAIL,
  ERROR: EXIT.ERROR,
  TIMEOUT: EXIT.TIMEOUT,
  ABORTED: EXIT.ABORTED,
};

interface RunFlags extends GlobalOptions, TraceFlags {
  profile: string;
  vin?: string;
  pcid?: string;
  evccid?: string;
  ecuId?: string;
  set: Inputs;
  link?: string;
  operator?: string;
  json?: boolean;
  log?: boolean;
  onInterrupted?: Decision;
}

function assignment(text: string, former: Inputs): Inputs {
  const [name, ...value] = text.split("=");
  if (name === undefined || name === "" || value.length === 0) throw new InvalidArgumentError("expected name=value.");
  const given = { [name]: value.join("=") };
  const twice = contradicted(former, given);
  if (twice !== undefined) throw new InvalidArgumentError(`${twice} has two values.`);
  return { ...former, ...given };
}

/** Name that both have, each with a value of its own. */
function contradicted(some: Inputs, others: Inputs): string | undefined {
  return Object.keys(some).find((name) => Object.hasOwn(others, name) && some[name] !== others[name]);
}

function isGiven(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined;
}

/** Context of a command: its configuration, and a log on stderr where it was asked for. */
export async function contextOf(io: Io, flags: GlobalOptions & TraceFlags & { log?: boolean }): Promise<AppContext> {
  const config = withTraceFlags(await loadConfig(flags.config, flags.data, io.env), flags);
  const logger = flags.log === true ? logOn(io) : silentLogger;
  return { config, clock: systemClock, logger, env: io.env, signal: io.signal };
}

function logOn({ stderr, env }: Io): Logger {
  const prefix = journalPrefix(env);
  return jsonLogger(
    (line, level) => void stderr.write(prefix(level) + line),
    () => systemClock.now(),
  );
}

/** Where the unit is: as given, else the configuration's first bay, else a simulator. */
function linkOf(flags: RunFlags, config: StationConfig): string {
  if (flags.link !== undefined) return flags.link;
  const bay = config.station.bays[0]?.link;
  if (bay !== undefined) return bay;
  if (config.mode === "simulator") return "sim:";
  throw new StationError("USAGE", {
    details: { what: "--link is missing: neither it nor the configuration's bay names one" },
  });
}

/** Runs one unit with its progress on the screen; the record. */
export async function runShown(
  io: Io,
  station: Pick<Station, "run">,
  context: AppContext,
  order: Parameters<Station["run"]>[0],
  quiet: boolean,
): Promise<RunRecord> {
  const { language } = context.config;
  const output = {
    write: (text: string) => void io.stdout.write(text),
    live: io.stdout.isTTY === true,
    size: () => sizeOf(io.stdout),
  };
  const progress = createProgress(output, context.clock, language);
  const onEvent = quiet ? {} : { onEvent: (event: RunEvent) => progress.event(event) };
  let record: RunRecord;
  let trace: TraceResult | undefined;
  const onTrace = (result: TraceResult) => {
    trace = result;
  };
  try {
    const operator = terminalOperator(io, language);
    record = await station.run(order, {
      signal: io.signal,
      onTrace,
      ...onEvent,
      ...(operator === undefined ? {} : { operator: progress.around(operator) }),
    });
  } finally {
    progress.end();
  }
  if (!quiet) for (const line of verdictLines(record, language)) await printLine(io, line);
  await tellTrace(io, trace, quiet);
  return record;
}

function sizeOf({ columns, rows }: Io["stdout"]): { columns: number; rows: number } | undefined {
  return columns === undefined || rows === undefined ? undefined : { columns, rows };
}

export function runCommand(io: Io): Command {
  return addTraceOptions(new Command("run"))
    .description("provisions one unit, or takes up the rest of an interrupted run on it")
    .requiredOption("--profile <profile>", "hardware profile, by name or file")
    .option("--vin <vin>", "VIN that was scanned")
    .option("--pcid <pcid>", "provisioning certificate id")
    .option("--evccid <evccid>", "EVCC id")
    .addOption(new Option("--ecu-id <hex>", "EcuID that the unit must have").argParser(ecuId))
    .addOption(
      new Option("--set <name=value>", "another input of the profile; may be repeated")
        .argParser(assignment)
        .default({}),
    )
    .option("--link <url>", "where the ECU is: sim:, slcan:DEVICE, slcan+tcp://HOST:PORT, kline:DEVICE")
    .addOption(
      new Option(
        "--on-interrupted <decision>",
        "what becomes of an interrupted run whose profile or program has changed; left out, a terminal is asked",
      ).choices(DECISIONS),
    )
    .option("--operator <name>", "who runs the unit, for the record (default: the account)")
    .option("--json", "prints the record instead of the steps")
    .option("--log", "writes the program's log to stderr")
    .action(async (flags: RunFlags, command: Command) => {
      const all: RunFlags = { ...command.optsWithGlobals<GlobalOptions>(), ...flags };
      const context = await contextOf(io, all);
      const profile = await findProfile(all.profile, context.config.profileDirs);
      const { vin, pcid, evccid } = all;
      const named = Object.fromEntries(Object.entries({ vin, pcid, evccid }).filter(isGiven));
      const twice = contradicted(named, all.set);
      if (twice !== undefined)
        throw new StationError("USAGE", { details: { what: `--${twice} and --set ${twice}=… differ` } });
      const inputs = { ...all.set, ...named };
      checkInputs(profile.profile, inputs);
      const link = linkOf(all, context.config);
      checkLink(link);
      const bay = bayAt(link, context.config.station.bays);
      const station = await openStation(context);
      try {
        const { ecuId: ordered, onInterrupted } = all;
        const order = {
          ...{ profile, link, inputs, by: all.operator ?? actingPerson(io.env) },
          ...(bay === undefined ? {} : { bay }),
          ...(ordered === undefined ? {} : { ecuId: ordered }),
          ...(onInterrupted === undefined ? {} : { onInterrupted }),
        };
        const record = await runShown(io, station, context, order, all.json === true);
        if (all.json === true) await printJson(io, record, 2);
        setExit(io, OUTCOME_EXITS[record.outcome]);
      } finally {
        await station.close();
      }
    });
}
