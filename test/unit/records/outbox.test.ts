import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StationError } from "../../../src/shared/errors.js";
import type { KmsResult } from "../../../src/station/ports.js";
import * as rigged from "./outbox-rig.js";

let rig: rigged.OutboxRig;
let station: rigged.Process;
/** Every try, and what the server does with it. */
let tries: { id: string; at: number }[];
let answer: (id: string, result: KmsResult, signal: AbortSignal) => Promise<void>;
const signal = new AbortController().signal;

function open(): Promise<rigged.Process> {
  const kms = {
    report: async (result: KmsResult, id: string, own: AbortSignal) => {
      tries.push({ id, at: rig.clock.monotonic() });
      await answer(id, result, own);
    },
  };
  return rig.open({ kms });
}

beforeEach(async () => {
  rig = new rigged.OutboxRig();
  tries = [];
  answer = async () => undefined;
  station = await open();
  await station.records.runs.begin(rigged.headerOf("a"));
});
afterEach(async () => {
  await station.close();
  rig.remove();
});

const owe = (id: string, ecuId?: string) => rigged.owe(station.records, "a", id, ecuId);

const unreachable = () => Promise.reject(new StationError("KMS_UNREACHABLE", { details: { what: "refused" } }));
const fault = () => Promise.reject(new StationError("KMS_FAULT", { details: { what: "500" } }));
const rejected = () => Promise.reject(new StationError("KMS_REJECTED", { details: { what: "no such set" } }));
const ids = () => tries.map(({ id }) => id);

describe("the outbox", () => {
  it("delivers in the order in which results were written, each once", async () => {
    for (const id of ["r1", "r2", "r3"]) await owe(id);
    await rig.clock.drive(station.outbox.delivered("r3", signal));
    expect(ids()).toEqual(["r1", "r2", "r3"]);
    await rig.clock.advance(3_600_000);
    expect(tries).toHaveLength(3);
    expect(await station.outbox.waiting({})).toBe(0);
  });

  it("tries again with growing pauses while the server is away, and delivers when it is back", async () => {
    answer = unreachable;
    await owe("r1");
    await rig.clock.advance(10_000);
    const pauses = tries.map(({ at }, i) => at - (tries[i - 1]?.at ?? at)).slice(1);
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000]);
    answer = async () => undefined;
    await rig.clock.advance(10_000);
    expect(await station.outbox.waiting({})).toBe(0);
  });

  it("keeps an ECU's results behind the one that fails, and lets other ECUs' pass", async () => {
    answer = (id) => (id === "r1" ? fault() : Promise.resolve());
    await owe("r1", "e1");
    await owe("r2", "e1");
    await owe("r3", "e2");
    await rig.clock.drive(station.outbox.delivered("r3", signal));
    expect(ids()).not.toContain("r2");
    expect(await station.outbox.waiting({ ecuId: "e1" })).toBe(2);
    expect(await station.outbox.waiting({ ecuId: "e2" })).toBe(0);
    expect(await station.outbox.waiting({ runId: "a" })).toBe(2);
  });

  it("puts a result that is refused for good into a visible quarantine and goes on", async () => {
    answer = (id) => (id === "r1" ? rejected() : Promise.resolve());
    await owe("r1");
    await owe("r2");
    await rig.clock.drive(station.outbox.delivered("r2", signal));
    await expect(station.outbox.delivered("r1", signal)).rejects.toMatchObject({ code: "OUTBOX_QUARANTINED" });
    const { quarantined } = await station.records.history.unsettled();
    expect(quarantined.map(({ id, lastError }) => [id, lastError])).toEqual([
      // Without advice: whoever tells of it has their own.
      ["r1", "The key server refused the request: no such set"],
    ]);
    await rig.clock.advance(3_600_000);
    expect(ids().filter((id) => id === "r1")).toHaveLength(1);
  });

  it("delivers what an earlier process left", async () => {
    answer = unreachable;
    await owe("r1");
    await rig.clock.advance(100);
    await station.close();
    answer = async () => undefined;
    tries = [];
    station = await open();
    await rig.clock.advance(1_000);
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
    await station.outbox.close();
    for (const id of ["r2", "r3"]) await owe(id);
    await station.close();
    tries = [];
    let first = true;
    answer = () => {
      const wait = first ? held : Promise.resolve();
      first = false;
      return wait;
    };
    const other = await open();
    await rig.clock.advance(0);
    station = await open();
    await rig.clock.drive(station.outbox.delivered("r3", signal));
    goOn();
    await rig.clock.drive(other.outbox.flush(signal));
    await other.close();
    // The one that was under way may arrive twice, under one idempotency key; nothing behind it does.
    expect(ids().sort()).toEqual(["r1", "r1", "r2", "r3"]);
  });

  it("ends the wait for a delivery with the server's error once its patience is over", async () => {
    answer = unreachable;
    await owe("r1");
    const from = rig.clock.monotonic();
    await expect(rig.clock.drive(station.outbox.delivered("r1", signal))).rejects.toMatchObject({
      code: "KMS_UNREACHABLE",
    });
    expect(rig.clock.monotonic() - from).toBe(20_000);
    expect(await station.outbox.waiting({})).toBe(1);
  });

  it("ends the wait for a delivery at once when its signal ends", async () => {
    answer = unreachable;
    await owe("r1");
    const abort = new AbortController();
    const waiting = station.outbox.delivered("r1", abort.signal);
    abort.abort(new StationError("RUN_ABORTED"));
    await expect(waiting).rejects.toMatchObject({ code: "RUN_ABORTED" });
  });

  it("flushes within the time of its signal, even when the server hangs", async () => {
    answer = (_id, _result, own) => new Promise((_, reject) => own.addEventListener("abort", () => reject(own.reason)));
    await owe("r1");
    const time = new AbortController();
    rig.clock.timer(1_000, () => time.abort());
    expect(await rig.clock.drive(station.outbox.flush(time.signal))).toBe(1);
    expect(rig.clock.monotonic()).toBe(1_000);
  });

  it("flushes rows that are not due yet", async () => {
    answer = unreachable;
    await owe("r1");
    await rig.clock.advance(100);
    answer = async () => undefined;
    expect(await rig.clock.drive(station.outbox.flush(signal))).toBe(0);
    expect(rig.clock.monotonic()).toBe(100);
  });

  it("gives up a PUT that hangs and tries it again", async () => {
    answer = (_id, _result, own) => new Promise((_, reject) => own.addEventListener("abort", () => reject(own.reason)));
    await owe("r1");
    await rig.clock.advance(31_000);
    expect(tries).toHaveLength(2);
  });
});
