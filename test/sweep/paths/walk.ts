/** Goes one path of the machine with a real run: a simulated ECU on a virtual link, vPKI and KMS over TLS, faults from the table. */
import { parseFaults } from "../../../firmware-sim/faults/faults.js";
import { StationError } from "../../../src/shared/errors.js";
import type { RunDeps } from "../../../src/station/run/index.js";
import { falseReports, lacks } from "../wire/book.js";
import type { Change, Plant, Unit } from "../wire/plant.js";
import type { Path } from "./model.js";
import type { Strike } from "./table.js";

/** ms between two runs on one ECU: timers of its transport have run out. */
const PAUSE = 2_000;
/** Steps of states that are no phase of the plan. */
const OPENING: Readonly<Record<string, string>> = {
  opening: "open",
  identifying: "identify",
  unlocking: "unlock",
  recovering: "recover",
};

export interface Walked {
  readonly outcome: string;
  readonly failure: string;
  /** Everything that must not be. */
  readonly wrong: readonly string[];
}

const never = () => new Promise<never>(() => undefined);

/** The world in which the path happens. */
function changeOf(path: Path, plant: Plant, unit: Unit): Change {
  const deciding = path.events.find(({ way }) => way.kind !== "done");
  if (deciding === undefined) return {};
  const { state, way } = deciding;
  const step = OPENING[state] ?? deciding.step;
  const abort = new AbortController();
  const atStep = (strike: (wire: Parameters<NonNullable<Change["onStep"]>>[1]) => void): Change => ({
    onStep: (begun, wire) => {
      if (begun === step) strike(wire);
    },
  });
  if (way.kind === "abort") {
    const orderFor: RunDeps["orders"]["orderFor"] = () => {
      abort.abort();
      return never();
    };
    const when: Change =
      state === "checking" ? { deps: () => ({ orders: { orderFor } }) } : atStep(() => abort.abort());
    return { ...when, signal: abort.signal };
  }
  return way.kind === "fault" ? striking(way.strike, atStep, plant, unit) : {};
}

function striking(
  strike: Strike,
  atStep: (strike: (wire: { unplug(): void } | undefined) => void) => Change,
  plant: Plant,
  unit: Unit,
): Change {
  switch (strike.kind) {
    case "ecu":
      return atStep(() => unit.faults.add(...parseFaults([strike.fault])));
    case "unplug":
      return atStep((wire) => wire?.unplug());
    case "refusal":
      return atStep(() => void plant.refusing.add(strike.server));
    case "no-input":
      return { inputs: {}, deps: () => ({ orders: { orderFor: async () => undefined } }) };
    case "silent-orders":
      return { deps: () => ({ orders: { orderFor: never } }) };
    case "no-link": {
      const error = new StationError("LINK_OPEN_FAILED", { details: { what: `virtual:${unit.bus}` } });
      return { deps: () => ({ openSession: () => Promise.reject(error) }) };
    }
    case "silent-link":
      return { deps: () => ({ openSession: never }) };
  }
}

/** An earlier run that left something on the ECU. */
async function leave(what: "load" | "record", plant: Plant, unit: Unit): Promise<string[]> {
  if (what === "load") {
    const key = plant.profile.keys[0];
    const onStep: NonNullable<Change["onStep"]> = (begun) => {
      if (begun === `key:${key?.name}`) unit.faults.add(...parseFaults(["silent-after:0"]));
    };
    const { record } = await plant.runChanged(unit, { onStep });
    unit.faults.clear();
    return record.outcome === "TIMEOUT" ? [] : [`the earlier run ended with ${record.outcome}`];
  }
  // As a kill behind the last step: everything is in the journal, the record is not.
  const finish = () => Promise.reject(new Error("killed"));
  const { record } = await plant.runChanged(unit, { deps: ({ runs }) => ({ runs: { ...runs, finish } }) });
  const { step } = record.failure ?? {};
  return step === "record" ? [] : [`the earlier run ended with ${record.outcome} in ${step}`];
}

export async function walk(path: Path, plant: Plant, onRun: () => void): Promise<Walked> {
  const unit = await plant.unit();
  const { clock, profile } = plant;
  const { cell, book, inputs } = unit;
  const wrong: string[] = [];
  try {
    for (const { way } of path.events) {
      if (way.kind !== "done" || way.left === undefined) continue;
      wrong.push(...(await leave(way.left, plant, unit)));
      await clock.advance(PAUSE);
    }
    onRun();
    const { record } = await plant.runChanged(unit, changeOf(path, plant, unit));
    unit.faults.clear();
    plant.refusing.clear();
    const { outcome, failure } = record;
    wrong.push(...(outcome === "PASS" ? lacks(profile, cell, book, inputs) : falseReports(profile, cell, book)));
    await clock.advance(PAUSE);
    const clean = (await plant.runChanged(unit, {})).record;
    if (clean.outcome !== "PASS") wrong.push(`a clean run ended with ${clean.failure?.code} in ${clean.failure?.step}`);
    else wrong.push(...lacks(profile, cell, book, inputs).map((what) => `after a clean run: ${what}`));
    if (clean.owed > 0) wrong.push(`${clean.owed} results still wait`);
    wrong.push(...unit.failures.map((thrown) => `the ECU failed: ${String(thrown)}`));
    return { outcome, failure: failure === undefined ? "" : `${failure.code} in ${failure.step}`, wrong };
  } finally {
    await plant.scrap(unit);
  }
}
