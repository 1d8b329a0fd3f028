/** A station between a MES and its units: orders by HTTPS in, signed results out, and what an operator does about results that wait. */
import { readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inlineStores } from "../../src/db/store.js";
import { openRecords } from "../../src/records/journal.js";
import { systemClock } from "../../src/shared/clock.js";
import { type Peer, peer, tls } from "../unit/clients/helpers.js";
import { finish } from "../unit/records/outbox-rig.js";
import { EVCC, recordOf, recordsFile, rows, until } from "./cases.js";
import { callBuilt, type Finished, type Running, run, start, tempFolder } from "./harness.js";
import { type LinkProxy, startProxy } from "./proxy.js";

const LIMIT = 300_000;
/** What the MES says, which the tests change. */
const mes = {
  order: { status: 404, body: "" } as { status: number; body?: string },
  result: 200,
};
let server: Peer;
let files: string;
/** Of the bay whose unit nobody may touch. */
let wire: LinkProxy;

beforeAll(async () => {
  files = tempFolder("mes");
  const { caPem } = await tls();
  writeFileSync(join(files, "ca.pem"), caPem);
  writeFileSync(join(files, "key.hex"), "5f".repeat(32));
  server = await peer((n) => (server.seen[n]?.method === "GET" ? mes.order : { status: mes.result }));
  wire = await startProxy("slcan+tcp://127.0.0.1:2");
});
afterAll(async () => {
  await server?.close();
  await wire?.close();
});

/** A configuration with this MES. @param more sections */
function configured(name: string, more: object): string {
  const peerFiles = { caFile: "ca.pem" };
  const sink = { kind: "webhook", url: `${server.url}/results`, ...peerFiles, secretFile: "key.hex" };
  const secrets = { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } };
  const config = {
    schema: 1,
    mode: "simulator",
    orders: { kind: "http", url: `${server.url}/orders/\${vin}`, ...peerFiles, attempts: 1 },
    results: { sinks: { mes: sink }, limits: { rows: 1 } },
    secrets,
    ...more,
  };
  const file = join(files, name);
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  return file;
}

/** Ids of results in the order in which they came. */
const told = () => server.seen.filter(({ method }) => method === "POST").map(({ headers }) => headers["webhook-id"]);

interface Ended {
  readonly outcome: string;
  readonly failure?: { readonly code: string; readonly step: string; readonly text: { ko: string; en: string } };
  readonly record: { readonly runId: string; readonly inputs?: object; readonly header: { inputs: object } };
}

/** One unit at a bay of the service, from its line to its verdict. */
async function unit(service: Running, bay: string, inputs: object): Promise<Ended> {
  const id = `u${++units}`;
  let accepted = false;
  const ended = service.line((text) => {
    const line = JSON.parse(text) as { event?: string; id?: string; bay?: string };
    if (line.event === "refused" && line.id === id) throw new Error(text);
    accepted ||= line.event === "accepted" && line.id === id;
    return accepted && line.event === "ended" && line.bay === bay;
  });
  service.child.stdin.write(`${JSON.stringify({ bay, inputs, id })}\n`);
  return JSON.parse(await ended) as Ended;
}
let units = 0;
const { vin, pcid, evccid } = EVCC;
const order = (body: object) => ({ status: 200, body: JSON.stringify({ schema: 1, ...body }) });

describe("a station with a MES", () => {
  let service: Running;
  let data: string;
  let config: string;
  const words = (args: readonly string[]) => ["outbox", ...args, "--config", config, "--data", data];
  /** As a process of its own, of somebody whom sudo calls so. */
  const outbox = (args: readonly string[], SUDO_USER = ""): Promise<Finished> =>
    run("ecustation", words(args), { env: { SUDO_USER }, limit: LIMIT });
  const listed = async (sink: string): Promise<{ results: object[]; full: string | null }> =>
    JSON.parse((await callBuilt("ecustation", words(["list", "--json", "--sink", sink]))).stdout);

  beforeAll(async () => {
    data = tempFolder();
    const bays = [
      { name: "wire", link: wire.url, profile: "evcc" },
      { name: "evcc", link: "sim:", profile: "evcc" },
      { name: "body", link: "sim:", profile: "body-she" },
    ];
    config = configured("station.yaml", { station: { id: "line-3", bays } });
    service = start("ecustation", ["serve", "--jsonl", "--config", config, "--data", data], { limit: LIMIT });
    await service.line(() => true);
  }, LIMIT);
  afterAll(() => service?.stop());

  const refused: readonly (readonly [string, typeof mes.order, Record<string, string>, string, RegExp])[] = [
    ["has no order and an input is missing", { status: 404 }, { vin, pcid }, "INPUT_MISSING", /evccid/],
    ["orders too little", order({ inputs: { pcid } }), { vin }, "INPUT_MISSING", /evccid/],
    [
      "orders another value",
      order({ inputs: { pcid, evccid } }),
      { vin, pcid: "KM8P2844A9TD84HR92" },
      "ORDER_MISMATCH",
      /pcid/,
    ],
    ["orders another profile", order({ profile: "ccu", inputs: { pcid, evccid } }), { vin }, "ORDER_MISMATCH", /ccu/],
    [
      "orders a value that the profile does not take",
      order({ inputs: { pcid: "x", evccid } }),
      { vin },
      "INPUT_INVALID",
      /pcid/,
    ],
    ["answers with what is no order", { status: 200, body: "<html>\n" }, { vin }, "ORDER_INVALID", /it is no JSON/],
    ["fails", { status: 500 }, { vin }, "ORDERS_UNREACHABLE", /it answered 500/],
  ];
  it.each(refused)(
    "touches no unit where it %s",
    async (_, answer, inputs, code, text) => {
      mes.order = answer;
      const { outcome, failure } = await unit(service, "wire", inputs);
      expect([outcome, failure?.code, failure?.step]).toEqual(["ERROR", code, "check"]);
      expect(failure?.text.en).toMatch(text);
      expect(wire.connections()).toBe(0);
    },
    LIMIT,
  );

  it(
    "completes what was scanned by the order, and tells the MES how it ended",
    async () => {
      mes.order = order({ profile: "evcc", inputs: { pcid, evccid, colour: "red" } });
      const { outcome, record } = await unit(service, "evcc", { vin });
      expect([outcome, record.header.inputs]).toEqual(["PASS", expect.objectContaining({ vin, pcid, evccid })]);
      await until(() => told().includes(`${record.runId}:result:mes`));
      const last = server.seen.findLast(({ method }) => method === "POST");
      expect(JSON.parse(last?.body ?? "")).toMatchObject({
        kind: "run",
        runId: record.runId,
        outcome: "PASS",
        station: "line-3",
      });
    },
    LIMIT,
  );

  it(
    "begins no further unit while a refused result fills the buffer, and says so in all its ways",
    async () => {
      mes.order = { status: 404 };
      mes.result = 422;
      const { record } = await unit(service, "body", { vin });
      const id = `${record.runId}:result:mes`;
      await until(() => stateOf(data, id) === "quarantined");

      const next = await unit(service, "wire", { vin, pcid, evccid });
      expect([next.outcome, next.failure?.code, next.failure?.step]).toEqual(["ERROR", "OUTBOX_FULL", "check"]);
      expect(next.failure?.text.en).toMatch(/1 results \(limit 1\)\. The unit was not touched\..*ecustation outbox/);
      expect(next.failure?.text.ko).toMatch(/유닛은 변경되지 않았습니다.*ecustation outbox/);
      const unitArgs = ["--profile", "body-she", "--vin", vin, "--link", wire.url, "--config", config, "--data", data];
      const alone = await callBuilt("ecustation", ["run", ...unitArgs, "--json"], { limit: LIMIT });
      expect([alone.code, recordOf(alone).failure?.code]).toEqual([3, "OUTBOX_FULL"]);
      const seen = await run("ecustation", ["run", ...unitArgs], { limit: LIMIT });
      expect([seen.code, seen.stderr]).toEqual([3, ""]);
      expect(seen.stdout).toMatch(
        /전달되지 않은 결과가 너무 많습니다[^\n]*\n[^\n]*Too many results[^\n]*\n +OUTBOX_FULL in check\n/,
      );
      expect(wire.connections()).toBe(0);

      const [line, full, ...rest] = (await outbox(["list"])).stdout.trimEnd().split("\n");
      const shown = new RegExp(
        `^quarantined {2}mes {2}${id} {2}since .* result PASS of [0-9a-f]{54}, tried 1×: .*it answered 422`,
      );
      expect(line).toMatch(shown);
      expect([full, rest]).toEqual(["full: 1 results (limit 1); no further unit is begun", []]);
      expect(await listed("mes")).toMatchObject({
        results: [{ id, state: "quarantined", attempts: 1 }],
        full: "1 results (limit 1)",
      });
      expect(await listed("kms")).toMatchObject({ results: [] });

      // The service finds what another process let wait again.
      mes.result = 200;
      expect(await outbox(["retry", id])).toMatchObject({ code: 0, stdout: `waits again: ${id}\n` });
      await until(() => stateOf(data, id) === "delivered");
      expect(told().filter((each) => each === id)).toHaveLength(2);
      expect(await listed("mes")).toEqual({ results: [], full: null });
      expect((await unit(service, "body", { vin })).outcome).toBe("PASS");
    },
    LIMIT,
  );

  it(
    "begins units again once somebody gave the result up, and the audit log says who and why",
    async () => {
      mes.result = 410;
      const { record } = await unit(service, "body", { vin });
      const id = `${record.runId}:result:mes`;
      await until(() => stateOf(data, id) === "quarantined");
      const without = await callBuilt("ecustation", words(["waive", id]));
      expect([without.code, without.stderr]).toEqual([2, expect.stringContaining("--reason")]);
      const unknown = await callBuilt("ecustation", words(["waive", "nobody", id, "--reason", "scrapped"]));
      expect(unknown.stderr).toMatch(/no result nobody waits or is in quarantine/);
      expect(stateOf(data, id)).toBe("quarantined");
      const waived = await outbox(["waive", id, "--reason", "unit scrapped, ticket 4711"], "kim");
      expect(waived).toMatchObject({ code: 0, stdout: `waived: ${id}\n` });
      mes.result = 200;
      expect((await unit(service, "body", { vin })).outcome).toBe("PASS");
      const decided = rows<{ actor: string; action: string; subject: string; outcome: string; details: string }>(
        recordsFile(data),
        "SELECT actor, action, subject, outcome, details FROM audit WHERE action IN ('retry', 'waive') ORDER BY seq",
      );
      expect(decided.map(({ actor, action, outcome }) => [action, outcome, actor])).toEqual([
        ["retry", "waiting", userInfo().username],
        ["waive", "waived", "kim"],
      ]);
      expect(decided[1]?.subject).toBe(record.runId);
      expect(JSON.parse(decided[1]?.details ?? "")).toMatchObject({
        id,
        sink: "mes",
        former: "quarantined",
        reason: "unit scrapped, ticket 4711",
      });
      expect((await callBuilt("ecustation", ["records", "verify", "--data", data])).code).toBe(0);
    },
    LIMIT,
  );
});

describe("a station with a folder of orders", () => {
  it(
    "refuses an order that is another unit's, and runs the unit by the corrected one",
    async () => {
      const [orders, data] = [tempFolder("orders"), tempFolder()];
      mes.result = 200;
      const config = configured("folder.yaml", { orders: { kind: "folder", path: orders } });
      const put = (body: object) => writeFileSync(join(orders, `${vin}.json`), JSON.stringify({ schema: 1, ...body }));
      const unitArgs = ["--profile", "body-she", "--vin", vin, "--config", config, "--data", data, "--json"];
      const ran = async (link: string) =>
        recordOf(await callBuilt("ecustation", ["run", ...unitArgs, "--link", link], { limit: LIMIT }));

      put({ profile: "evcc", inputs: {} });
      expect((await ran(wire.url)).failure?.text.en).toMatch(
        /taken\/KMHC851CFLU061234\.json is for something else: profile/,
      );
      writeFileSync(join(orders, `${vin}.csv`), 'profile;vin\nbody-she;"x\n');
      expect((await ran(wire.url)).failure?.code).toBe("ORDER_INVALID");
      expect(readFileSync(join(orders, "rejected", `${vin}.csv.reason.txt`), "utf8")).toMatch(/line 2 is not closed/);
      expect(wire.connections()).toBe(0);
      put({ profile: "body-she", inputs: {} });
      expect((await ran("sim:")).outcome).toBe("PASS");
    },
    LIMIT,
  );
});

describe("two stations on one data folder", () => {
  it(
    "send an ECU's results in their order, each once in effect",
    async () => {
      const data = tempFolder();
      const stores = inlineStores();
      const tell = { sinks: ["mes"], station: "line-3" };
      const records = await openRecords({ stores, file: recordsFile(data), clock: systemClock, tell });
      const runs = Array.from({ length: 24 }, (_, i) => ({ runId: `run-${i}`, ecuId: `e${i % 2}` }));
      for (const { runId, ecuId } of runs) await finish(records, runId, Date.now(), ecuId);
      await stores.close();
      mes.result = 200;
      const config = configured("two.yaml", { page: { port: 0 } });
      const before = server.seen.length;
      const both = [0, 1].map(() =>
        start("ecustation", ["serve", "--config", config, "--data", data], { limit: LIMIT }),
      );
      await until(() => rows(recordsFile(data), "SELECT 1 FROM outbox WHERE state <> 'delivered'").length === 0);
      for (const each of both) expect((await each.stop()).code).toBe(0);
      // A receiver knows a repeat by its id.
      const ids = [...new Set(server.seen.slice(before).map(({ headers }) => String(headers["webhook-id"])))];
      for (const ecu of ["e0", "e1"]) {
        const own = runs.filter(({ ecuId }) => ecuId === ecu).map(({ runId }) => `${runId}:result:mes`);
        expect(ids.filter((id) => own.includes(id))).toEqual(own);
      }
      expect(ids).toHaveLength(runs.length);
      const delivered = "SELECT subject FROM audit WHERE action = 'report' AND outcome = 'delivered'";
      expect(rows(recordsFile(data), delivered)).toHaveLength(runs.length);
    },
    LIMIT,
  );
});

function stateOf(data: string, id: string): string | undefined {
  return rows<{ state: string }>(recordsFile(data), `SELECT state FROM outbox WHERE id = '${id}'`)[0]?.state;
}
