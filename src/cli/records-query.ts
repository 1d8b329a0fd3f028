/** Options of the commands that search the history, and the store that they read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { keptHeadFile } from "../audit/head-file.js";
import { inlineStores, type Store } from "../db/store.js";
import type { History } from "../records/history.js";
import { openRecords, type Records } from "../records/journal.js";
import type { RecordsDefinition } from "../records/store.js";
import type { HistoryQuery } from "../records/types.js";
import { systemClock } from "../shared/clock.js";
import type { Outcome } from "../station/ports.js";
import { recordsFile, type StationConfig } from "./config.js";
import { exists } from "./files.js";
import type { GlobalOptions } from "./io.js";
import { certificateSerial, ecuId } from "./option-values.js";

export interface QueryOptions extends GlobalOptions {
  readonly vin?: string;
  readonly ecuId?: string;
  readonly serial?: string;
  readonly certificate?: string;
  readonly outcome?: Outcome;
  readonly code?: string;
  readonly station?: string;
  readonly bay?: string;
  readonly text?: string;
  readonly from?: number;
  readonly to?: number;
}

/** @param command the options are added to it */
export function addQueryOptions(command: Command): Command {
  return command
    .option("--vin <vin>", "of this VIN")
    .option("--ecu-id <hex>", "of this EcuID", ecuId)
    .option("--serial <number>", "of this serial number")
    .option("--certificate <serial>", "with a certificate of this serial, hex", certificateSerial)
    .addOption(
      new Option("--outcome <outcome>", "that ended so").choices(["PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED"]),
    )
    .option("--code <code>", "that failed with this code (docs/errors.md)")
    .option("--station <id>", "of this station")
    .option("--bay <name>", "of this bay")
    .option("--text <text>", "with this anywhere in VIN, EcuID, serial number, code, profile or run")
    .option("--from <time>", "begun at this time or later, e.g. 2026-11-21 or 2026-11-21T08:00:00Z", time)
    .option("--to <time>", "begun before this time", time);
}

function time(text: string): number {
  const value = Date.parse(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError("expected a date, e.g. 2026-11-21 or 2026-11-21T08:00:00Z");
  return value;
}

export function queryOf(options: QueryOptions): HistoryQuery {
  const { vin, serial: serialNumber, certificate, outcome, code, station, bay, text } = options;
  const { from, to } = options;
  const ids = { vin, ecuId: options.ecuId, serialNumber, certificate };
  const given = { ...ids, outcome, code, station, bay, text, from, to };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as HistoryQuery;
}

/** Undefined where the station has no records yet: reading makes no file. */
export async function withRecords<T>(
  config: StationConfig,
  work: (history: History, store: Store<RecordsDefinition>) => Promise<T>,
): Promise<T | undefined> {
  const file = recordsFile(config);
  const there = (await exists(file)) || keptHeadFile(file) !== undefined;
  return there ? withOpenRecords(config, ({ history, store }) => work(history, store)) : undefined;
}

/** The records, made where there are none yet. */
export async function withOpenRecords<T>(config: StationConfig, work: (records: Records) => Promise<T>): Promise<T> {
  const stores = inlineStores();
  try {
    return await work(await openRecords({ stores, file: recordsFile(config), clock: systemClock }));
  } finally {
    await stores.close();
  }
}
