/** `bench`: what this machine does in a second, against what it should. */
import { availableParallelism, cpus } from "node:os";
import { Argument, Command, InvalidArgumentError } from "commander";
import { describe } from "../shared/errors.js";
import type { BenchRow } from "./bench/row.js";
import { parseSoak, type SoakLength } from "./bench/soak.js";
import { EXIT, type GlobalOptions, type Io, printJson, printLine, setExit, writeAll } from "./io.js";

/** One row set each; loads when it is asked for. */
const SUITES: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
  takt: async () => (await import("./bench/takt.js")).taktRows(),
  unpaced: async () => (await import("./bench/unpaced.js")).unpacedRows(),
  isotp: async () => (await import("./bench/isotp.js")).isoTpRows(),
  kms: async () => (await import("./bench/kms.js")).kmsRows(),
  vpki: async () => (await import("./bench/vpki.js")).vpkiRows(),
  "vpki-rate": async () => (await import("./bench/vpki-rate.js")).vpkiRateRows(),
  bays: async () => (await import("./bench/bays.js")).bayRows(),
  she: async () => (await import("./bench/she.js")).sheRows(),
  start: async () => (await import("./bench/start.js")).startRows(),
  history: async () => (await import("./bench/history.js")).historyRows(),
};

interface BenchOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly soak?: SoakLength;
}

/** A row set that could not be measured. */
interface Failed {
  readonly suite: string;
  readonly error: string;
}

/** @param suites the row sets by name; tests give their own */
export function benchCommand(io: Io, suites = SUITES): Command {
  return new Command("bench")
    .description("the benchmark; exit 1 when a row misses its bar, 3 when one could not be measured")
    .addArgument(new Argument("[suite...]", "row sets (default: all but the soak)").choices(Object.keys(suites)))
    .option("--all", "all row sets but the soak, as when none is named")
    .option("--json", "the rows as JSON, with the machine")
    .option("--markdown", "the rows as the table of docs/performance.md")
    .option(
      "--soak <length>",
      "in place of them units back to back at 8 bays: 1h, 30m, 90s, or a number of units",
      soak,
    )
    .action(async (names: string[], _options, self: Command) => {
      const { json, markdown, soak: length } = self.optsWithGlobals<BenchOptions>();
      const chosen = length === undefined ? suites : { soak: () => soakOf(io, length) };
      const lines = json !== true && markdown !== true;
      const rows: BenchRow[] = [];
      const failed: Failed[] = [];
      for (const [suite, measure] of Object.entries(chosen)) {
        if (names.length > 0 && length === undefined && !names.includes(suite)) continue;
        io.signal.throwIfAborted();
        try {
          for (const row of await measure()) {
            rows.push(row);
            if (lines) await printLine(io, rowLine(row));
          }
        } catch (error) {
          // What takes minutes is not lost for one row.
          failed.push({ suite, error: describe(error) });
          await writeAll(io.stderr, `ecustation: bench ${suite}: ${describe(error)}\n`);
        }
      }
      const ok = failed.length === 0 && rows.every((row) => row.ok);
      if (json === true) await printJson(io, { ok, machine: machine(), rows, failed }, 2);
      if (markdown === true) await writeAll(io.stdout, `${table(rows)}\n`);
      if (!ok) setExit(io, failed.length > 0 ? EXIT.ERROR : EXIT.FAIL);
    });
}

function soak(text: string): SoakLength {
  const length = parseSoak(text);
  if (length === undefined) throw new InvalidArgumentError("expected a time like 1h, 30m, 90s, or a number of units.");
  return length;
}

async function soakOf(io: Io, length: SoakLength): Promise<BenchRow[]> {
  const { soakRows } = await import("./bench/soak.js");
  return soakRows(length, (line) => void writeAll(io.stderr, `${line}\n`), io.signal);
}

function machine(): object {
  const [cpu] = cpus();
  const { platform, arch, version } = process;
  return { cpu: cpu?.model ?? "unknown", cores: availableParallelism(), platform, arch, node: version };
}

const number = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;

function rowLine({ ok, name, value, unit, ratio, bar }: BenchRow): string {
  const ofLimit = ratio === undefined ? "" : `, ${percent(ratio)} of the limit`;
  return `${ok ? "ok  " : "MISS"}  ${name}: ${number(value)} ${unit}${ofLimit} (${bar})`;
}

function table(rows: readonly BenchRow[]): string {
  const line = (...cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line("row", "figure", "limit", "of it", "bar", ""),
    line("---", "---", "---", "---", "---", "---"),
    ...rows.map(({ name, value, unit, limit, ratio, bar, ok }) =>
      line(
        name,
        `${number(value)} ${unit}`,
        limit === undefined ? "" : number(limit),
        ratio === undefined ? "" : percent(ratio),
        bar,
        ok ? "ok" : "MISS",
      ),
    ),
  ].join("\n");
}
