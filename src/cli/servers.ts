/** `ecustation servers`: vPKI and KMS alone. */
import { resolve } from "node:path";
import { Command } from "commander";
import { type AppContext, startServers } from "../app.js";
import { type GlobalOptions, type Io, printJson } from "./io.js";
import { contextOf } from "./run.js";
import { asService, untilEnded } from "./wait.js";

interface ServersFlags extends GlobalOptions {
  registry?: string;
  log?: boolean;
}

/** The same configuration with another registry. */
function withRegistry(context: AppContext, registry: string | undefined): AppContext {
  const { servers } = context.config;
  if (registry === undefined || servers.kind !== "embedded") return context;
  return { ...context, config: { ...context.config, servers: { ...servers, registry: resolve(registry) } } };
}

async function runServers(io: Io, context: AppContext, ready: () => void): Promise<void> {
  // A service is told to read its files anew; without an allow list there are none, and it goes on.
  const onReload = () => context.logger.info("told to reload");
  process.on("SIGHUP", onReload);
  try {
    const { vpki, kms, ca, clientCert, clientKey, close } = await startServers(context);
    try {
      await printJson(io, { vpki, kms, ca, clientCert, clientKey });
      ready();
      await untilEnded(io.signal);
    } finally {
      await close();
    }
  } finally {
    process.off("SIGHUP", onReload);
  }
}

export function serversCommand(io: Io): Command {
  return new Command("servers")
    .description("runs vPKI and KMS alone; the first line says where they are, as JSON")
    .option("--registry <file>", "suppliers, ECU types and supplier secrets (docs/registry.md)")
    .option("--log", "writes the servers' log to stderr")
    .action(async (flags: ServersFlags, command: Command) => {
      const all: ServersFlags = { ...command.optsWithGlobals<GlobalOptions>(), ...flags };
      const context = withRegistry(await contextOf(io, all), all.registry);
      await asService(context, (ready) => runServers(io, context, ready));
    });
}
