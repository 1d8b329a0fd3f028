import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { createOutbox, DEFAULT_OUTBOX_LIMITS, type Outbox, type OutboxLimits } from "../../../src/records/outbox.js";
import type { Sink } from "../../../src/records/sinks/sink.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { silentLogger } from "../../../src/shared/logger.js";
import type { EcuIdentity, RunHeader, RunRecord } from "../../../src/station/ports.js";

let folder: string;
let clock: VirtualClock;
let stores: StoreHost;
let records: Records;
let outbox: Outbox;
let limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS;
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

async function open(): Promise<void> {
  stores = inlineStores();
  const tell = { sinks: ["mes", "drop"], station: "line-3" };
  records = await openRecords({ stores, file: join(folder, "r.db"), clock, tell });
  const sinks = [sink("mes"), sink("drop")];
  const kms = { report: async () => undefined };
  outbox = createOutbox({ records, kms, sinks, limits, clock, logger: silentLogger, random: () => 1 });
  outbox.start();
}

async function close(): Promise<void> {
  await clock.drive(outbox.close());
  await stores.close();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "outbox-"));
  clock = new VirtualClock();
  sent = {};
  answers = {};
  limits = DEFAULT_OUTBOX_LIMITS;
  await open();
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

async function finish(runId: string, ecuId = "e1", failure?: string): Promise<void> {
  const startedAt = clock.now();
  const profile = { name: "p", version: 1, hash: "a".repeat(64) };
  const header = { runId, bay: runId, link: "l", profile, inputs: {}, startedAt, programVersion: "0", plan: [] };
  await records.runs.begin(header as unknown as RunHeader);
  await records.runs.finish({
    schema: 1,
    runId,
    header,
    identity: { ecuId } as EcuIdentity,
    outcome: "PASS",
    ...(failure === undefined
      ? {}
      : { failure: { code: failure, step: "check", retryable: true, text: { ko: "", en: "" } } }),
    steps: [],
    timers: {},
    startedAt,
    finishedAt: clock.now(),
    resumed: 0,
    owed: 0,
  } as unknown as RunRecord);
}

const away = (name: string) => async () => {
  throw new StationError("SINK_UNREACHABLE", { details: { sink: name, what: "refused" } });
};
const refused = async () => {
  throw new StationError("SINK_REJECTED", { details: { sink: "mes", what: "it answered 422" } });
};
const by = { actor: "account kim" };

describe("the outbox's receivers", () => {
  it("each get every run's result, an ECU's in their order", async () => {
    for (const run of ["a", "b", "c"]) await finish(run);
    await clock.advance(1_000);
    expect(sent).toEqual({ mes: ["a", "b", "c"], drop: ["a", "b", "c"] });
    expect(await outbox.load()).toMatchObject({ waiting: 0, quarantined: 0 });
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
    await clock.advance(120_000);
    expect(sent.drop).toEqual(["a", "b"]);
    expect(sent.mes).not.toContain("b");
    answers.mes = async () => undefined;
    await clock.advance(120_000);
    expect(sent.mes?.slice(-2)).toEqual(["a", "b"]);
    expect(await outbox.load()).toMatchObject({ waiting: 0 });
  });

  it("that is out of reach is asked once a pass, however much waits for it", async () => {
    answers.mes = away("mes");
    await outbox.close();
    for (const run of ["a", "b", "c", "d"]) await finish(run, run);
    await stores.close();
    await open();
    await clock.advance(100);
    expect(sent.mes).toEqual(["a"]);
  });

  it("do not count when a unit's keys wait for the KMS", async () => {
    answers.mes = away("mes");
    await finish("a");
    await clock.advance(100);
    expect(await outbox.waiting({ ecuId: "e1" })).toBe(0);
  });

  it("get a result again under its id where the process died between its delivery and the commit", async () => {
    const ids: string[] = [];
    answers.mes = async (id) => void ids.push(id);
    const { store } = records;
    const call = store.call.bind(store);
    const died = new Error("killed");
    Object.assign(store, {
      call: (name: Parameters<typeof call>[0], args: never) =>
        name === "outboxDelivered" ? Promise.reject(died) : call(name, args),
    });
    await finish("a");
    await clock.advance(100);
    await close();
    await open();
    await clock.advance(60_000);
    expect(new Set(ids)).toEqual(new Set(["a:result:mes"]));
    expect(ids).toHaveLength(2);
  });
});

describe("a result that its receiver refuses", () => {
  beforeEach(async () => {
    answers.mes = refused;
    await finish("a");
    await clock.advance(1_000);
  });

  it("is in quarantine, and is sent again when somebody says so", async () => {
    expect(await outbox.load()).toMatchObject({ waiting: 0, quarantined: 1 });
    answers.mes = async () => undefined;
    expect(await outbox.retry("a:result:mes", by)).toBe(true);
    await clock.advance(1_000);
    expect(sent.mes).toEqual(["a", "a"]);
    expect(await outbox.load()).toMatchObject({ quarantined: 0 });
    expect(await outbox.retry("a:result:mes", by)).toBe(false);
  });

  it("is waived with a reason that stays", async () => {
    expect(await outbox.waive("a:result:mes", { ...by, reason: "scrapped" })).toBe(true);
    await clock.advance(3_600_000);
    expect(sent.mes).toEqual(["a"]);
    const kept = await records.store.call("outboxState", "a:result:mes");
    expect(kept).toMatchObject({ state: "waived", reason: "scrapped" });
    expect(await outbox.waive("a:result:mes", { ...by, reason: "again" })).toBe(false);
  });

  it("is found by a running station when another process lets it wait again", async () => {
    answers.mes = async () => undefined;
    await records.store.call("outboxRetry", { id: "a:result:mes", now: clock.now(), actor: "account kim" });
    await clock.advance(15_000);
    expect(sent.mes).toEqual(["a", "a"]);
  });
});

describe("a full outbox", () => {
  it.each([
    ["results", { ...DEFAULT_OUTBOX_LIMITS, rows: 2 }, /2 results \(limit 2\)/],
    ["bytes", { ...DEFAULT_OUTBOX_LIMITS, bytes: 500 }, /bytes \(limit 500\)/],
    ["age", { ...DEFAULT_OUTBOX_LIMITS, age: 60_000 }, /the oldest for 60 s \(limit 60 s\)/],
  ])("is told by its limit of %s, and is none once the results have arrived", async (_, given, text) => {
    await close();
    limits = given;
    await open();
    expect(await outbox.full()).toBeUndefined();
    answers = { mes: away("mes"), drop: away("drop") };
    await finish("a");
    await clock.advance(60_500);
    expect(await outbox.full()).toMatch(text);
    answers = {};
    await clock.advance(120_000);
    expect(await outbox.full()).toBeUndefined();
  });

  it("is not filled further by the starts that it refuses", async () => {
    answers = { mes: away("mes"), drop: away("drop") };
    await finish("a", "e1", "OUTBOX_FULL");
    expect(await outbox.load()).toMatchObject({ waiting: 0 });
  });
});
