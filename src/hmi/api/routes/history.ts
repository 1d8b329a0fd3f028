/** The history: searched, one unit, exported. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { recordHead, recordLine } from "../../../records/csv.js";
import type { RunDetails, RunSummary } from "../../../records/types.js";
import type { UnitRecord } from "../../../records/unit-record.js";
import { StationError } from "../../../shared/errors.js";
import type { RunsQuery } from "../../contract/requests.js";
import type { RunDetail, RunPage, RunRow, YieldView } from "../../contract/views.js";
import type { PagePorts } from "../ports.js";
import type { AddRoute } from "../routing.js";
import { stepView, verdictOfRecord } from "../state/views.js";
import { generalText } from "./general-text.js";
import { unitParts } from "./unit.js";

export function addHistoryRoutes(add: AddRoute, ports: PagePorts): void {
  const { history, traces, yields } = ports;
  const shown = async (runId: string): Promise<RunDetails> => {
    const run = await history.show(runId);
    if (run === undefined) throw new StationError("PAGE_NOT_FOUND", { details: { what: runId } });
    return run;
  };
  add("runs", async ({ given }): Promise<RunPage> => {
    const { runs, next } = await history.list(given);
    return { runs: runs.map(rowOf), next };
  });
  add("run", async ({ path }) => detailOf(await shown(path.run), ports, await traces.formatsOf(path.run)));
  add("runRecord", async ({ path, reply }) => {
    const { record } = await shown(path.run);
    if (record === undefined) throw new StationError("PAGE_NOT_FOUND", { details: { what: path.run } });
    attach(reply, `${path.run}.json`);
    return record;
  });
  add("runMessages", ({ path, given, signal }) => traces.messages(path.run, given.step, signal));
  add("runTrace", async ({ path, reply }) => {
    const file = await traces.fileOf(path.run, path.format);
    if (file === undefined)
      throw new StationError("PAGE_NOT_FOUND", { details: { what: `${path.run}.${path.format}` } });
    attach(reply, `${path.run}.${path.format}`);
    await reply.type("application/octet-stream").send(createReadStream(file));
  });
  add("runsExport", async ({ given, reply }) => {
    attach(reply, "runs.csv");
    await reply.type("text/csv; charset=utf-8").send(Readable.from(csvOf(ports, given)));
  });
  add("yield", async ({ given }): Promise<YieldView> => {
    const found = await yields.of(given);
    const { from, to } = given;
    return { from, to, ...found, byCode: found.byCode.map((row) => ({ ...row, text: generalText(row.code) })) };
  });
}

function attach(reply: { header(name: string, value: string): unknown }, name: string): void {
  reply.header("content-disposition", `attachment; filename="${name.replace(/[^\w.-]/g, "_")}"`);
}

function rowOf(run: RunSummary): RunRow {
  const { runId, bay, profile, vin, ecuId, serialNumber, startedAt, finishedAt, outcome, code } = run;
  const ms = finishedAt === undefined ? undefined : finishedAt - startedAt;
  return { runId, bay, profile, vin, ecuId, serialNumber, startedAt, ms, outcome, code };
}

function detailOf({ header, record }: RunDetails, { station }: PagePorts, traces: readonly string[]): RunDetail {
  const { runId, bay, profile, inputs, startedAt, programVersion } = header;
  const identity = record?.identity;
  return {
    runId,
    bay,
    profile: profile.name,
    vin: inputs.vin ?? identity?.vin,
    ecuId: identity?.ecuId,
    serialNumber: identity?.serialNumber,
    startedAt,
    ms: record && record.finishedAt - record.startedAt,
    outcome: record?.outcome,
    code: record?.failure?.code,
    station: header.station ?? station.id,
    profileVersion: profile.version,
    profileHash: profile.hash,
    programVersion,
    inputs,
    identity: Object.entries(identity ?? {}).flatMap(([name, value]) =>
      typeof value === "string" ? [{ name, value }] : [],
    ),
    steps: (record?.steps ?? []).map(stepView),
    timers: Object.entries(record?.timers ?? {}).map(([name, ms]) => ({ name, ms })),
    ...unitParts(record),
    verdict: record && verdictOfRecord(record),
    resumed: record?.resumed ?? 0,
    traces,
  };
}

/** As `records export` writes it: runs that are over, a page of records at a time. */
async function* csvOf({ history }: PagePorts, query: RunsQuery): AsyncGenerator<string> {
  yield recordHead;
  let { after } = query;
  do {
    const { records, next } = await history.records({ ...query, ...(after === undefined ? {} : { after }) });
    yield records.map((text) => recordLine(JSON.parse(text) as UnitRecord)).join("");
    after = next;
  } while (after !== undefined);
}
