/** Verdicts and questions that came between two states. Pure. */
import type { PageState, PromptView, VerdictView } from "../../contract/state.js";

export interface BayVerdict {
  readonly bay: string;
  readonly verdict: VerdictView;
}

export interface BayPrompt {
  readonly bay: string;
  readonly prompt: PromptView;
}

/** None where there was no state before, or one of another start of the station: those were not given just now. */
export function verdictsSince(before: PageState | undefined, now: PageState | undefined): readonly BayVerdict[] {
  if (before === undefined || now === undefined || before === now || before.epoch !== now.epoch) return [];
  return now.bays.flatMap(({ name, verdict }) => {
    const former = before.bays.find((bay) => bay.name === name)?.verdict;
    return verdict === undefined || verdict.at === former?.at ? [] : [{ bay: name, verdict }];
  });
}

/** Questions that the state before did not ask; all of them where it was of another start of the station. */
export function promptsSince(before: PageState | undefined, now: PageState | undefined): readonly BayPrompt[] {
  if (now === undefined || before === now) return [];
  const known = before?.epoch === now.epoch ? before.bays : [];
  return now.bays.flatMap(({ name, prompt }) => {
    const former = known.find((bay) => bay.name === name)?.prompt;
    return prompt === undefined || prompt.id === former?.id ? [] : [{ bay: name, prompt }];
  });
}
