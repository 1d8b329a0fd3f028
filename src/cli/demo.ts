/** `ecustation demo` (npm start): embedded servers, a simulated EVCC, one unit provisioned; then it stays up. */
import { Command } from "commander";
import { openStation } from "../app.js";
import type { Language } from "./config.js";
import { type GlobalOptions, type Io, printLine, setExit } from "./io.js";
import { findProfile } from "./profiles.js";
import { contextOf, OUTCOME_EXITS, runShown } from "./run.js";
import { addTraceOptions, type TraceFlags } from "./traces.js";
import { untilEnded } from "./wait.js";

interface DemoFlags extends GlobalOptions, TraceFlags {
  once?: boolean;
  profile: string;
}

function stayingUp(language: Language): string[] {
  const ko = "서버가 계속 실행됩니다. 끝내려면 Ctrl+C를 누르십시오.";
  const en = "The servers stay up; Ctrl+C ends.";
  return { ko: [ko], en: [en], both: [ko, en] }[language];
}

export function demoCommand(io: Io): Command {
  return addTraceOptions(new Command("demo"))
    .description("shows the main job in simulator mode: one unit, its steps and its verdict")
    .option("--once", "ends after the unit, with the exit code of its outcome")
    .option("--profile <profile>", "hardware profile of the simulated unit", "evcc")
    .action(async (flags: DemoFlags, command: Command) => {
      const all: DemoFlags = { ...command.optsWithGlobals<GlobalOptions>(), ...flags };
      const context = await contextOf(io, all);
      const profile = await findProfile(all.profile, context.config.profileDirs);
      const station = await openStation(context);
      try {
        const { title } = profile.profile;
        await printLine(io, `${title.ko} / ${title.en} (${profile.profile.name} version ${profile.profile.version})`);
        if (station.servers !== undefined) {
          await printLine(io, `vPKI ${station.servers.vpki}  KMS ${station.servers.kms}`);
        }
        const record = await runShown(io, station, context, { profile, link: "sim:", inputs: {} }, false);
        setExit(io, OUTCOME_EXITS[record.outcome]);
        if (all.once === true) return;
        for (const line of stayingUp(context.config.language)) await printLine(io, line);
        await untilEnded(io.signal);
        setExit(io, 0);
      } finally {
        await station.close();
      }
    });
}
