/** `bench`: what this machine does in a second, against what it should. */
import { Argument, Command } from "commander";
import type { BenchRow } from "./bench/row.js";
import { EXIT, type GlobalOptions, type Io, printLine, setExit } from "./io.js";

/** One row set each; loads when it is asked for. */
const SUITES: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
  takt: async () => (await import("./bench/takt.js")).taktRows(),
  unpaced: async () => (await import("./bench/unpaced.js")).unpacedRows(),
  kms: async () => (await import("./bench/kms.js")).kmsRows(),
  bays: async () => (await import("./bench/bays.js")).bayRows(),
  start: async () => (await import("./bench/start.js")).startRows(),
  she: async () => (await import("./bench/she.js")).sheRows(),
  isotp: async () => (await import("./bench/isotp.js")).isoTpRows(),
  vpki: async () => (await import("./bench/vpki.js")).vpkiRows(),
  history: async () => (await import("./bench/history.js")).historyRows(),
};

interface BenchOptions extends GlobalOptions {
  readonly json?: boolean;
}

/** @param suites the row sets by name; tests give their own */
export function benchCommand(io: Io, suites = SUITES): Command {
  return new Command("bench")
    .description("the benchmark; exit 1 when a row misses its bar")
    .addArgument(new Argument("[suite...]", "row sets (default: all)").choices(Object.keys(suites)))
    .option("--json", "the rows as JSON")
    .action(async (names: string[], _options, self: Command) => {
      const { json } = self.optsWithGlobals<BenchOptions>();
      const rows: BenchRow[] = [];
      for (const [name, measure] of Object.entries(suites)) {
        if (names.length > 0 && !names.includes(name)) continue;
        io.signal.throwIfAborted();
        for (const row of await measure()) {
          rows.push(row);
          if (json !== true) await printLine(io, rowLine(row));
        }
      }
      if (json === true) await printLine(io, JSON.stringify({ ok: rows.every((row) => row.ok), rows }, null, 2));
      if (!rows.every((row) => row.ok)) setExit(io, EXIT.FAIL);
    });
}

function rowLine(row: BenchRow): string {
  const value = Math.round(row.value).toLocaleString("en");
  const ratio = row.ratio === undefined ? "" : `, ${(100 * row.ratio).toFixed(1)} % of the limit`;
  return `${row.ok ? "ok  " : "MISS"}  ${row.name}: ${value} ${row.unit}${ratio} (${row.bar})`;
}
