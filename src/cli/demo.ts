/** `ecustation demo` (npm start): embedded servers, two bays with simulated ECUs, one unit provisioned; then the operator page stays up. */
import { Command } from "commander";
import { type AppContext, openStation, type Station } from "../app.js";
import type { TraceResult } from "../records/trace/writer.js";
import { StationError } from "../shared/errors.js";
import { Bays } from "../station/bays/bays.js";
import { BayOrders } from "./bay-orders.js";
import { placeOf } from "./bays.js";
import type { Language, StationConfig } from "./config.js";
import { type GlobalOptions, type Io, printLine, setExit } from "./io.js";
import { LiveTraces } from "./page/live-trace.js";
import { openStationPage } from "./page/open.js";
import { type FoundProfile, findProfile } from "./profiles.js";
import { contextOf, OUTCOME_EXITS, runShown } from "./run.js";
import { addTraceOptions, type TraceFlags, tellTrace } from "./traces.js";
import { untilEnded } from "./wait.js";

interface DemoFlags extends GlobalOptions, TraceFlags {
  once?: boolean;
  profile: string;
}

function stayingUp(language: Language, url: string): string[] {
  const ko = `작업 화면: ${url} (끝내려면 Ctrl+C)`;
  const en = `Operator page: ${url} (Ctrl+C ends)`;
  return { ko: [ko], en: [en], both: [ko, en] }[language];
}

export function demoCommand(io: Io): Command {
  return addTraceOptions(new Command("demo"))
    .description("shows the main job in simulator mode: one unit, its steps and its verdict, then the operator page")
    .option("--once", "ends after the unit, with the exit code of its outcome")
    .option("--profile <profile>", "hardware profile of the simulated units", "evcc")
    .action(async (flags: DemoFlags, command: Command) => {
      const all: DemoFlags = { ...command.optsWithGlobals<GlobalOptions>(), ...flags };
      const given = await contextOf(io, all);
      const profile = await findProfile(all.profile, given.config.profileDirs);
      const once = all.once === true;
      const context = once ? given : { ...given, config: demoConfig(given.config, profile) };
      const station = await openStation(context);
      try {
        const { title } = profile.profile;
        await printLine(io, `${title.ko} / ${title.en} (${profile.profile.name} version ${profile.profile.version})`);
        if (station.servers !== undefined) {
          await printLine(io, `vPKI ${station.servers.vpki}  KMS ${station.servers.kms}`);
        }
        if (once) {
          const record = await runShown(io, station, context, { profile, link: "sim:", inputs: {} }, false);
          setExit(io, OUTCOME_EXITS[record.outcome]);
        } else await withPage(io, station, context, profile);
      } finally {
        await station.close();
      }
    });
}

/** Without a configuration file: two bays with the profile, whose buses are kept for the page. */
function demoConfig(config: StationConfig, { file }: FoundProfile): StationConfig {
  if (config.file !== undefined) return config;
  const { station, traces } = config;
  return {
    ...config,
    station: { ...station, bays: ["1", "2"].map((name) => ({ name, profile: file })) },
    traces: traces.formats.length > 0 ? traces : { ...traces, formats: ["pcapng"], keep: 100 },
  };
}

/** The first unit is on the terminal and on the page alike. */
async function withPage(io: Io, station: Station, context: AppContext, profile: FoundProfile): Promise<void> {
  const { config, clock, logger } = context;
  const names = config.station.bays.map(({ name }) => name);
  const bays = new Bays({ places: config.station.bays.map(placeOf), clock, logger });
  const live = new LiveTraces(names, clock);
  const onTrace = (result: TraceResult) => void tellTrace(io, result, true);
  const orders = new BayOrders(bays, station, context, onTrace, (bay) => live.watch(bay));
  const page = await openStationPage(context, station, orders, live);
  try {
    for (const line of stayingUp(config.language, page.url)) await printLine(io, line);
    const [bay = ""] = names;
    const onBay: Pick<Station, "run"> = {
      run: async (order, { signal, onEvent } = {}) => {
        signal?.addEventListener("abort", () => bays.abort(bay), { once: true });
        await orders.begin({ ...order, bay }, onEvent);
        const { run } = bays.state(bay);
        if (run?.record === undefined)
          throw new StationError("INTERNAL", { details: { what: "the demo left no record" } });
        return run.record;
      },
    };
    await runShown(io, onBay, context, { profile, link: "sim:", inputs: {} }, false);
    await untilEnded(io.signal);
    setExit(io, 0);
  } finally {
    await bays.close();
    await page.close();
  }
}
