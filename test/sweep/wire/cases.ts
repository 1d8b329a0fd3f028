/** One case of the sweep: a run in which one frame meets one fault, and a clean run behind it on the same ECU and the same stores. */
import type { ErrorCode } from "../../../src/shared/errors.js";
import { falseReports, lacks, memoryOf, OTHER_CHAIN } from "./book.js";
import type { Place } from "./places.js";
import type { Plant, Ran, Unit } from "./plant.js";
import type { Blow, Fault } from "./wire.js";

/** Signatures, and the messages that hold them, have one length or another by chance: a frame that did not come is tried for again. */
const TRIES = 20;
/** ms between a run and the next one on the same ECU: late frames have come, timers of its transport have run out. */
const PAUSE = 2_000;

export interface Result {
  readonly blow: Blow;
  readonly place: Place & { readonly bit?: number };
  /** PASS or the code of the failure. */
  readonly end: "PASS" | ErrorCode;
  readonly step: string;
  /** Everything that must not be. */
  readonly wrong: readonly string[];
  readonly ms: number;
}

export async function runCase(plant: Plant, blow: Blow): Promise<Result> {
  for (let tries = 0; tries < TRIES; tries++) {
    const unit = await plant.unit();
    try {
      const struck = await plant.run(unit, blow);
      const place = struck.wire.struck;
      if (place === undefined) continue;
      return { blow, place, ...(await judge(plant, unit, struck, blow.fault)), ms: struck.ms };
    } finally {
      await plant.scrap(unit);
    }
  }
  throw new Error(`frame ${blow.key} never came`);
}

async function judge(
  plant: Plant,
  unit: Unit,
  { record }: Ran,
  fault: Fault,
): Promise<Pick<Result, "end" | "step" | "wrong">> {
  const { profile } = plant;
  const { cell, book, inputs } = unit;
  const wrong = record.outcome === "PASS" ? lacks(profile, cell, book, inputs) : falseReports(profile, cell, book);
  await plant.clock.advance(PAUSE);
  const { vin } = memoryOf(cell);
  const clean = (await plant.run(unit)).record;
  // A VIN is written once: an ECU that was given a wrong one is for the workshop.
  const foreign = fault === "corrupt" && vin !== null && vin !== inputs.vin;
  if (clean.outcome === "PASS" && !foreign) {
    wrong.push(...lacks(profile, cell, book, inputs).map((what) => `after the clean run: ${what}`));
    if (clean.owed > 0) wrong.push(`${clean.owed} results still wait`);
  } else if (!foreign || clean.failure?.code !== "ECU_VIN_MISMATCH")
    wrong.push(`the clean run ended with ${clean.outcome} in ${clean.failure?.step}: ${clean.failure?.text.en}`);
  wrong.push(...unit.failures.map((failure) => `the ECU failed: ${String(failure)}`));
  // What no CRC saw and nobody can read back stays until the next run.
  const unseen = (what: string) => fault === "corrupt" && what.endsWith(OTHER_CHAIN) && !what.startsWith("after");
  return {
    end: record.failure?.code ?? "PASS",
    step: record.failure?.step ?? "",
    wrong: wrong.filter((what) => !unseen(what)),
  };
}

/** The frames of a run without a fault. */
export async function record(plant: Plant): Promise<readonly Place[]> {
  const unit = await plant.unit();
  const { record: made, wire } = await plant.run(unit);
  await plant.scrap(unit);
  if (made.outcome !== "PASS") throw new Error(`the run to be recorded failed: ${made.failure?.text.en}`);
  return wire.places;
}
