import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunTrace, type TracedRunOptions, type TracesConfig } from "../../../../src/cli/traces.js";
import { openVirtual } from "../../../../src/ecu/link/virtual/bus.js";
import type { TraceResult } from "../../../../src/records/trace/writer.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import type { RunHeader } from "../../../../src/station/ports.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "traces-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const clock = new VirtualClock();
const runId = (n: number) => `20260101T00000000${n}Z-00000000a${n}`;

/** One run with one frame on a bus of its own; `during` happens before the link ends. */
async function runOnce(
  id: string,
  config: Partial<TracesConfig> = {},
  during?: (options: TracedRunOptions) => void,
): Promise<TraceResult | undefined> {
  const results: TraceResult[] = [];
  const traces: TracesConfig = { formats: ["log"], folder, keep: 1_000, ...config };
  const trace = new RunTrace(
    { config: { traces }, clock, logger: silentLogger },
    { onTrace: (it) => results.push(it) },
  );
  const link = trace.tap(openVirtual(trace.named(id), clock));
  await link.send({ id: 0x7e0, extended: false, data: Uint8Array.of(1) });
  during?.(trace.options);
  await link.close();
  await trace.close();
  return results[0];
}

describe("keeping the traces of runs", () => {
  it("names files by their run", async () => {
    const result = await runOnce(runId(1), { formats: ["log", "pcapng"] });
    expect(result).toMatchObject({ frames: 1, failures: [] });
    expect(readdirSync(folder).sort()).toEqual([`${runId(1)}.log`, `${runId(1)}.pcapng`]);
  });

  it("puts the further lives of a run that is taken up again beside its first one", async () => {
    const resumed = (options: TracedRunOptions) => {
      // Of the header the run's id alone counts here.
      const header = { runId: runId(1) } as RunHeader;
      options.onEvent?.({ kind: "begun", header, resumed: true });
    };
    await runOnce(runId(1));
    await runOnce(runId(2), {}, resumed);
    await runOnce(runId(3), {}, resumed);
    expect(readdirSync(folder).sort()).toEqual([`${runId(1)}.2.log`, `${runId(1)}.3.log`, `${runId(1)}.log`]);
  });

  it("names them by the run that was taken up before the link was opened, and by the next one where another unit was there", async () => {
    await runOnce(runId(1));
    const begun = (trace: RunTrace, id: string, resumed: boolean) =>
      trace.options.onEvent?.({ kind: "begun", header: { runId: id } as RunHeader, resumed });
    const open = () =>
      new RunTrace({ config: { traces: { formats: ["log"], folder, keep: 9 } }, clock, logger: silentLogger });
    const resumed = open();
    resumed.named(runId(2));
    begun(resumed, runId(1), true);
    const link = resumed.tap(openVirtual("virtual:resumed", clock));
    await link.send({ id: 0x7e0, extended: false, data: Uint8Array.of(1) });
    await link.close();
    await resumed.close();
    expect(readdirSync(folder).sort()).toEqual([`${runId(1)}.2.log`, `${runId(1)}.log`]);
    const other = open();
    other.named(runId(3));
    begun(other, runId(1), true);
    const second = other.tap(openVirtual("virtual:other", clock));
    begun(other, other.named(runId(4)), false);
    await second.send({ id: 0x7e0, extended: false, data: Uint8Array.of(1) });
    await second.close();
    await other.close();
    expect(readdirSync(folder).sort()).toEqual([`${runId(1)}.2.log`, `${runId(1)}.log`, `${runId(4)}.log`]);
  });

  it("deletes those of the oldest runs beyond `keep`, and no other files", async () => {
    const others = ["notes.log", `${runId(0)}.txt`, "20250101.log"];
    for (const name of others) writeFileSync(join(folder, name), "");
    for (const n of [1, 2, 3, 4]) await runOnce(runId(n), { keep: 2 });
    expect(readdirSync(folder).sort()).toEqual([...others, `${runId(3)}.log`, `${runId(4)}.log`].sort());
  });

  it("tells of files that cannot be written, and disturbs nobody", async () => {
    writeFileSync(join(folder, "in-the-way"), "");
    const result = await runOnce(runId(1), { folder: join(folder, "in-the-way") });
    expect(result?.frames).toBe(1);
    expect(result?.failures.map(({ code }) => code)).toEqual(["TRACE_INCOMPLETE"]);
  });

  it("keeps nothing where no format is wanted", async () => {
    expect(await runOnce(runId(1), { formats: [] })).toBe(undefined);
    expect(readdirSync(folder)).toEqual([]);
  });
});
