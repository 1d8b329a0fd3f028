/** `ecu-sim she`: a SHE on its own, one JSON object a line in and one out. */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { type Clock, systemClock } from "../../src/shared/clock.js";
import { describe } from "../../src/shared/errors.js";
import { Arguments, CONSOLE_COMMANDS, type ConsoleCommand, type Json, LineError, plainName } from "./commands.js";
import {
  type ConsoleStore,
  DEFAULT_SETTINGS,
  fileStore,
  noStore,
  type Stored,
  settingsOf,
  startDevice,
} from "./console-state.js";
import type { SheDevice } from "./device.js";
import { BUSY_COMMANDS } from "./types.js";

/** The streams that the console uses; its end is the end of `stdin`. */
export interface SheConsoleIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const EXIT = { ok: 0, usage: 2, failed: 3 } as const;

/** Those that every command takes. */
const GLOBAL = { config: { type: "string" }, data: { type: "string" } } as const;

const HELP = `Usage: ecu-sim she [--state FILE]

A SHE device: one JSON object a line on standard input, one answer a line on standard output.

  --state FILE  keeps the device over restarts
  --config FILE, --data DIR
                taken as by every command; the device keeps nothing there
  -h, --help    this text

Commands: NEW ${CONSOLE_COMMANDS.map(({ name }) => name).join(" ")}
(docs/ecu-sim-she.md shows the arguments of each)

Example:
  echo '{"cmd":"NEW","uid":"000000000000000000000000000001"}
  {"cmd":"LOAD_PLAIN_KEY","key":"000102030405060708090a0b0c0d0e0f"}
  {"cmd":"GENERATE_MAC","keyId":14,"data":"cafe"}' | ecu-sim she
`;

const BUSY: ReadonlySet<string> = new Set(BUSY_COMMANDS);
const BY_NAME = new Map<string, ConsoleCommand>(
  CONSOLE_COMMANDS.flatMap((command) => [command.name, ...command.aliases].map((name) => [plainName(name), command])),
);

/** @returns exit code: 0 at the end of the input, 2 for bad arguments or a state file that is foreign or cannot be read, 3 where a write fails */
export async function sheConsole(args: readonly string[], io: SheConsoleIo): Promise<number> {
  let state: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { state: { type: "string" }, help: { type: "boolean", short: "h" }, ...GLOBAL },
    });
    if (values.help === true) {
      await write(io.stdout, HELP);
      return EXIT.ok;
    }
    state = values.state;
  } catch (error) {
    await write(io.stderr, `ecu-sim she: ${describe(error)}\n`);
    return EXIT.usage;
  }
  const store = state === undefined ? noStore : fileStore(state);
  const session = new SheConsole(store, systemClock);
  try {
    await session.start();
  } catch (error) {
    await write(io.stderr, `ecu-sim she: ${describe(error)}\n`);
    return error instanceof LineError ? EXIT.usage : EXIT.failed;
  }
  let lost: NodeJS.ErrnoException | undefined;
  if (isEmitter(io.stdout)) io.stdout.on("error", (error: NodeJS.ErrnoException) => (lost ??= error));
  let written = Promise.resolve();
  for await (const line of linesOf(io.stdin)) {
    if (lost !== undefined) break;
    if (line.trim() === "") continue;
    const { answer, alone } = session.begin(line);
    const before = written;
    written = answer.then(async (json) => {
      await before;
      await write(io.stdout, `${JSON.stringify(json)}\n`);
    });
    if (alone) await written;
  }
  await written;
  // A reader that went away has had what it wanted.
  if (lost === undefined || lost.code === "EPIPE") return EXIT.ok;
  await write(io.stderr, `ecu-sim she: the answers cannot be written: ${describe(lost)}\n`);
  return EXIT.failed;
}

/** The console apart from its streams: a device and what a line does with it. */
export class SheConsole {
  readonly #store: ConsoleStore;
  readonly #clock: Clock;
  #device: SheDevice | undefined;
  #paced = false;

  constructor(store: ConsoleStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes the device from the store or makes the default one; throws LineError for a file that is none of ours. */
  async start(): Promise<void> {
    const { settings, state } = (await this.#store.load()) ?? { settings: DEFAULT_SETTINGS, state: freshState() };
    await this.#use(settings, state);
  }

  /**
   * Begins with one line. `answer` is its JSON, `{"error"}` for a line that makes no sense; it never rejects.
   * `alone`: the next line has to wait for it. Only a command of a device with latencies may be joined by the lines behind it.
   */
  begin(line: string): { readonly answer: Promise<Json>; readonly alone: boolean } {
    try {
      const json = parse(line);
      const name = typeof json.cmd === "string" ? json.cmd : json.command;
      if (typeof name !== "string") throw new LineError('cmd: missing, e.g. {"cmd":"GET_STATUS"}');
      const given = new Arguments(json);
      const plain = plainName(name).replace(/^cmd/, "");
      if (plain === "new") return { answer: answered(this.#renew(given)), alone: true };
      const command = BY_NAME.get(plain);
      if (command === undefined) {
        const known = ["NEW", ...CONSOLE_COMMANDS.map((row) => row.name)].join(" ");
        throw new LineError(`cmd: no command is called ${JSON.stringify(name)} (${known})`);
      }
      if (this.#device === undefined) throw new LineError("the console was not started");
      const alone = !(this.#paced && BUSY.has(command.name));
      return { answer: answered(command.run(this.#device, given)), alone };
    } catch (error) {
      return { answer: Promise.resolve({ error: describe(error) }), alone: true };
    }
  }

  async #renew(given: Arguments): Promise<Json> {
    const { settings, prngSeed } = settingsOf(given);
    await this.#device?.cancel();
    await this.#use(settings, { version: 1, keys: [], prngSeed });
    return { erc: "ERC_NO_ERROR", uid: settings.uid };
  }

  async #use(settings: Stored["settings"], state: Stored["state"]): Promise<void> {
    this.#device = await startDevice(settings, state, this.#store, this.#clock);
    this.#paced = Object.values(settings.latencies).some((ms) => ms !== 0);
  }
}

async function answered(work: Promise<Json> | Json): Promise<Json> {
  try {
    return await work;
  } catch (error) {
    return { error: describe(error) };
  }
}

function freshState(): Stored["state"] {
  return { version: 1, keys: [], prngSeed: randomBytes(16).toString("hex") };
}

function parse(line: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new LineError("the line is not JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new LineError("the line is not a JSON object");
  }
  return json as Json;
}

async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

type Emitter = Pick<NodeJS.WritableStream, "on" | "off">;

function isEmitter(stream: object): stream is Emitter {
  return "on" in stream && "off" in stream;
}

/** Writes and, where the stream says it is full, waits for its reader. */
async function write(stream: SheConsoleIo["stdout"], text: string): Promise<void> {
  if ("destroyed" in stream && stream.destroyed === true) return;
  const more = stream.write(text);
  if (more !== false || !isEmitter(stream)) return;
  const events = ["drain", "close", "error"];
  await new Promise<void>((resolve) => {
    const done = () => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
  });
}
