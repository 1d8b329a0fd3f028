/** `ecu-sim`: the simulated ECU as a process of its own. Heavy parts are loaded once they are needed. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { describe } from "../src/shared/errors.js";

/** Exit codes. */
const EXIT = { ok: 0, usage: 2, failed: 3 } as const;
const DEFAULT_LINK = "slcan+listen://127.0.0.1:0";
const MAX_COUNT = 256;

export interface RunSettings {
  readonly profile: string;
  readonly link: string;
  readonly state?: string;
  readonly count: number;
  readonly busPace?: boolean;
  readonly fault: readonly string[];
  readonly vin?: string;
  readonly seed?: string;
  readonly ecuId?: string;
  readonly ecuType?: number;
  readonly supplierId?: number;
  readonly blankKey?: string;
  readonly authAnchors?: string;
  readonly authIdentity?: string;
  /** ms since the epoch. */
  readonly clock?: number | "now";
  readonly shareBus?: boolean;
  readonly ids?: string;
  readonly control?: string;
  readonly withParent?: boolean;
}

/** Standard streams and the program's end, so that a test can drive `main`. */
export interface Process {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Resolves on SIGTERM or SIGINT. */
  readonly stopped: Promise<void>;
}

/** @returns exit code: 0, 2 for bad input (one line on stderr), 3 where a file or the adapter fails */
export async function main(argv: readonly string[], io: Process = thisProcess()): Promise<number> {
  if (argv[0] === "she") {
    const { sheConsole } = await import("./she/console.js");
    return sheConsole(argv.slice(1), io);
  }
  let settings: RunSettings | undefined;
  const { faultForms } = await import("./faults/faults.js");
  const command = program(io, faultForms(), (given) => {
    settings = given;
  });
  try {
    await command.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (settings === undefined) return EXIT.usage;
  const { run, isUsage } = await import("./run.js");
  try {
    await run(settings, io);
    return EXIT.ok;
  } catch (error) {
    io.stderr.write(`ecu-sim: ${describe(error)}\n`);
    return isUsage(error) ? EXIT.usage : EXIT.failed;
  }
}

function program(io: Process, faultForms: string, action: (settings: RunSettings) => void): Command {
  return new Command("ecu-sim")
    .description("Simulated ECUs. The first line on stdout is JSON: where they listen.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`ecu-sim: ${text.replace(/^error: /, "").trim()}\n`),
    })
    .allowExcessArguments(false)
    .requiredOption("--profile <profile>", "name of a file in hw-profiles, or a path")
    .option("--link <url>", "the bus, e.g. slcan+listen://HOST:PORT, slcan-adapter:DEVICE, kline:DEVICE", DEFAULT_LINK)
    .option("--state <file>", "flash file, kept over restarts; left out, every start is a new unit")
    .option("--count <n>", "that many ECUs, each on a link of its own", whole("N", 1, MAX_COUNT), 1)
    .option("--share-bus", "all of them on one bus, with identifiers of their own")
    .option("--ids <first>", "identifiers of the first one, hex: REQUEST:RESPONSE[:STEP], or ADDRESS[:STEP]")
    .option("--control <address>", "faults, power and counters at run time: unix:PATH or tcp://127.0.0.1:PORT")
    .option("--bus-pace", "frames take as long as on a bus of the profile's bit rate")
    .option("--fault <spec>", "misbehave; may be repeated, several with commas", collect, [])
    .option("--vin <vin>", "VIN of a new unit; left out, blank")
    .option("--ecu-id <hex>", "EcuID of a new unit, 27 bytes hex")
    .option("--ecu-type <hex>", "EcuType of a new unit's UID", hexWord, 0x0003)
    .option("--supplier-id <hex>", "SupplierID of a new unit's UID", hexWord, 0x0001)
    .option("--seed <text>", "a new unit's numbers are made from this text, the same every time")
    .option("--blank-key <hex>", "value of an empty SHE slot that authorises itself, 16 bytes hex; left out, zeros")
    .option("--auth-anchors <pem>", "CAs of testers' certificates, and their CRLs, for authentication by certificates")
    .option("--auth-identity <pem>", "the ECU's certificate, its issuing CAs and its key, for the same")
    .option("--clock <time>", "what a new unit's clock shows: now, or ISO 8601; left out, 2010", instant)
    .option("--with-parent", "end when stdin closes")
    .option("--config <file>", "taken as by every command; nothing in it is a simulated ECU's")
    .option("--data <dir>", "taken as by every command; a simulated ECU keeps its data in the file of --state")
    .addHelpText(
      "after",
      `
Example:
  ecu-sim --profile evcc --link slcan+listen://127.0.0.1:29536 --state unit.flash
  ecu-sim she                     a SHE on its own, one JSON object a line (ecu-sim she --help)

Faults (docs/ecu-simulator.md):
${faultForms}`,
    )
    .action(action);
}

const collect = (value: string, former: readonly string[]): string[] => [...former, value];

function whole(name: string, minimum: number, maximum: number) {
  return (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`${name} is a whole number from ${minimum} to ${maximum}.`);
  };
}

function hexWord(text: string): number {
  if (/^(0x)?[0-9a-f]{1,4}$/i.test(text)) return Number.parseInt(text, 16);
  throw new InvalidArgumentError("It is one to four hex digits.");
}

function instant(text: string): number | "now" {
  const ms = Date.parse(text);
  if (text === "now" || Number.isFinite(ms)) return text === "now" ? text : ms;
  throw new InvalidArgumentError("It is now, or a time like 2026-06-01T00:00:00Z.");
}

function thisProcess(): Process {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, stopped };
}
