/** Verdicts that came between two states. Pure. */
import type { PageState, VerdictView } from "../../contract/state.js";

export interface BayVerdict {
  readonly bay: string;
  readonly verdict: VerdictView;
}

/** None where there was no state before, or one of another start of the station: those were not given just now. */
export function verdictsSince(before: PageState | undefined, now: PageState | undefined): readonly BayVerdict[] {
  if (before === undefined || now === undefined || before === now || before.epoch !== now.epoch) return [];
  return now.bays.flatMap(({ name, verdict }) => {
    const former = before.bays.find((bay) => bay.name === name)?.verdict;
    return verdict === undefined || verdict.at === former?.at ? [] : [{ bay: name, verdict }];
  });
}
