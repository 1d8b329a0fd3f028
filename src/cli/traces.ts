/** Traces of runs: what is kept, where, and for how many runs. */
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { type Static, Type } from "typebox";
import type { CanFrame, CanLink, LinkEvent } from "../ecu/link/link.js";
import { type LinkObserver, tapLink } from "../ecu/link/tap.js";
import { TRACE_FORMATS, type TraceFormat } from "../records/trace/formats.js";
import { type TraceResult, TraceWriter } from "../records/trace/writer.js";
import type { Clock } from "../shared/clock.js";
import { describe } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import { programVersion } from "../shared/paths.js";
import type { RunOptions } from "../station/run/index.js";
import { type Io, printLine, writeAll } from "./io.js";
import { printable } from "./printable.js";
import { RUN_ID } from "./run-id.js";
import { traceStem } from "./trace-files.js";

const strict = { additionalProperties: false };

export const TracesSchema = Type.Object(
  {
    /** What every run is kept as; nothing where the list is empty. */
    formats: Type.Array(Type.Enum([...TRACE_FORMATS]), { uniqueItems: true, default: [] }),
    /** Folder; left out, `traces` of the data folder. */
    folder: Type.Optional(Type.String({ minLength: 1 })),
    /** Runs whose traces are kept; those of older ones are deleted. */
    keep: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1_000 }),
  },
  { ...strict, default: {} },
);

export interface TracesConfig {
  readonly formats: readonly TraceFormat[];
  /** Absolute. */
  readonly folder: string;
  readonly keep: number;
}

/** @param at makes the file's paths absolute */
export function tracesOf(
  { formats, folder, keep }: Static<typeof TracesSchema>,
  dataDir: string,
  at: (path: string) => string,
): TracesConfig {
  return { formats, folder: folder === undefined ? join(dataDir, "traces") : at(folder), keep };
}

/** Options of the commands that run units; each goes before the configuration. */
export interface TraceFlags {
  readonly trace?: readonly TraceFormat[];
  readonly traceDir?: string;
}

export function addTraceOptions(command: Command): Command {
  const formats = TRACE_FORMATS.join(",");
  return command
    .option("--trace <formats>", `keeps the traces of runs: of ${formats}, or all, or none`, parseFormats)
    .option("--trace-dir <dir>", "folder of traces (default: traces in the data folder)");
}

function parseFormats(text: string): readonly TraceFormat[] {
  if (text === "all") return TRACE_FORMATS;
  if (text === "none") return [];
  const named = text.split(",");
  const unknown = named.find((name) => !TRACE_FORMATS.some((format) => format === name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(unknown)} is no format (expected ${TRACE_FORMATS.join(", ")}).`);
  return TRACE_FORMATS.filter((format) => named.includes(format));
}

export function withTraceFlags<C extends { readonly traces: TracesConfig }>(config: C, flags: TraceFlags): C {
  const { traces } = config;
  const folder = flags.traceDir === undefined ? traces.folder : resolve(flags.traceDir);
  return { ...config, traces: { ...traces, formats: flags.trace ?? traces.formats, folder } };
}

/** Somebody who looks at a run's bus while it goes on. */
export interface BusWatch {
  /** @param at Clock.monotonic */
  frame(direction: "tx" | "rx", frame: CanFrame, at: number): void;
  note(text: string): void;
}

export interface TracedRunOptions extends RunOptions {
  readonly watch?: BusWatch;
  /** Called at the end of a run whose traces were to be kept. */
  readonly onTrace?: (result: TraceResult) => void;
}

/** The traces of one run. Whatever goes wrong with them is told, and the run goes on. */
export class RunTrace {
  readonly #config: TracesConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: TracedRunOptions;
  #freshId = "";
  /** The run that the files are named by. */
  #filedAs: string | undefined;
  /** The run that has begun, whose files they are. */
  #runId: string | undefined;
  #writer: TraceWriter | undefined;
  #naming: Promise<void> = Promise.resolve();

  constructor(
    context: { readonly config: { readonly traces: TracesConfig }; readonly clock: Clock; readonly logger: Logger },
    options: TracedRunOptions = {},
  ) {
    this.#config = context.config.traces;
    this.#clock = context.clock;
    this.#logger = context.logger;
    this.#options = options;
  }

  /** Hands the id of a fresh run through, whose files have its name until it is known which run has begun. */
  named(runId: string): string {
    this.#freshId = runId;
    return runId;
  }

  /** The link with a tap, where traces are kept. */
  tap(link: CanLink): CanLink {
    const { watch } = this.#options;
    const watched = watch === undefined ? link : tapLink(link, observerOf(watch), this.#clock);
    if (this.#config.formats.length === 0) return watched;
    this.#filedAs ??= this.#freshId;
    this.#writer ??= new TraceWriter({
      path: join(this.#config.folder, this.#filedAs),
      formats: this.#config.formats,
      program: `ecustation ${programVersion()}`,
      link: link.url,
      clock: this.#clock,
    });
    const writer = this.#writer;
    this.#settleName();
    return tapLink(
      watched,
      {
        frame: (direction, frame, at) => writer.frame(direction, frame, at),
        event: (event) => noteEvent(writer, event, this.#clock),
        failed: (what) => writer.note(what),
      },
      this.#clock,
    );
  }

  /** The run's options, listened in on. */
  get options(): RunOptions {
    const { onEvent, onStep, ...rest } = this.#options;
    return {
      ...rest,
      onEvent: (event) => {
        if (event.kind === "begun") this.#runId = event.header.runId;
        this.#settleName();
        onEvent?.(event);
      },
      onStep: (step) => {
        const note = `step ${step}`;
        this.#writer?.note(note);
        this.#options.watch?.note(note);
        onStep?.(step);
      },
    };
  }

  /** Files are begun with the link. A run that is taken up is known before it, and given up for another one where another unit is there. */
  #settleName(): void {
    const writer = this.#writer;
    const runId = this.#runId;
    if (writer === undefined || runId === undefined || runId === this.#filedAs) return;
    this.#filedAs = runId;
    this.#naming = this.#naming.then(() => this.#rename(writer, runId));
  }

  /** A run that is taken up again has files of its former lives: `RUN.log`, then `RUN.2.log` and so on. */
  async #rename(writer: TraceWriter, runId: string): Promise<void> {
    try {
      const names = await readdir(this.#config.folder);
      const stem = (life: number) => traceStem(runId, life);
      const taken = (life: number) => TRACE_FORMATS.some((format) => names.includes(`${stem(life)}.${format}`));
      let life = 1;
      while (taken(life)) life++;
      await writer.rename(join(this.#config.folder, stem(life)));
    } catch (error) {
      this.#logger.warn("a trace keeps the name it began with", { run: runId, error: describe(error) });
    }
  }

  /** Ends the files, and deletes those of older runs. Never rejects. */
  async close(): Promise<void> {
    if (this.#config.formats.length === 0) return;
    await this.#naming;
    const result = (await this.#writer?.close()) ?? { files: [], frames: 0, failures: [] };
    for (const failure of result.failures) this.#logger.error("a trace is not complete", { error: describe(failure) });
    await sweepTraces(this.#config).catch((error: unknown) =>
      this.#logger.warn("old traces were not deleted", { error: describe(error) }),
    );
    this.#options.onTrace?.(result);
  }
}

function observerOf(watch: BusWatch): LinkObserver {
  return {
    frame: (direction, frame, at) => watch.frame(direction, frame, at),
    event: (event) => watch.note(event.kind === "warning" ? event.text : event.kind),
    failed: (what) => watch.note(what),
  };
}

/** linux/can/error.h; the events that kernels have as error frames. */
const ERROR_CLASS = { "bus-off": 0x40, restarted: 0x100 } as const;
const ERROR_DATA = 8;

function noteEvent(writer: TraceWriter, event: LinkEvent, clock: Clock): void {
  if (event.kind === "warning") {
    writer.note(event.text);
    return;
  }
  const id = ERROR_CLASS[event.kind];
  writer.frame("rx", { id, extended: false, data: new Uint8Array(ERROR_DATA), error: true }, clock.monotonic());
  writer.note(event.kind);
}

/** Deletes the traces of all runs but the newest; other files of the folder are left alone. */
async function sweepTraces({ folder, keep }: TracesConfig): Promise<void> {
  const traces = new Map<string, string[]>();
  for (const name of await readdir(folder)) {
    const run = RUN_ID.exec(name)?.[0];
    const rest = name.slice(run?.length);
    if (run === undefined || !/^(?:\.\d+)?\.(?:log|asc|pcapng)$/.test(rest)) continue;
    traces.set(run, [...(traces.get(run) ?? []), name]);
  }
  const runs = [...traces.keys()].sort();
  for (const run of runs.slice(0, Math.max(0, runs.length - keep)))
    for (const name of traces.get(run) ?? []) await rm(join(folder, name), { force: true });
}

/** Says where a run's traces are, and on stderr which of them are not complete. */
export async function tellTrace(io: Io, result: TraceResult | undefined, quiet: boolean): Promise<void> {
  if (result === undefined) return;
  for (const { text } of result.failures)
    await writeAll(io.stderr, `ecustation: ${printable(`${text.ko} / ${text.en}`)}\n`);
  if (quiet) return;
  if (result.files.length === 0) await printLine(io, "trace  none: no CAN link was opened");
  for (const file of result.files) await printLine(io, `trace  ${file}`);
}
