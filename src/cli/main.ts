/** `ecustation`: finds the command, turns every failure into one line and an exit code. */
import { EventEmitter } from "node:events";
import { fstatSync } from "node:fs";
import { Readable } from "node:stream";
import { Command, CommanderError } from "commander";
import { asStationError, type ErrorCode, isStationError, StationError } from "../shared/errors.js";
import { programVersion } from "../shared/paths.js";
import { COMMANDS, type CommandRow } from "./commands.js";
import { EXIT, type Io, isBrokenPipe, writeAll } from "./io.js";
import { printable } from "./printable.js";

/** Codes that mean the caller's input is wrong, so that no retry helps: exit 2, and the text alone. */
const BAD_INPUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "USAGE",
  "CONFIG_INVALID",
  "PROFILE_NOT_FOUND",
  "PROFILE_INVALID",
  "PROFILE_FORBIDDEN",
  "LINK_URL_INVALID",
  "INPUT_INVALID",
  "TRACE_UNREADABLE",
]);

/** Bad input too, but an operator's: the text stands there in both languages. */
const OPERATOR_INPUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["UNIT_UNKNOWN", "UNIT_AMBIGUOUS"]);

/** Runs the program on the process's own streams; the answer is the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const io: Io = {
    stdin: standardInput(),
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: abort.signal,
  };
  const onSignal = () => {
    // The second one is from somebody who does not want to wait for the teardown.
    if (abort.signal.aborted) process.exit(EXIT.ABORTED);
    abort.abort(new StationError("RUN_ABORTED"));
  };
  const onHangup = () => {
    // Somebody reads files anew on it. Else the terminal was closed, of which shell and kernel may both send word.
    if (process.listenerCount("SIGHUP") > 1 || abort.signal.aborted) return;
    abort.abort(new StationError("RUN_ABORTED"));
  };
  const onStreamError = (error: Error) => {
    // The reader went away (`… | head`): there is nobody left to tell.
    if (!isBrokenPipe(error)) throw error;
  };
  const onStray = (error: unknown) => {
    void report(io, error).finally(() => process.exit(EXIT.ERROR));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onHangup);
  process.stdout.on("error", onStreamError);
  process.stderr.on("error", onStreamError);
  process.on("uncaughtException", onStray);
  process.on("unhandledRejection", onStray);
  return runCli(argv, io);
}

function isFolder(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isDirectory();
  } catch {
    // Closed, or none that the system tells of.
    return false;
  }
}

/** Node takes a folder (`< /tmp`) for an input that has ended; whoever reads this one is told. */
function standardInput(): Io["stdin"] {
  if (!isFolder(0)) return process.stdin;
  return new Readable({
    read() {
      this.destroy(usage("standard input: it is a folder"));
    },
  });
}

/** Runs one command line on the streams of `io`; the answer is the exit code. Never rejects. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const row = rowOf(argv);
    const word = commandWord(argv);
    const asked = word === "help" ? commandWord(argv.slice(argv.indexOf("help") + 1)) : undefined;
    if (row === undefined && asked !== undefined) throw usage(`unknown command '${asked}'`);
    const program = await programFor(row, argv, io);
    // Help for a command that is not there would be the program's own.
    const words = row === undefined && word !== undefined ? argv.filter((word) => !isHelp(word)) : argv;
    await program.parseAsync([...words], { from: "user" });
    return io.exitCode ?? EXIT.OK;
  } catch (error) {
    return await report(io, error);
  }
}

/** Prints a failure as one line; the answer is its exit code. */
async function report(io: Io, error: unknown): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.OK;
  const failure = error instanceof CommanderError ? usage(commanderText(error)) : asStationError(error);
  const badInput = BAD_INPUT.has(failure.code);
  const { ko, en } = failure.text;
  // Whoever typed it knows what to do with a place and what is wrong there.
  const text = badInput ? `ecustation: ${failure.message}` : `ecustation: ${failure.code}: ${ko} / ${en}`;
  await writeAll(io.stderr, `${printable(text)}\n`);
  if (io.env.DEBUG !== undefined && io.env.DEBUG !== "" && error instanceof Error)
    await writeAll(io.stderr, `${error.stack}\n`);
  if (badInput || OPERATOR_INPUT.has(failure.code)) return EXIT.USAGE;
  return isStationError(failure, "RUN_ABORTED") ? EXIT.ABORTED : EXIT.ERROR;
}

function commanderText(error: CommanderError): string {
  // A group of commands that was named alone: commander would print its whole help.
  return error.code === "commander.help" ? "a subcommand is missing (--help lists them)" : error.message;
}

function usage(message: string): StationError {
  return new StationError("USAGE", { details: { what: message.replace(/^error: /, "") } });
}

const isHelp = (word: string) => word === "--help" || word === "-h";
const GLOBAL_OPTIONS_WITH_VALUE = ["--config", "--data"];

/** First word that is no option, and no option's value. */
function commandWord(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (GLOBAL_OPTIONS_WITH_VALUE.includes(word)) i++;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

function rowOf(argv: readonly string[]): CommandRow | undefined {
  const word = commandWord(argv);
  const name = word === "help" ? commandWord(argv.slice(argv.indexOf("help") + 1)) : word;
  return COMMANDS.find((row) => row.name === name);
}

async function programFor(row: CommandRow | undefined, argv: readonly string[], io: Io): Promise<Command> {
  const program = new Command("ecustation")
    .description("provisions ECUs: certificates from the vPKI, SHE keys from the KMS, proven and recorded")
    .version(programVersion(), "--version", "prints the version")
    .option("--config <file>", "configuration file (default: simulator)")
    .option("--data <dir>", "folder of stores, keys and traces (default: under the user's data directory)")
    .addHelpText("after", "\nExample:\n  ecustation run --profile evcc --link sim:");
  for (const entry of COMMANDS) {
    const command = entry === row ? await entry.load(io) : new Command(entry.name).description(entry.description);
    if (entry === row) addExamples(command, entry);
    program.addCommand(command);
  }
  if (argv.length === 0) throw usage("a command is missing (ecustation --help lists them)");
  prepare(program, io);
  return program;
}

function addExamples(command: Command, row: CommandRow): void {
  const example = row.examples[command.name()];
  // A command file may bring a better one.
  if (example !== undefined && !(command instanceof EventEmitter && command.listenerCount("afterHelp") > 0))
    command.addHelpText("after", `\nExample:\n  ${example}`);
  for (const child of command.commands) addExamples(child, row);
}

/** Failures come as exceptions, output goes to the streams of `io`, help names the options that every command takes. */
function prepare(command: Command, io: Io): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // What commander says of an error is in its exception, which `report` prints in one line.
      writeErr: () => undefined,
    });
  for (const child of command.commands) prepare(child, io);
}
