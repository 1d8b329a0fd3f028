import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import type { RunRecord } from "../../../src/station/ports.js";
import { DEFAULT_RUN_TIMERS } from "../../../src/station/run/deps.js";
import { Killer, keysProfile, Plant, type Station } from "./fakes.js";

let plant: Plant;
let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
  plant = new Plant(clock);
  plant.profile = keysProfile();
});
afterEach(() => plant.remove());

/** States of the machine in which a session is open, by what the ECU is asked in them. */
const STATES = {
  identifying: "identify",
  unlocking: "unlock",
  recovering: "lastLoad",
  preparing: "writeVin",
  keys: "loadKey",
  sync: "generateMac",
  locking: "lock",
  verifying: "reset",
} as const;

const deaf = () => new Promise<never>(() => undefined);

/** What happens in the state, and the outcomes that it may have. */
const ENDS: Readonly<Record<string, { outcomes: readonly string[]; work: (abort: () => void) => Promise<never> }>> = {
  "an abort that is heard": {
    outcomes: ["ABORTED"],
    work: async (abort) => {
      abort();
      throw new StationError("RUN_ABORTED");
    },
  },
  "an abort that is not heard": {
    outcomes: ["ABORTED"],
    work: (abort) => {
      abort();
      return deaf();
    },
  },
  "an error of the link": {
    outcomes: ["ERROR"],
    work: async () => {
      throw new StationError("LINK_CLOSED", { details: { what: "cut" } });
    },
  },
  "a fault of the program": {
    outcomes: ["ERROR"],
    work: async () => {
      throw new TypeError("undefined is not a function");
    },
  },
  "work that never ends": { outcomes: ["TIMEOUT"], work: deaf },
};

/** What the session's own end does. */
const CLOSES: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {
  "closes well": async () => undefined,
  rejects: async () => {
    throw new StationError("LINK_CLOSED", { details: { what: "gone" } });
  },
  "crashes at once": () => {
    throw new TypeError("undefined is not a function");
  },
  "never ends": deaf,
  "ends with its signal alone": (signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
};

const closes = Object.keys(CLOSES);

/** Every state with every end, and each of both with every close. */
const cases = Object.keys(STATES).flatMap((state, i) =>
  Object.keys(ENDS).map((end, j) => [state, end, closes[(i + j) % closes.length] ?? ""] as const),
);

/** A run that meets the fault, whose first life was killed where something is to be recovered. */
async function meet(state: keyof typeof STATES, end: string, close: string): Promise<[Station, RunRecord, number]> {
  if (state === "recovering") {
    const killed = await plant.start({ killer: new Killer(35) });
    await killed.run().catch(() => undefined);
    await killed.stop();
    // Begun anew: the former run's load is nobody's step any more.
    plant.profileHash = "b".repeat(64);
    plant.ecu.closed = 0;
    plant.ecu.calls.length = 0;
  }
  const abort = new AbortController();
  const doClose = CLOSES[close];
  const { work } = ENDS[end] ?? {};
  if (doClose === undefined || work === undefined) throw new Error("no such case");
  plant.ecu.faults = {
    onClose: doClose,
    onCall: async (name) => {
      await clock.sleep(10);
      if (name === STATES[state]) await work(() => void clock.timer(0, () => abort.abort()));
    },
  };
  const station = await plant.start();
  const from = clock.monotonic();
  const record = await station.run(undefined, { signal: abort.signal, onInterrupted: "anew" });
  return [station, record, clock.monotonic() - from];
}

describe("the teardown of a run", () => {
  it.each(cases)(
    "in %s, after %s, with a session whose close %s, comes once and in time",
    async (state, end, close) => {
      const [station, record, took] = await meet(state as keyof typeof STATES, end, close);
      expect(ENDS[end]?.outcomes).toContain(record.outcome);
      expect(plant.ecu.calls.filter((name) => name === "close")).toHaveLength(1);
      const { step, teardown } = plant.profile.limits;
      const { unwind, flush } = DEFAULT_RUN_TIMERS;
      expect(took).toBeLessThan(step + unwind + flush + teardown + 5_000);
      // The bay is free and the next run is another one's.
      plant.ecu.faults = {};
      expect((await station.run(undefined, { onInterrupted: "anew" })).outcome).toBe("PASS");
      await station.stop();
    },
  );
});
