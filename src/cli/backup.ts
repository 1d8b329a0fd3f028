/** `ecustation backup` and `ecustation restore`. */
import { Command } from "commander";
import { systemClock } from "../shared/clock.js";
import { backUp } from "./backup/backup.js";
import type { Manifest } from "./backup/manifest.js";
import { restore } from "./backup/restore.js";
import { loadConfig } from "./config.js";
import { type GlobalOptions, type Io, printLine } from "./io.js";

export function backupCommand(io: Io): Command {
  return new Command("backup")
    .description("copies stores, keys and settings of the data folder while the programs run (docs/backup.md)")
    .requiredOption("--to <dir>", "new folder for it; it holds keys: keep it as safe as the data folder")
    .action(async (_options, self: Command) => {
      const { config: file, data, to } = self.optsWithGlobals<GlobalOptions & { to: string }>();
      const config = await loadConfig(file, data, io.env);
      await printLine(io, `${to}: ${summary(await backUp(config, to, systemClock))} of ${config.dataDir}`);
      const { servers } = config;
      if (servers.kind === "embedded" && servers.database !== undefined)
        await printLine(io, "the servers' stores are in PostgreSQL: pg_dump copies them (docs/backup.md)");
    });
}

export function restoreCommand(io: Io): Command {
  return new Command("restore")
    .description("brings a backup into a data folder that is empty or not there (docs/backup.md)")
    .requiredOption("--from <dir>", "folder that ecustation backup wrote")
    .action(async (_options, self: Command) => {
      const { config: file, data, from } = self.optsWithGlobals<GlobalOptions & { from: string }>();
      const { dataDir } = await loadConfig(file, data, io.env);
      const manifest = await restore(from, dataDir);
      await printLine(io, `${dataDir}: ${summary(manifest)} of ${manifest.at}, by version ${manifest.program}`);
    });
}

function summary({ files }: Manifest): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.length} files, ${(bytes / 1024 / 1024).toFixed(1)} MiB,`;
}
