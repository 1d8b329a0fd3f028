/** A unit that was here before: whether it may be run again, and what the record says of its past. */
import { StationError } from "../../../shared/errors.js";
import type { LocalText, UnitPast } from "../../ports.js";
import type { ReworkRule } from "../deps.js";
import type { Run } from "../run.js";

const CHOICES = [
  { value: "run", text: { ko: "다시 작업", en: "Run it again" } },
  { value: "stop", text: { ko: "작업 안 함", en: "Leave it as it is" } },
] as const;

/**
 * Nothing in the unit is changed before this: a refused one stays as it is.
 * @returns what the record says; undefined for a unit that is here for the first time
 * @throws StationError UNIT_SCRAPPED, UNIT_PASSED
 */
export async function checkRework(run: Run, ecuId: string, signal: AbortSignal): Promise<object | undefined> {
  const { ledger, rework } = run.deps;
  const past = await ledger.past(ecuId, run.runId);
  if (past === undefined) return undefined;
  const { scrapped, passed } = past;
  if (scrapped !== undefined && !(await mayRun(run, rework?.scrapped, SCRAPPED(scrapped), signal)))
    throw new StationError("UNIT_SCRAPPED", { details: { what: scrapped } });
  // An interrupted run that goes on is no run again.
  const again = scrapped === undefined && passed !== undefined && run.candidate === undefined;
  if (again && !(await mayRun(run, rework?.passed, PASSED(passed), signal)))
    throw new StationError("UNIT_PASSED", { details: { run: passed } });
  return factsOf(past);
}

function factsOf({ previous, attempts, revoked }: UnitPast): object {
  return { ...(previous === undefined ? {} : { previous }), attempts, revoked };
}

/** Where nobody can be asked, the answer is no. */
async function mayRun(run: Run, rule: ReworkRule = "allow", text: LocalText, signal: AbortSignal): Promise<boolean> {
  if (rule !== "ask") return rule === "allow";
  return (await run.operator?.ask({ text, choices: CHOICES }, signal)) === "run";
}

const SCRAPPED = (reason: string): LocalText => ({
  ko: `폐기된 유닛입니다 (${reason}). 다시 작업합니까?`,
  en: `This unit was scrapped (${reason}). Run it again?`,
});

const PASSED = (runId: string): LocalText => ({
  ko: `이미 합격한 유닛입니다 (작업 ${runId}). 다시 작업합니까?`,
  en: `This unit has passed before (run ${runId}). Run it again?`,
});
