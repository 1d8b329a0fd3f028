/** `ecustation console`: who may use the KMS's console. */
import { join } from "node:path";
import { Command } from "commander";
import { USERS_FILE } from "../servers/kms/console/open.js";
import { setPassword } from "../servers/kms/console/users.js";
import { StationError } from "../shared/errors.js";
import { loadConfig, type StationConfig } from "./config.js";
import { type GlobalOptions, type Io, printLine } from "./io.js";
import { readUnseen } from "./unseen.js";

/** The file of users that the servers of this configuration read. @throws StationError CONFIG_INVALID without servers of its own */
function usersFileOf({ servers, dataDir, file }: StationConfig): string {
  if (servers.kind === "embedded") return servers.kms.console?.users ?? join(dataDir, "servers", "kms", USERS_FILE);
  const what = `${file ?? "(built-in configuration)"}: servers: names external servers (expected embedded)`;
  throw new StationError("CONFIG_INVALID", { details: { what } });
}

export function consoleCommand(io: Io): Command {
  const command = new Command("console").description("users of the KMS's console (docs/console.md)");
  command
    .command("passwd <name>")
    .description(
      "adds a user or changes a password; the password is the first line of stdin, typed unseen at a terminal",
    )
    .action(async (name: string, _options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const file = usersFileOf(await loadConfig(options.config, options.data, io.env));
      await setPassword(file, name, await readUnseen(io, "Password"));
      await printLine(
        io,
        `${file}: ${name} may sign in; servers that had no user before show the console after a restart`,
      );
    });
  return command;
}
