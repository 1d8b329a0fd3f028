/** What the steps of a run come to, a group at a time. Pure. */
import type { GroupView, RunView, StepView } from "../../contract/state.js";

export type GroupState = "waiting" | "running" | "done" | "failed";

export const isOver = ({ state }: StepView): boolean => state === "done" || state === "skipped";

export function groupState({ steps }: GroupView): GroupState {
  if (steps.some(({ state }) => state === "failed")) return "failed";
  if (steps.every(isOver)) return "done";
  return steps.some((step) => step.state === "running" || isOver(step)) ? "running" : "waiting";
}

/** ms that the group's steps took until `now`; undefined before the first began. */
export function groupTime({ steps }: GroupView, now: number): number | undefined {
  const times = steps.flatMap(({ startedAt, ms }) => {
    if (ms !== undefined) return [ms];
    return startedAt === undefined ? [] : [Math.max(0, now - startedAt)];
  });
  return times.length === 0 ? undefined : times.reduce((sum, ms) => sum + ms, 0);
}

/** The step that is worked on, or the one that was last. */
export function stepInFocus({ steps }: GroupView): StepView | undefined {
  return steps.find(({ state }) => state === "running" || state === "failed") ?? steps.findLast((step) => isOver(step));
}

/** Steps of the whole run that are over, and all. */
export function counts({ groups }: Pick<RunView, "groups">): { readonly over: number; readonly all: number } {
  const steps = groups.flatMap((group) => group.steps);
  return { over: steps.filter(isOver).length, all: steps.length };
}

/** The group that is worked on; undefined where none is. */
export const groupInFocus = ({ groups }: Pick<RunView, "groups">): GroupView | undefined =>
  groups.find((group) => groupState(group) === "failed") ?? groups.find((group) => groupState(group) === "running");

/** Kind and name of a step: `key:secoc-4` is `key` and `secoc-4`. */
export function partsOf(step: string): { readonly kind: string; readonly name: string } {
  const at = step.indexOf(":");
  return at < 0 ? { kind: step, name: "" } : { kind: step.slice(0, at), name: step.slice(at + 1) };
}
