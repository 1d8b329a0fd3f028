import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits } from "../../../src/records/outbox.js";
import type { Sink } from "../../../src/records/sinks/sink.js";
import { StationError } from "../../../src/shared/errors.js";
import * as rigged from "./outbox-rig.js";

let rig: rigged.OutboxRig;
let station: rigged.Process;
/** What each receiver was sent. */
let sent: Record<string, string[]>;
let answers: Record<string, (id: string, signal: AbortSignal) => Promise<void>>;

function sink(name: string): Sink {
  const unreachable = (what: string) => new StationError("SINK_UNREACHABLE", { details: { sink: name, what } });
  return {
    name,
    unreachable,
    close: async () => undefined,
    deliver: async ({ id }, signal) => {
      sent[name] = [...(sent[name] ?? []), id.split(":")[0] ?? ""];
      await answers[name]?.(id, signal);
    },
  };
}

function open(limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS): Promise<rigged.Process> {
  const tell = { sinks: ["mes", "drop"], station: "line-3" };
  return rig.open({ tell, sinks: [sink("mes"), sink("drop")], limits });
}

beforeEach(async () => {
  rig = new rigged.OutboxRig();
  sent = {};
  answers = {};
  station = await open();
});
afterEach(async () => {
  await station.close();
  rig.remove();
});

const finish = (runId: string, ecuId?: string, failure?: string) =>
  rigged.finish(station.records, runId, rig.clock.now(), ecuId, failure);

const away = (name: string) => async () => {
  throw new StationError("SINK_UNREACHABLE", { details: { sink: name, what: "refused" } });
};
const refused = async () => {
  throw new StationError("SINK_REJECTED", { details: { sink: "mes", what: "it answered 422" } });
};
const by = { actor: "kim" };

describe("the outbox's receivers", () => {
  it("each get every run's result, an ECU's in their order", async () => {
    for (const run of ["a", "b", "c"]) await finish(run);
    await rig.clock.advance(1_000);
    expect(sent).toEqual({ mes: ["a", "b", "c"], drop: ["a", "b", "c"] });
    expect(await station.outbox.load()).toMatchObject({ waiting: 0, quarantined: 0 });
  });

  it.each([
    ["refuses", away("mes")],
    [
      "stalls",
      (_id: string, signal: AbortSignal) =>
        new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ],
  ])("are not held up by one that %s, which gets all when it is back", async (_, fault) => {
    answers.mes = fault;
    for (const run of ["a", "b"]) await finish(run);
    await rig.clock.advance(120_000);
    expect(sent.drop).toEqual(["a", "b"]);
    expect(sent.mes).not.toContain("b");
    answers.mes = async () => undefined;
    await rig.clock.advance(120_000);
    expect(sent.mes?.slice(-2)).toEqual(["a", "b"]);
    expect(await station.outbox.load()).toMatchObject({ waiting: 0 });
  });

  it("that is out of reach is asked once a pass, however much waits for it", async () => {
    answers.mes = away("mes");
    await station.outbox.close();
    for (const run of ["a", "b", "c", "d"]) await finish(run, run);
    await station.close();
    station = await open();
    await rig.clock.advance(100);
    expect(sent.mes).toEqual(["a"]);
  });

  it("do not count when a unit's keys wait for the KMS", async () => {
    answers.mes = away("mes");
    await finish("a");
    await rig.clock.advance(100);
    expect(await station.outbox.waiting({ ecuId: "e1" })).toBe(0);
  });

  it("get a result again under its id where the process died between its delivery and the commit", async () => {
    const ids: string[] = [];
    answers.mes = async (id) => void ids.push(id);
    const { store } = station.records;
    const call = store.call.bind(store);
    const died = new Error("killed");
    Object.assign(store, {
      call: (name: Parameters<typeof call>[0], args: never) =>
        name === "outboxDelivered" ? Promise.reject(died) : call(name, args),
    });
    await finish("a");
    await rig.clock.advance(100);
    await station.close();
    station = await open();
    await rig.clock.advance(60_000);
    expect(new Set(ids)).toEqual(new Set(["a:result:mes"]));
    expect(ids).toHaveLength(2);
  });
});

describe("a result that its receiver refuses", () => {
  beforeEach(async () => {
    answers.mes = refused;
    await finish("a");
    await rig.clock.advance(1_000);
  });

  it("is in quarantine, and is sent again when somebody says so", async () => {
    expect(await station.outbox.load()).toMatchObject({ waiting: 0, quarantined: 1 });
    answers.mes = async () => undefined;
    expect(await station.outbox.retry("a:result:mes", by)).toBe(true);
    await rig.clock.advance(1_000);
    expect(sent.mes).toEqual(["a", "a"]);
    expect(await station.outbox.load()).toMatchObject({ quarantined: 0 });
    expect(await station.outbox.retry("a:result:mes", by)).toBe(false);
  });

  it("is waived with a reason that stays", async () => {
    expect(await station.outbox.waive("a:result:mes", { ...by, reason: "scrapped" })).toBe(true);
    await rig.clock.advance(3_600_000);
    expect(sent.mes).toEqual(["a"]);
    const kept = await station.records.store.call("outboxState", "a:result:mes");
    expect(kept).toMatchObject({ state: "waived", reason: "scrapped" });
    expect(await station.outbox.waive("a:result:mes", { ...by, reason: "again" })).toBe(false);
  });

  it("is found by a running station when another process lets it wait again", async () => {
    answers.mes = async () => undefined;
    await station.records.store.call("outboxRetry", { id: "a:result:mes", now: rig.clock.now(), actor: "kim" });
    await rig.clock.advance(15_000);
    expect(sent.mes).toEqual(["a", "a"]);
  });
});

describe("a full outbox", () => {
  it.each([
    ["results", { ...DEFAULT_OUTBOX_LIMITS, rows: 2 }, /2 results \(limit 2\)/],
    ["bytes", { ...DEFAULT_OUTBOX_LIMITS, bytes: 500 }, /bytes \(limit 500\)/],
    ["age", { ...DEFAULT_OUTBOX_LIMITS, age: 60_000 }, /the oldest for 60 s \(limit 60 s\)/],
  ])("is told by its limit of %s, and is none once the results have arrived", async (_, given, text) => {
    await station.close();
    station = await open(given);
    expect(await station.outbox.full()).toBeUndefined();
    answers = { mes: away("mes"), drop: away("drop") };
    await finish("a");
    await rig.clock.advance(60_500);
    expect(await station.outbox.full()).toMatch(text);
    answers = {};
    await rig.clock.advance(120_000);
    expect(await station.outbox.full()).toBeUndefined();
  });

  it("is emptied of what its receivers take by now, due or not, and the flush waits for none that stalls", async () => {
    await station.close();
    station = await open({ ...DEFAULT_OUTBOX_LIMITS, rows: 2 });
    answers = { mes: away("mes"), drop: away("drop") };
    await finish("a");
    await rig.clock.advance(60_000);
    expect(await station.outbox.full()).toBeDefined();
    const time = new AbortController();
    rig.clock.timer(5_000, () => time.abort());
    answers = { mes: () => new Promise(() => undefined) };
    const from = rig.clock.monotonic();
    await rig.clock.drive(station.outbox.flush(time.signal, "all"));
    expect(rig.clock.monotonic() - from).toBe(5_000);
    expect([await station.outbox.full(), sent.drop?.length]).toEqual([undefined, expect.any(Number)]);
  });

  it("is not filled further by the starts that it refuses", async () => {
    answers = { mes: away("mes"), drop: away("drop") };
    await finish("a", "e1", "OUTBOX_FULL");
    expect(await station.outbox.load()).toMatchObject({ waiting: 0 });
  });
});
