/** `trace`: what a trace says, in messages instead of frames. */
import { Command } from "commander";
import type { ProfileCan } from "../profiles/schema.js";
import type { TraceRecord } from "../records/trace/frame.js";
import { readTrace, type TraceEnd } from "../records/trace/read.js";
import { loadConfig } from "./config.js";
import { type GlobalOptions, type Io, writeAll } from "./io.js";
import { findAnyProfile } from "./profiles.js";
import { jsonOf, type Shown, textOf } from "./trace/lines.js";
import { type PrefixOf, prefixOfId, Reassembler } from "./trace/reassembly.js";

interface ShowFlags extends GlobalOptions {
  readonly json?: boolean;
  readonly frames?: boolean;
  readonly profile?: string;
}

export function traceCommand(io: Io): Command {
  const command = new Command("trace").description("traces of runs");
  command
    .command("show <file>")
    .description("the UDS messages of a candump log, ASC or pcapng file, and what was wrong on their way")
    .option("--json", "one JSON object a line, the last one with the sums")
    .option("--frames", "every frame, too")
    .option("--profile <profile>", "hardware profile of the ECU: needed for extended and mixed addressing with 11 bits")
    .action(async (file: string, _options, self: Command) => {
      await show(io, file, self.optsWithGlobals<ShowFlags>());
    });
  return command;
}

async function show(io: Io, file: string, flags: ShowFlags): Promise<void> {
  const printer = new Printer(new Reassembler(await prefixOf(io, flags)), flags);
  const reading = readTrace(file, io.signal);
  let step = await reading.next();
  for (; step.done !== true; step = await reading.next()) {
    const text = step.value.map((record) => printer.record(record)).join("");
    if (text !== "") await writeAll(io.stdout, text);
  }
  const rest = printer.rest();
  if (rest !== "") await writeAll(io.stdout, rest);
  await writeAll(io.stdout, `${printer.sums(step.value)}\n`);
}

/** With a profile the frames of its ECU have its format; others by their identifiers. */
async function prefixOf(io: Io, flags: ShowFlags): Promise<PrefixOf> {
  if (flags.profile === undefined) return prefixOfId;
  const config = await loadConfig(flags.config, flags.data, io.env);
  const { can } = (await findAnyProfile(flags.profile, config.profileDirs)).profile;
  if (can === undefined || !hasPrefix(can)) return prefixOfId;
  const ids = [can.requestId, can.responseId, can.functionalId];
  return (frame) => (ids.includes(frame.id) ? 1 : prefixOfId(frame));
}

/** Formats whose first byte is an address, which the identifier does not tell. */
function hasPrefix(can: ProfileCan): can is ProfileCan & { addressing: "extended" | "mixed" } {
  return can.addressing === "extended" || can.addressing === "mixed";
}

/** Makes the text of what is read, and counts. */
class Printer {
  readonly #reassembler: Reassembler;
  readonly #json: boolean;
  readonly #withFrames: boolean;
  /** µs of the first record. */
  #begin: number | undefined;
  #last = 0;
  #frames = 0;
  #messages = 0;
  #faults = 0;

  constructor(reassembler: Reassembler, { json, frames }: ShowFlags) {
    this.#reassembler = reassembler;
    this.#json = json === true;
    this.#withFrames = frames === true;
  }

  record(record: TraceRecord): string {
    this.#begin ??= record.at;
    const backwards = record.at < this.#last;
    this.#last = record.at;
    if (record.kind === "note") return this.#text(record);
    this.#frames++;
    const late = backwards ? this.#text({ kind: "note", at: record.at, text: "the file's time goes backwards" }) : "";
    if (record.frame.error === true) {
      this.#faults++;
      return late + this.#text(record);
    }
    const own = this.#withFrames ? this.#text(record) : "";
    return late + own + this.#seen(this.#reassembler.push(record));
  }

  rest(): string {
    return this.#seen(this.#reassembler.end());
  }

  #seen(seen: readonly ReturnType<Reassembler["push"]>[number][]): string {
    for (const { kind } of seen) {
      if (kind === "message") this.#messages++;
      else if (kind !== "flow") this.#faults++;
    }
    return seen.map((entry) => this.#text(entry)).join("");
  }

  #text(shown: Shown): string {
    const seconds = (shown.at - (this.#begin ?? shown.at)) / 1_000_000;
    return `${this.#json ? jsonOf(shown, timeText(shown.at), seconds) : textOf(shown, seconds)}\n`;
  }

  sums({ format, cut, others }: TraceEnd): string {
    const sums = { frames: this.#frames, messages: this.#messages, faults: this.#faults };
    if (this.#json) return JSON.stringify({ kind: "end", format, ...sums, others, cut });
    const begun = this.#begin === undefined ? "no records" : `begun ${timeText(this.#begin)}`;
    const more = others === 0 ? "" : `, ${others} packets that are no CAN frames`;
    const end = cut ? ", cut off at its end" : "";
    return `${format}, ${begun}: ${sums.frames} frames, ${sums.messages} messages, ${sums.faults} faults${more}${end}`;
  }
}

/** UTC with µs. */
function timeText(us: number): string {
  const ms = Math.floor(us / 1_000);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${ms} ms`;
  return date.toISOString().replace("Z", `${String(us - ms * 1_000).padStart(3, "0")}Z`);
}
