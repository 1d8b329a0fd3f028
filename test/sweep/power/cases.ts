/** One case of the sweep: a run in which the power goes at one step of the flash, and a fresh run on what is left of the ECU. */
import { type FlashStep, PowerCut, powerCutAt } from "../../../firmware-sim/flash/flash.js";
import type { ErrorCode } from "../../../src/shared/errors.js";
import { falseReports, lacks } from "../wire/book.js";
import type { Plant, Unit } from "../wire/plant.js";
import { type CleanRun, inconsistencies, SLACK, shapeOf } from "./clean.js";

/** ms between the power cut's run and the next: timers of the station's transport have run out. */
const PAUSE = 2_000;

export interface Result {
  readonly cut: FlashStep;
  /** PASS, the code of the failure, or that the ECU did not come to a run. */
  readonly end: "PASS" | "NO_RUN" | ErrorCode;
  /** Step of the station's run that failed. */
  readonly during: string;
  readonly held: "old" | "new";
  readonly wrong: readonly string[];
}

export async function runCase(plant: Plant, clean: CleanRun, cut: FlashStep): Promise<Result> {
  const unit = plant.blank();
  try {
    const { end, during } = await strike(plant, unit, cut.count);
    const wrong = inconsistencies(unit.cell);
    if (end !== "NO_RUN") wrong.push(...falseReports(plant.profile, unit.cell, unit.book));
    const { held, misfit } = compare(clean, unit, cut);
    wrong.push(...misfit);
    await plant.scrap(unit);
    await plant.clock.advance(PAUSE);
    await plant.powerUp(unit, { slack: SLACK });
    const { record } = await plant.run(unit);
    if (record.outcome === "PASS") {
      wrong.push(...lacks(plant.profile, unit.cell, unit.book, unit.inputs));
      if (record.owed > 0) wrong.push(`${record.owed} results still wait`);
    } else wrong.push(`the fresh run ended with ${record.failure?.code} in ${record.failure?.step}`);
    return { cut, end, during, held, wrong };
  } finally {
    await plant.scrap(unit);
  }
}

/** Powers a new ECU up and provisions it until its power goes. */
async function strike(plant: Plant, unit: Unit, count: number): Promise<Pick<Result, "end" | "during">> {
  try {
    await plant.powerUp(unit, { slack: SLACK, onStep: powerCutAt(count) });
  } catch (error) {
    if (error instanceof PowerCut) return { end: "NO_RUN", during: "" };
    throw error;
  }
  const { record } = await plant.run(unit);
  if (!(unit.failures.at(-1) instanceof PowerCut)) throw new Error(`the power was never cut at step ${count}`);
  return { end: record.failure?.code ?? "PASS", during: record.failure?.step ?? "" };
}

/** The state that is left has the shape of the one before the save that was cut, or of the one that it saved. */
function compare(
  { steps, shapes }: CleanRun,
  { cell }: Unit,
  { count, kind }: FlashStep,
): { held: Result["held"]; misfit: string[] } {
  const saved = steps.slice(0, count - 1).filter((step) => step.kind === "done").length;
  const shape = shapeOf(cell);
  const held = shape === shapes[saved + 1] ? "new" : "old";
  const misfit: string[] = [];
  if (held === "old" && shape !== shapes[saved]) misfit.push(`neither the old state nor the new one: ${shape}`);
  if (kind === "done" && held === "old") misfit.push("what was durable is gone");
  if (kind === "write" && held === "new") misfit.push("half of a record counts");
  return { held, misfit };
}
