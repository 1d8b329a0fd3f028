/** An interrupted run that cannot simply go on: a person decides what becomes of it, nobody guesses. */
import { StationError } from "../../shared/errors.js";
import type { InterruptedRun, LocalText, Prompt } from "../ports.js";
import type { UnitKind } from "./deps.js";
import { readsJournal } from "./journal-version.js";
import { knowsPlan, planOf } from "./plan.js";
import { change } from "./resume.js";
import type { Run } from "./run.js";

/**
 * `go-on`: with the profile and the plan that it began with. `anew`: it is closed and a fresh run begins, which first settles what the
 * ECU holds. `set-aside`: it is closed and nothing is begun.
 */
export const DECISIONS = ["go-on", "anew", "set-aside"] as const;
export type Decision = (typeof DECISIONS)[number];

/** A run that waits for a decision. */
export interface Undecided {
  readonly run: InterruptedRun;
  /** What has changed since it began. */
  readonly why: string;
}

const CHOICES: Readonly<Record<Decision, LocalText>> = {
  "go-on": { ko: "시작할 때의 프로파일로 이어서 진행", en: "Go on with the profile that it began with" },
  anew: { ko: "새로 시작하기 (ECU에 있는 것을 먼저 확인)", en: "Begin anew (what the ECU holds is read back first)" },
  "set-aside": { ko: "유닛을 따로 두기", en: "Set the unit aside" },
};

/** What a go-on would work with; undefined where the journal, the profile or its plan is not understood any more. */
async function kindOf(run: Run, { header }: InterruptedRun): Promise<UnitKind | undefined> {
  const { deps } = run;
  if (!readsJournal(header)) return undefined;
  const kind = header.profile.hash === deps.profileHash ? deps : await deps.earlier?.(header);
  return kind !== undefined && knowsPlan(kind.profile, header.plan) ? kind : undefined;
}

function prompt({ run, why }: Undecided, may: readonly Decision[]): Prompt {
  const unit = run.header.inputs.vin ?? run.header.runId;
  return {
    text: {
      ko: `유닛 ${unit}의 작업 ${run.header.runId}이(가) 중단되어 있습니다: ${why}. 어떻게 하시겠습니까?`,
      en: `Run ${run.header.runId} of unit ${unit} was interrupted: ${why}. What shall become of it?`,
    },
    choices: may.map((value) => ({ value, text: CHOICES[value] })),
  };
}

/**
 * The decision, and what a go-on works with. Waits for the person as long as it takes.
 * @throws StationError RUN_UNDECIDED where nobody decides, or what was decided cannot be done; the signal's reason
 */
export async function decide(
  run: Run,
  undecided: Undecided,
  signal: AbortSignal,
): Promise<{ readonly decision: Decision; readonly kind: UnitKind | undefined }> {
  const { request, operator } = run;
  const kind = await kindOf(run, undecided.run);
  const may = DECISIONS.filter((decision) => decision !== "go-on" || kind !== undefined);
  const { runId } = undecided.run.header;
  const refuse = (more: string) =>
    new StationError("RUN_UNDECIDED", { details: { what: `${runId}: ${undecided.why}${more}`, may: may.join(", ") } });
  // Nobody stands at a bay whose runs are taken up at a start.
  const asked = request.resumeOnly === true ? undefined : operator;
  const answer = request.onInterrupted ?? (await asked?.ask(prompt(undecided, may), signal));
  if (answer === undefined) throw refuse("");
  const decision = may.find((one) => one === answer);
  if (decision === undefined) throw refuse(`, ${answer} cannot be done`);
  return { decision, kind };
}

/** The question that a run raises, if any. */
export function questionOf(run: Run, interrupted: InterruptedRun): Undecided | undefined {
  const { profile, profileHash } = run.deps;
  const why = change(interrupted, { profileHash, plan: planOf(profile) });
  return why === undefined ? undefined : { run: interrupted, why };
}
