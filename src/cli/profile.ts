/** `profile`: hardware profiles checked, named by their hash, approved, and compared. */
import { Command } from "commander";
import type { EcuProfile } from "../profiles/loader.js";
import { type Profiles, SHORT_HASH } from "../records/profiles.js";
import type { KeptProfile, ProfileVersion } from "../records/types.js";
import { isStationError } from "../shared/errors.js";
import { diffLines, formatDiff } from "../shared/line-diff.js";
import { loadConfig, type StationConfig } from "./config.js";
import { type GlobalOptions, type Io, printJson, printLine } from "./io.js";
import { ownAccount, personOf } from "./person.js";
import { findAnyProfile, findProfile, versionOf } from "./profiles.js";
import { withOpenRecords } from "./records-query.js";

export function profileCommand(io: Io): Command {
  const command = new Command("profile").description("hardware profiles");
  const configOf = (self: Command) => {
    const options = self.optsWithGlobals<GlobalOptions>();
    return loadConfig(options.config, options.data, io.env);
  };
  command
    .command("check <profile...>")
    .description("reads profiles (names or files) and says what is wrong, with line and column")
    .action(async (names: string[], _options, self: Command) => {
      const { profileDirs } = await configOf(self);
      for (const name of names) {
        const { profile, hash, file } = await findAnyProfile(name, profileDirs);
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
      const { profileDirs } = await configOf(self);
      for (const name of names) {
        const { hash, file } = await findAnyProfile(name, profileDirs);
        await printLine(io, `${hash}  ${file}`);
      }
    });
  command
    .command("approve <profile>")
    .description("approves exactly this content of a profile, in the station's records and audit log")
    .option("--by <person>", "who approves: the account that runs the command (default); root may name another")
    .action(async (name: string, { by }: { by?: string }, self: Command) => {
      const config = await configOf(self);
      const profile = versionOf(await findProfile(name, config.profileDirs));
      const who = personOf(by, io.env, ownAccount());
      const { added, ...kept } = await withOpenRecords(config, ({ profiles }) => profiles.approve({ profile, ...who }));
      if (!added) await printLine(io, `${who.person} had approved it already`);
      await printLine(io, approvalLine(kept, config));
    });
  command
    .command("approvals [profile]")
    .description("the versions that this station used or that were approved, newest first, and by whom")
    .option("--json", "one JSON array: hash, name, version, keptAt, approvals")
    .action(async (name: string | undefined, { json }: { json?: boolean }, self: Command) => {
      const config = await configOf(self);
      const kept = await withOpenRecords(config, ({ profiles }) => profiles.versions(name));
      if (json === true) await printJson(io, kept, 2);
      else for (const version of kept) await printLine(io, approvalLine(version, config));
    });
  command
    .command("diff <former> <present>")
    .description(
      `what changed between two profiles: names, files, or hashes of kept versions (${SHORT_HASH} digits do)`,
    )
    .action(async (former: string, present: string, _options, self: Command) => {
      const config = await configOf(self);
      const [a, b] = await withOpenRecords(config, async ({ profiles }) => [
        await versionNamed(former, config, profiles),
        await versionNamed(present, config, profiles),
      ]);
      await printLine(io, `- ${titleOf(a)}`);
      await printLine(io, `+ ${titleOf(b)}`);
      if (a.hash === b.hash) await printLine(io, "the same content");
      for (const line of formatDiff(diffLines(a.text, b.text))) await printLine(io, line);
    });
  return command;
}

function contentsOf(profile: EcuProfile): string {
  if (profile.target === "none") return `${profile.server.services.length} services, nothing to provision`;
  return `${profile.certificates.length} certificates, ${profile.keys.length} keys`;
}

const HASH = new RegExp(`^[0-9a-f]{${SHORT_HASH},64}$`, "i");

/** A kept version by its hash, else the profile of that name or file as it is now. */
async function versionNamed(name: string, config: StationConfig, profiles: Profiles): Promise<ProfileVersion> {
  if (!HASH.test(name)) return versionOf(await findAnyProfile(name, config.profileDirs));
  try {
    return await profiles.find(name);
  } catch (error) {
    if (!isStationError(error, "PROFILE_NOT_FOUND")) throw error;
    return findAnyProfile(name, config.profileDirs).then(versionOf, () => Promise.reject(error));
  }
}

function titleOf({ name, version, hash }: ProfileVersion): string {
  return `${name} version ${version} (${hash})`;
}

function approvalLine({ hash, name, version, keptAt, approvals }: KeptProfile, config: StationConfig): string {
  const by = approvals.map(({ person, at }) => `${person} ${new Date(at).toISOString()}`).join(", ") || "nobody";
  const needed = config.profileApprovals;
  const state = needed === 0 ? "none needed in mode simulator" : `${approvals.length} of ${needed}`;
  return `${name} version ${version}  ${hash}  since ${new Date(keptAt).toISOString()}  approvals ${state}: ${by}`;
}
