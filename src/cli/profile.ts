import { Command } from "commander";
import type { EcuProfile } from "../profiles/loader.js";
import { loadConfig } from "./config.js";
import { type GlobalOptions, type Io, printLine } from "./io.js";
import { type FoundProfile, findAnyProfile } from "./profiles.js";

/** `profile check` and `profile hash`. */
export function profileCommand(io: Io): Command {
  const command = new Command("profile").description("hardware profiles");
  const find = async (name: string, self: Command): Promise<FoundProfile<EcuProfile>> => {
    const options = self.optsWithGlobals<GlobalOptions>();
    const { profileDirs } = await loadConfig(options.config, options.data, io.env);
    return findAnyProfile(name, profileDirs);
  };
  command
    .command("check <profile...>")
    .description("reads profiles (names or files) and says what is wrong, with line and column")
    .action(async (names: string[], _options, self: Command) => {
      for (const name of names) {
        const { profile, hash, file } = await find(name, self);
        await printLine(
          io,
          `${file}: valid (${profile.name} version ${profile.version}, ${contentsOf(profile)}, ${hash})`,
        );
      }
    });
  command
    .command("hash <profile...>")
    .description("SHA-256 of the content as records name it; the layout of the file does not count")
    .action(async (names: string[], _options, self: Command) => {
      for (const name of names) {
        const { hash, file } = await find(name, self);
        await printLine(io, `${hash}  ${file}`);
      }
    });
  return command;
}

function contentsOf(profile: EcuProfile): string {
  if (profile.target === "none") return `${profile.server.services.length} services, nothing to provision`;
  return `${profile.certificates.length} certificates, ${profile.keys.length} keys`;
}
