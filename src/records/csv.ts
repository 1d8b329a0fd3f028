/** Records as CSV. Pure. */
import { csvLine } from "../shared/csv.js";
import type { UnitRecord } from "./unit-record.js";

type Cell = string | number | undefined;

const time = (ms: number) => new Date(ms).toISOString();
const list = (items: readonly string[]) => items.join("; ");

const COLUMNS: readonly { readonly name: string; readonly of: (record: UnitRecord) => Cell }[] = [
  { name: "run", of: ({ runId }) => runId },
  { name: "station", of: ({ header }) => header.station },
  { name: "bay", of: ({ header }) => header.bay },
  { name: "adapter", of: ({ header }) => header.link },
  { name: "operator", of: ({ header }) => header.operator },
  { name: "begun", of: ({ startedAt }) => time(startedAt) },
  { name: "ended", of: ({ finishedAt }) => time(finishedAt) },
  { name: "ms", of: ({ startedAt, finishedAt }) => finishedAt - startedAt },
  { name: "outcome", of: ({ outcome }) => outcome },
  { name: "code", of: ({ failure }) => failure?.code },
  { name: "step", of: ({ failure }) => failure?.step },
  { name: "vin", of: ({ header, identity }) => header.inputs.vin ?? identity?.vin },
  { name: "ecu id", of: ({ identity }) => identity?.ecuId },
  { name: "serial", of: ({ identity }) => identity?.serialNumber },
  { name: "part number", of: ({ identity }) => identity?.partNumber },
  { name: "hardware", of: ({ identity }) => identity?.hwVersion },
  { name: "software", of: ({ identity }) => identity?.swVersion },
  { name: "profile", of: ({ header }) => header.profile.name },
  { name: "profile version", of: ({ header }) => header.profile.version },
  { name: "profile hash", of: ({ header }) => header.profile.hash },
  { name: "program", of: ({ header }) => header.programVersion },
  { name: "resumed", of: ({ resumed }) => resumed },
  { name: "owed", of: ({ owed }) => owed },
  { name: "run before", of: ({ rework }) => rework?.previous },
  { name: "runs before", of: ({ rework }) => rework?.attempts ?? 0 },
  {
    name: "certificates",
    of: ({ certificates }) => list(certificates.map(({ name, serial }) => `${name} ${serial ?? "-"}`)),
  },
  { name: "keys", of: ({ keys }) => list(keys.map(({ name, m4, m5 }) => `${name} ${m4 ?? "-"} ${m5 ?? "-"}`)) },
  { name: "traces", of: ({ traces }) => list(traces.map(({ file, sha256 }) => `${file} ${sha256}`)) },
  { name: "signed by", of: ({ signature }) => signature?.key },
];

const line = (cells: readonly Cell[]) => csvLine(cells.map((cell) => (cell === undefined ? "" : String(cell))));

export const recordHead = line(COLUMNS.map(({ name }) => name));

export function recordLine(record: UnitRecord): string {
  return line(COLUMNS.map(({ of }) => of(record)));
}
