/** The commands of `ecustation`. Each one's file loads when it is asked for, so that the program starts fast. */
import type { Command } from "commander";
import type { Io } from "./io.js";

export interface CommandRow {
  readonly name: string;
  readonly description: string;
  /** Shown by --help; subcommands by their own name. */
  readonly examples: Readonly<Record<string, string>>;
  load(io: Io): Promise<Command>;
}

const row = (
  name: string,
  description: string,
  examples: string | Readonly<Record<string, string>>,
  load: (io: Io) => Promise<Command>,
): CommandRow => ({
  name,
  description,
  examples: typeof examples === "string" ? { [name]: examples } : examples,
  load,
});

export const COMMANDS: readonly CommandRow[] = [
  row(
    "run",
    "provisions one unit, or takes up the rest of an interrupted run on it",
    "ecustation run --profile evcc --vin KMHC851CFLU061234 --pcid KM8P2844A9TD84HR91 --evccid KM7V200DA343BEMZEG80 --link slcan+tcp://127.0.0.1:29536",
    async (io) => (await import("./run.js")).runCommand(io),
  ),
  row("serve", "the station as a service", "ecustation serve --config station.yaml", async (io) =>
    (await import("./serve.js")).serveCommand(io),
  ),
  row("servers", "vPKI and KMS alone", "ecustation servers --registry config/registry.simulator.yaml", async (io) =>
    (await import("./servers.js")).serversCommand(io),
  ),
  row("demo", "the main job in simulator mode", "ecustation demo --once", async (io) =>
    (await import("./demo.js")).demoCommand(io),
  ),
  row(
    "she",
    "SHE key updates: M1–M5 made, read and checked",
    {
      she: "ecustation she generate --jsonl < updates.jsonl",
      generate: "ecustation she generate --jsonl < updates.jsonl",
      decode: "ecustation she decode --help",
      verify: "ecustation she verify --help",
    },
    async (io) => (await import("./she.js")).sheCommand(io),
  ),
  row("doctor", "what works here, what is missing and what to do", "ecustation doctor --json", async (io) =>
    (await import("./doctor.js")).doctorCommand(io),
  ),
  row(
    "records",
    "the history of units",
    {
      records: "ecustation records list --json",
      list: "ecustation records list --json",
      show: "ecustation records show RUN-ID",
      export: "ecustation records export --format csv --outcome FAIL --from 2026-11-21 --out failed.csv",
      key: "ecustation records key > station.pub.pem",
      prune: "ecustation records prune --config station.yaml",
      verify: "ecustation records verify --data /var/lib/ecustation",
    },
    async (io) => (await import("./records.js")).recordsCommand(io),
  ),
  row(
    "revoke",
    "revokes the certificates of a scrapped or replaced unit",
    'ecustation revoke --unit KMHC851CFLU061234 --reason "connector broken"',
    async (io) => (await import("./revoke.js")).revokeCommand(io),
  ),
  row(
    "outbox",
    "results that have not reached their receiver",
    {
      outbox: "ecustation outbox list",
      list: "ecustation outbox list --json",
      retry: "ecustation outbox retry RUN-ID:result:mes",
      waive: 'ecustation outbox waive RUN-ID:result:mes --reason "line 2 was taken down"',
    },
    async (io) => (await import("./outbox.js")).outboxCommand(io),
  ),
  row(
    "trace",
    "traces of runs",
    { trace: "ecustation trace show RUN-ID.pcapng", show: "ecustation trace show RUN-ID.pcapng --json" },
    async (io) => (await import("./trace.js")).traceCommand(io),
  ),
  row(
    "profile",
    "hardware profiles",
    {
      profile: "ecustation profile check hw-profiles/evcc.yaml",
      check: "ecustation profile check hw-profiles/evcc.yaml",
      hash: "ecustation profile hash evcc ccu",
      approve: "ecustation profile approve bms --config station.yaml",
      approvals: "ecustation profile approvals bms --config station.yaml",
      diff: "ecustation profile diff 3f9ac01d bms --config station.yaml",
    },
    async (io) => (await import("./profile.js")).profileCommand(io),
  ),
  row(
    "config",
    "the station's configuration",
    {
      config: "ecustation config check config/station.simulator.yaml",
      check: "ecustation config check config/station.simulator.yaml",
    },
    async (io) => (await import("./config-check.js")).configCommand(io),
  ),
  row(
    "console",
    "users of the KMS's console",
    { console: "ecustation console passwd kim", passwd: "ecustation console passwd kim < password.txt" },
    async (io) => (await import("./console.js")).consoleCommand(io),
  ),
  row(
    "users",
    "users of the operator page",
    {
      users: "ecustation users add kim --role admin",
      add: "ecustation users add kim --role admin < pin.txt",
      pin: "ecustation users pin kim < pin.txt",
      list: "ecustation users list --json",
      lock: "ecustation users lock kim",
      unlock: "ecustation users unlock kim",
    },
    async (io) => (await import("./users.js")).usersCommand(io),
  ),
  row(
    "backup",
    "copies the data folder while the programs run",
    "ecustation backup --to /mnt/backup/2026-11-22",
    async (io) => (await import("./backup.js")).backupCommand(io),
  ),
  row(
    "restore",
    "brings a backup into an empty data folder",
    "ecustation restore --from /mnt/backup/2026-11-22 --data /var/lib/ecustation/station",
    async (io) => (await import("./backup.js")).restoreCommand(io),
  ),
  row("bench", "the benchmark", "ecustation bench --json", async (io) => (await import("./bench.js")).benchCommand(io)),
];
