/** `doctor`: what works on this machine, what is missing and what to do about it. */
import { Command } from "commander";
import { systemClock } from "../shared/clock.js";
import { describe, isStationError, StationError } from "../shared/errors.js";
import { loadConfig } from "./config.js";
import { CHECKS, type Check, type Finding } from "./doctor/checks.js";
import { EXIT, type GlobalOptions, type Io, printJson, printLine, setExit } from "./io.js";
import { findProfile } from "./profiles.js";

interface DoctorOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly link?: string;
  readonly profile?: string;
}

export function doctorCommand(io: Io): Command {
  return new Command("doctor")
    .description("what works here, what is missing and what to do")
    .option("--json", "the findings as JSON")
    .option(
      "--link <url>",
      "with --profile: which ECUs answer on this bus, nothing else; no unit may be in a run on it",
    )
    .option("--profile <profile>", "whose ECU is expected there")
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<DoctorOptions>();
      const config = await loadConfig(options.config, options.data, io.env);
      const findings: Finding[] = [];
      for (const check of busCheck(options) ?? CHECKS) {
        for (const finding of await guarded(check.name, () => check.run(config, io.signal))) {
          findings.push(finding);
          if (options.json !== true) await printLine(io, findingLine(finding));
        }
      }
      const broken = findings.filter((finding) => finding.needed && finding.state !== "OK");
      if (options.json === true) await printJson(io, { ok: broken.length === 0, findings }, 2);
      if (broken.length > 0) setExit(io, EXIT.ERROR);
    });
}

/** The one check of a bus; undefined where none was named. @throws StationError USAGE */
function busCheck({ link, profile }: DoctorOptions): readonly Check[] | undefined {
  if (link === undefined && profile === undefined) return undefined;
  if (link === undefined || profile === undefined)
    throw new StationError("USAGE", { details: { what: "--link and --profile: expected both, or none" } });
  const run: Check["run"] = async (config, signal) => {
    const { checkEcus } = await import("./doctor/ecus.js");
    return checkEcus(link, (await findProfile(profile, config.profileDirs)).profile, systemClock, signal);
  };
  return [{ name: "ecu", run }];
}

/** A check that breaks is a finding as well. */
export async function guarded(name: string, run: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await run();
  } catch (error) {
    if (isStationError(error, "RUN_ABORTED")) throw error;
    return [{ name, state: "FAILED", needed: true, what: describe(error) }];
  }
}

function findingLine(finding: Finding): string {
  const broken = finding.state === "MISSING" || finding.state === "FAILED";
  const optional = broken && !finding.needed ? " (not needed by this configuration)" : "";
  const advice = finding.todo === undefined ? "" : `: ${finding.todo}`;
  return `${finding.state.padEnd(7)} ${finding.name.padEnd(16)} ${finding.what}${optional}${advice}`;
}
