import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { createOutbox, type Outbox } from "../../../src/records/outbox.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { silentLogger } from "../../../src/shared/logger.js";
import type { KmsResult, RunHeader } from "../../../src/station/ports.js";

let folder: string;
let stores: StoreHost;
let records: Records;
let clock: VirtualClock;
let outbox: Outbox;
/** Every try, and what the server does with it. */
let tries: { id: string; at: number }[];
let answer: (id: string, result: KmsResult, signal: AbortSignal) => Promise<void>;
const signal = new AbortController().signal;

async function open(): Promise<void> {
  stores = inlineStores();
  records = await openRecords({ stores, file: join(folder, "r.db"), clock });
  const kms = {
    report: async (result: KmsResult, id: string, own: AbortSignal) => {
      tries.push({ id, at: clock.monotonic() });
      await answer(id, result, own);
    },
  };
  outbox = createOutbox({ records, kms, clock, logger: silentLogger, random: () => 1 });
  outbox.start();
}

async function close(): Promise<void> {
  await clock.drive(outbox.close());
  await stores.close();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "outbox-"));
  clock = new VirtualClock();
  tries = [];
  answer = async () => undefined;
  await open();
  await records.runs.begin({ runId: "a", bay: "b", profile: { name: "p" }, inputs: {}, startedAt: 0 } as RunHeader);
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

function owe(id: string, ecuId = "e1"): Promise<void> {
  const result: KmsResult = {
    kind: "key",
    type: "SecOCKey",
    ecuId,
    keyId: "4",
    status: "Success",
    message: "",
    correlationId: undefined,
  };
  return records.runs.append("a", { step: id, event: "finished", at: 0, data: {} }, [{ id, result }]);
}

const unreachable = () => Promise.reject(new StationError("KMS_UNREACHABLE", { details: { what: "refused" } }));
const fault = () => Promise.reject(new StationError("KMS_FAULT", { details: { what: "500" } }));
const rejected = () => Promise.reject(new StationError("KMS_REJECTED", { details: { what: "no such set" } }));
const ids = () => tries.map(({ id }) => id);

describe("the outbox", () => {
  it("delivers in the order in which results were written, each once", async () => {
    for (const id of ["r1", "r2", "r3"]) await owe(id);
    await clock.drive(outbox.delivered("r3", signal));
    expect(ids()).toEqual(["r1", "r2", "r3"]);
    await clock.advance(3_600_000);
    expect(tries).toHaveLength(3);
    expect(await outbox.waiting({})).toBe(0);
  });

  it("tries again with growing pauses while the server is away, and delivers when it is back", async () => {
    answer = unreachable;
    await owe("r1");
    await clock.advance(10_000);
    const pauses = tries.map(({ at }, i) => at - (tries[i - 1]?.at ?? at)).slice(1);
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000]);
    answer = async () => undefined;
    await clock.advance(10_000);
    expect(await outbox.waiting({})).toBe(0);
  });

  it("keeps an ECU's results behind the one that fails, and lets other ECUs' pass", async () => {
    answer = (id) => (id === "r1" ? fault() : Promise.resolve());
    await owe("r1", "e1");
    await owe("r2", "e1");
    await owe("r3", "e2");
    await clock.drive(outbox.delivered("r3", signal));
    expect(ids()).not.toContain("r2");
    expect(await outbox.waiting({ ecuId: "e1" })).toBe(2);
    expect(await outbox.waiting({ ecuId: "e2" })).toBe(0);
    expect(await outbox.waiting({ runId: "a" })).toBe(2);
  });

  it("puts a result that is refused for good into a visible quarantine and goes on", async () => {
    answer = (id) => (id === "r1" ? rejected() : Promise.resolve());
    await owe("r1");
    await owe("r2");
    await clock.drive(outbox.delivered("r2", signal));
    await expect(outbox.delivered("r1", signal)).rejects.toMatchObject({ code: "OUTBOX_QUARANTINED" });
    const kept = await records.history.outbox("quarantined");
    expect(kept.map(({ id, lastError }) => [id, lastError])).toEqual([["r1", expect.stringContaining("no such set")]]);
    await clock.advance(3_600_000);
    expect(ids().filter((id) => id === "r1")).toHaveLength(1);
  });

  it("delivers what an earlier process left", async () => {
    answer = unreachable;
    await owe("r1");
    await clock.advance(100);
    await close();
    answer = async () => undefined;
    tries = [];
    await open();
    await clock.advance(1_000);
    expect(ids()).toEqual(["r1"]);
  });

  it("does not send again what another process on the same folder has delivered meanwhile", async () => {
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    answer = unreachable;
    await owe("r1");
    // The list that this process works through is read with all three in it.
    await outbox.close();
    for (const id of ["r2", "r3"]) await owe(id);
    await stores.close();
    tries = [];
    let first = true;
    answer = () => {
      const wait = first ? held : Promise.resolve();
      first = false;
      return wait;
    };
    await open();
    await clock.advance(0);
    const mine = { records, outbox, stores };
    await open();
    await clock.drive(outbox.delivered("r3", signal));
    goOn();
    await clock.drive(mine.outbox.flush(signal));
    await clock.drive(mine.outbox.close());
    await mine.stores.close();
    // The one that was under way may arrive twice, under one idempotency key; nothing behind it does.
    expect(ids().sort()).toEqual(["r1", "r1", "r2", "r3"]);
  });

  it("ends the wait for a delivery with the server's error once its patience is over", async () => {
    answer = unreachable;
    await owe("r1");
    const from = clock.monotonic();
    await expect(clock.drive(outbox.delivered("r1", signal))).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
    expect(clock.monotonic() - from).toBe(20_000);
    expect(await outbox.waiting({})).toBe(1);
  });

  it("ends the wait for a delivery at once when its signal ends", async () => {
    answer = unreachable;
    await owe("r1");
    const abort = new AbortController();
    const waiting = outbox.delivered("r1", abort.signal);
    abort.abort(new StationError("RUN_ABORTED"));
    await expect(waiting).rejects.toMatchObject({ code: "RUN_ABORTED" });
  });

  it("flushes within the time of its signal, even when the server hangs", async () => {
    answer = (_id, _result, own) => new Promise((_, reject) => own.addEventListener("abort", () => reject(own.reason)));
    await owe("r1");
    const time = new AbortController();
    clock.timer(1_000, () => time.abort());
    expect(await clock.drive(outbox.flush(time.signal))).toBe(1);
    expect(clock.monotonic()).toBe(1_000);
  });

  it("flushes rows that are not due yet", async () => {
    answer = unreachable;
    await owe("r1");
    await clock.advance(100);
    answer = async () => undefined;
    expect(await clock.drive(outbox.flush(signal))).toBe(0);
    expect(clock.monotonic()).toBe(100);
  });

  it("gives up a PUT that hangs and tries it again", async () => {
    answer = (_id, _result, own) => new Promise((_, reject) => own.addEventListener("abort", () => reject(own.reason)));
    await owe("r1");
    await clock.advance(31_000);
    expect(tries).toHaveLength(2);
  });
});
