/** `ecustation serve`: the station as a service: servers where configured, its bays, interrupted runs taken up again, owed results delivered. */
import { Command } from "commander";
import { type AppContext, openStation, type Station } from "../app.js";
import type { Page } from "../hmi/api/server.js";
import type { TraceResult } from "../records/trace/writer.js";
import { describe, StationError } from "../shared/errors.js";
import { Bays } from "../station/bays/bays.js";
import type { RunHeader, RunRecord } from "../station/ports.js";
import { BayLines } from "./bay-lines.js";
import { BayOrders } from "./bay-orders.js";
import { placeOf } from "./bays.js";
import { type GlobalOptions, type Io, printJson, printLine, writeAll } from "./io.js";
import { LiveTraces } from "./page/live-trace.js";
import { openStationPage } from "./page/open.js";
import { printable } from "./printable.js";
import { type FoundProfile, findProfile } from "./profiles.js";
import { verdictLines } from "./progress.js";
import { contextOf } from "./run.js";
import { addTraceOptions, type TraceFlags, tellTrace } from "./traces.js";
import type { UnitOrder } from "./unit-run.js";
import { asService, untilEnded } from "./wait.js";

interface ServeFlags extends GlobalOptions, TraceFlags {
  log?: boolean;
  jsonl?: boolean;
}

export function serveCommand(io: Io): Command {
  return addTraceOptions(new Command("serve"))
    .description("the station as a service: its bays, interrupted runs taken up again, owed results delivered")
    .option("--jsonl", "takes orders of the bays as JSON lines on stdin, tells what happens as JSON lines on stdout")
    .option("--log", "writes the program's log to stderr")
    .action(async (flags: ServeFlags, command: Command) => {
      const all: ServeFlags = { ...command.optsWithGlobals<GlobalOptions>(), ...flags };
      const context = await contextOf(io, all);
      const atTerminal = [io.stdin, io.stdout, io.stderr].some(({ isTTY }) => isTTY === true);
      // Under nohup, too: Node takes back that SIGHUP is to be ignored. Who ends with its terminal must have one.
      if (!atTerminal) process.on("SIGHUP", () => context.logger.info("SIGHUP without a terminal changes nothing"));
      await asService(context, (ready) => runStation(io, context, all.jsonl === true, ready));
    });
}

async function runStation(io: Io, context: AppContext, jsonl: boolean, ready: () => void): Promise<void> {
  const { config, clock, logger } = context;
  const station = await openStation(context);
  const bays = new Bays({ places: config.station.bays.map(placeOf), clock, logger });
  const names = config.station.bays.map(({ name }) => name);
  const live = new LiveTraces(names, clock);
  const onTrace = (result: TraceResult) => void tellTrace(io, result, true);
  const orders = new BayOrders(bays, station, context, onTrace, (bay) => live.watch(bay));
  let lines: BayLines | undefined;
  let page: Page | undefined;
  let takingUp: Promise<void> | undefined;
  try {
    await station.powerOff();
    const { servers } = station;
    page = await openStationPage(context, station, orders, live);
    const { url } = page;
    const first = { station: config.station.id, vpki: servers?.vpki, kms: servers?.kms, page: url, bays: names };
    await printJson(io, first);
    ready();
    if (jsonl) lines = new BayLines(io, orders);
    const tell = async (record: RunRecord) => {
      // What happens at a bay is told by its lines.
      if (jsonl) return;
      for (const line of verdictLines(record, config.language)) await printLine(io, line);
    };
    takingUp = takeUp(io, station, orders, context, tell);
    // A run that is taken up has its time, which the end of the service does not wait for.
    await Promise.race([untilEnded(io.signal), takingUp.then(() => untilEnded(io.signal))]);
  } finally {
    await bays.close();
    // Its failure was thrown above.
    await takingUp?.catch(() => undefined);
    lines?.close();
    await page?.close();
    await station.close();
  }
}

/** Runs that a crash or a power cut left, each in its place. What cannot go on is told; the next run on that bay closes it. */
async function takeUp(
  io: Io,
  station: Station,
  orders: BayOrders,
  context: AppContext,
  tell: (record: RunRecord) => Promise<void>,
): Promise<void> {
  // The newest of a bay; its run closes the older ones.
  const newest = new Map((await station.interrupted()).map((header) => [header.bay, header]));
  await Promise.all(
    [...newest.values()].map(async (header) => {
      try {
        const record = await goOn(io, station, orders, await orderOf(header, context));
        if (record !== undefined) await tell(record);
      } catch (error) {
        context.logger.error("an interrupted run was not taken up", { run: header.runId, error: describe(error) });
        await writeAll(io.stderr, `ecustation: run ${header.runId} was not taken up: ${printable(describe(error))}\n`);
      }
    }),
  );
}

async function orderOf(header: RunHeader, context: AppContext): Promise<UnitOrder & { readonly bay: string }> {
  const { link, bay, inputs, expectedEcuId } = header;
  const ordered = expectedEcuId === undefined ? {} : { ecuId: expectedEcuId };
  return { profile: await profileOf(header, context), link, bay, inputs, ...ordered, resumeOnly: true };
}

/** On its bay; a run whose place is none of the configuration's (`ecustation run --link`) by itself. */
async function goOn(
  io: Io,
  station: Station,
  orders: BayOrders,
  order: UnitOrder & { readonly bay: string },
): Promise<RunRecord | undefined> {
  const { bays } = orders;
  if (bays.states().every(({ name }) => name !== order.bay))
    return station.run(order, { signal: io.signal, onTrace: (result) => void tellTrace(io, result, true) });
  await orders.begin(order);
  return bays.state(order.bay).run?.record;
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
