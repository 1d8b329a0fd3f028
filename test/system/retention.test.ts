/** Records that are kept no longer, in the built program: deleted when a service starts, and behind each run. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RunRecord } from "../../src/station/ports.js";
import { recordOf, recordsFile, rows } from "./cases.js";
import { run, start, tempFolder } from "./harness.js";

/** ms; it takes some 8 s on a quiet machine. */
const LIMIT = 300_000;

it(
  "a service deletes runs beyond its number with their traces, and one more behind each unit; the chain stays whole",
  async () => {
    const data = tempFolder("retention");
    const unit = ["run", "--profile", "body-she", "--link", "sim:", "--data", data, "--trace", "log", "--json"];
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(recordOf(await run("ecustation", unit, { limit: LIMIT })).runId);
    const kept = () => rows<{ run_id: string }>(recordsFile(data), "SELECT run_id FROM run ORDER BY started_at");
    const traces = () => readdirSync(join(data, "traces")).map((name) => name.replace(".log", ""));
    expect(kept().map(({ run_id }) => run_id)).toEqual(ids);
    expect(traces().sort()).toEqual(ids.toSorted());

    const config = join(data, "station.yaml");
    const secrets = { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } };
    const records = { runs: 2 };
    writeFileSync(config, JSON.stringify({ schema: 1, mode: "simulator", secrets, records }));
    const args = ["serve", "--jsonl", "--config", config, "--data", data, "--trace", "log"];
    const service = start("ecustation", args, { limit: LIMIT });
    await service.line((line) => line.includes('"bays"'));
    expect(kept().map(({ run_id }) => run_id)).toEqual(ids.slice(1));
    expect(traces().sort()).toEqual(ids.slice(1).toSorted());

    service.child.stdin.write(`${JSON.stringify({ bay: "1", profile: "body-she", inputs: {} })}\n`);
    const ended = JSON.parse(await service.line((line) => line.includes('"event":"ended"'))) as { record: RunRecord };
    const newest = [ids[2] ?? "", ended.record.runId];
    expect(kept().map(({ run_id }) => run_id)).toEqual(newest);
    expect(traces().sort()).toEqual(newest.toSorted());
    expect((await service.stop()).code).toBe(0);

    const deleted = rows<{ subject: string }>(recordsFile(data), "SELECT subject FROM audit WHERE action = 'delete'");
    expect(deleted.map(({ subject }) => subject)).toEqual(ids.slice(0, 2));
    const verified = await run("ecustation", ["records", "verify", "--data", data], { limit: LIMIT });
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
  },
  LIMIT,
);
