/** `ecustation users`: who may use the operator page. */
import { Command, InvalidArgumentError, Option } from "commander";
import { Value } from "typebox/value";
import { NewUser } from "../hmi/contract/requests.js";
import { ROLES, type Role } from "../hmi/contract/roles.js";
import type { Users } from "../records/users.js";
import { loadConfig } from "./config.js";
import { type GlobalOptions, type Io, printJson, printLine } from "./io.js";
import { actingPerson } from "./person.js";
import { withOpenRecords } from "./records-query.js";
import { readUnseen } from "./unseen.js";

export function usersCommand(io: Io): Command {
  const command = new Command("users").description("users of the operator page (docs/operator-page.md)");
  const actor = () => actingPerson(io.env);
  command
    .command("add <name>")
    .description("adds a user; the PIN (4–12 digits) is the first line of stdin, typed unseen at a terminal")
    .addOption(new Option("--role <role>", "what the user may do").choices([...ROLES]).default("operator"))
    .option("--badge <text>", "what the scanner reads on the user's badge")
    .action(async (given: string, options: { role: Role; badge?: string }, self: Command) => {
      const { role, badge } = options;
      const name = nameOf(given);
      const user = { name, role, pin: await readPin(io), ...(badge === undefined ? {} : { badge }) };
      await withUsers(io, self, (users) => users.add(user, actor()));
      await printLine(io, `${name} may sign in as ${role}`);
    });
  command
    .command("pin <name>")
    .description("gives a user another PIN, as `add` takes it, and with --badge another badge")
    .option("--badge <text>", "what the scanner reads on the user's badge")
    .action(async (name: string, { badge }: { badge?: string }, self: Command) => {
      const pin = await readPin(io);
      await withUsers(io, self, (users) => users.setPin(name, pin, badge, actor()));
      await printLine(io, `${name} has another PIN; whoever was signed in under this name is out`);
    });
  command
    .command("list")
    .description("the users, their roles, who is locked")
    .option("--json", "one JSON array: name, role, badge, locked")
    .action(async ({ json }: { json?: boolean }, self: Command) => {
      const users = await withUsers(io, self, (all) => all.list());
      const rows = users.map(({ name, role, badge, locked }) => ({ name, role, badge, locked }));
      if (json === true) await printJson(io, rows, 2);
      else
        for (const { name, role, badge, locked } of rows)
          await printLine(io, `${name}  ${role}${badge ? ", badge" : ""}${locked ? ", locked" : ""}`);
    });
  for (const locked of [true, false])
    command
      .command(locked ? "lock <name>" : "unlock <name>")
      .description(locked ? "ends the user's sessions and lets the user begin no other" : "lets a locked user in again")
      .action(async (name: string, _options, self: Command) => {
        await withUsers(io, self, (users) => users.lock(name, locked, actor()));
        await printLine(io, `${name} is ${locked ? "locked" : "not locked"}`);
      });
  return command;
}

function nameOf(text: string): string {
  const shown = JSON.stringify(text.slice(0, 80));
  if (Value.Check(NewUser.properties.name, text)) return text;
  throw new InvalidArgumentError(`${shown} is no name (letters, digits, spaces and ._- , at most 60).`);
}

async function readPin(io: Io): Promise<string> {
  const pin = await readUnseen(io, "PIN");
  if (Value.Check(NewUser.properties.pin, pin)) return pin;
  throw new InvalidArgumentError("stdin has no PIN (expected one line of 4–12 digits).");
}

async function withUsers<T>(io: Io, self: Command, work: (users: Users) => Promise<T>): Promise<T> {
  const { config: file, data } = self.optsWithGlobals<GlobalOptions>();
  const config = await loadConfig(file, data, io.env);
  return withOpenRecords(config, ({ users }) => work(users));
}
