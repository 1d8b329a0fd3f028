/** `config check`: a configuration and every file that it names, as a station that starts with it would meet them. */
import { Command } from "commander";
import { loadAccess } from "../servers/http/access-file.js";
import { describe, isStationError } from "../shared/errors.js";
import { loadConfig, type StationConfig } from "./config.js";
import { storesText } from "./database.js";
import { externalText } from "./external.js";
import { type GlobalOptions, type Io, printLine, writeAll } from "./io.js";
import { namedFiles } from "./named-files.js";
import { openSecretFiles } from "./open-secrets.js";
import { ordersText } from "./orders/config.js";
import { overrideNames } from "./overrides.js";
import { assertPlant } from "./plant-secrets.js";
import { assertProfileUsable, namedProfiles } from "./profiles.js";

export function configCommand(io: Io): Command {
  const command = new Command("config").description("the station's configuration");
  command
    .command("check [file]")
    .description("reads a configuration and the files that it names, and says what is wrong, or what it comes to")
    .action(async (file: string | undefined, _options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const config = await loadConfig(file ?? options.config, options.data, io.env);
      await checkFiles(config);
      const lines = [...configLines(config), ...(await accessLines(config))];
      await printLine(io, `${config.file ?? "built-in configuration"}: valid`);
      for (const line of lines) await printLine(io, `  ${line}`);
      const names = overrideNames(io.env);
      if (names.length > 0) await printLine(io, `  from the environment ${names.join(", ")}`);
      const open = await openSecretFiles(config);
      if (open.length > 0)
        await writeAll(io.stderr, `ecustation: everybody on this machine may use ${open.join(", ")}: chmod o= them\n`);
    });
  return command;
}

/** @throws StationError CONFIG_INVALID with the place that names what is wrong */
async function checkFiles(config: StationConfig): Promise<void> {
  for (const { path, check } of namedFiles(config)) await at(config, path, check);
  await assertPlant(config);
  for (const { path, profile } of namedProfiles(config))
    await at(config, path, () => assertProfileUsable(profile, config));
}

async function at(config: StationConfig, path: readonly (string | number)[], check: () => Promise<void>) {
  try {
    await check();
  } catch (error) {
    throw config.fault(path, isStationError(error, "CONFIG_INVALID") ? String(error.details.what) : describe(error));
  }
}

async function accessLines({ servers, mode }: StationConfig): Promise<string[]> {
  if (servers.kind !== "embedded") return [];
  if (servers.access === undefined)
    return [`allow list none, open to ${mode === "simulator" ? "all programs" : "the own client certificate"} here`];
  const { list } = await loadAccess(servers.access);
  return [`allow list ${servers.access}, ${list.size} clients`];
}

function configLines(config: StationConfig): string[] {
  const { servers } = config;
  const where =
    servers.kind === "embedded" ? `embedded on ${servers.host}, registry ${servers.registry}` : externalText(servers);
  return [
    `mode ${config.mode}, language ${config.language}, orders ${ordersText(config.orders)}`,
    `station ${config.station.id}, bays ${config.station.bays.map((bay) => bay.name).join(", ")}`,
    `data ${config.dataDir}`,
    `traces ${config.traces.formats.join(", ") || "none"}, of ${config.traces.keep} runs, in ${config.traces.folder}`,
    `servers ${where}`,
    ...(servers.kind === "embedded" ? [`stores ${storesText(servers)}`] : []),
    `secrets ${[...config.secrets.keys()].join(", ") || "none"}`,
    ...(config.results.sinks.size === 0 ? [] : [`results to ${[...config.results.sinks.keys()].join(", ")}`]),
    ...(config.credentials.size === 0 ? [] : [`credentials ${[...config.credentials.keys()].join(", ")}`]),
  ];
}
