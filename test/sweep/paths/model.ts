/** The machine of a run as a graph: its states and transitions by name, and every shortest path from its start to an end. */
import { type AnyStateNode, type AnyTransitionDefinition, type SnapshotFrom, transition } from "xstate";
import { getShortestPaths } from "xstate/graph";
import { StationError } from "../../../src/shared/errors.js";
import type { Verdict } from "../../../src/station/ports.js";
import type { AbortEvent } from "../../../src/station/run/machine.js";
import { machine, stateOf } from "../../unit/station/idle-machine.js";
import { rowsOf, type Way } from "./table.js";

type Snapshot = SnapshotFrom<typeof machine>;

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

const NODES = nodesOf(machine.root);
/** Every state that is no group of others. */
export const STATES = NODES.filter(({ states }) => Object.keys(states).length === 0).map(({ key }) => key);
/** States that are left as soon as they are entered: no work waits in them. */
export const TRANSIENT = NODES.filter(({ always }) => always !== undefined && always.length > 0).map(({ key }) => key);

/** `source: what happens (guard) → targets`, the same for a machine over any work. */
export function nameOf({ source, eventType, guard, target }: AnyTransitionDefinition): string {
  const what = eventType === "" ? "always" : eventType.replace(/^xstate\.(done|error)\.actor\..*$/, "$1");
  const params = typeof guard === "object" && guard !== null && "params" in guard ? ` ${String(guard.params)}` : "";
  const type = typeof guard === "string" ? guard : (guard as { type?: string } | undefined)?.type;
  const when = type === undefined ? "" : ` (${type}${params})`;
  return `${source.key}: ${what}${when} → ${(target ?? []).map(({ key }) => key).join(" ") || "stays"}`;
}

/** Every transition of the machine. */
export const TRANSITIONS = NODES.flatMap((node) => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
]).map(nameOf);

/** An event of the model with what makes it happen. */
export interface ModelEvent {
  readonly type: string;
  readonly output?: unknown;
  readonly error?: StationError;
  readonly way: Way;
}

/** Every event of the table that can come there. */
function eventsOf(plan: readonly string[]): (snapshot: Snapshot) => ModelEvent[] {
  return (snapshot) => {
    if (snapshot.status !== "active") return [];
    const state = stateOf(snapshot);
    const { todo, recover } = snapshot.context;
    const id = `0.run.working.${state}`;
    const done = { type: `xstate.done.actor.${id}` };
    // From there on nothing can happen but the end.
    if (state === "recording") return [];
    return rowsOf(state, todo, recover).map((way): ModelEvent => {
      if (way.kind === "done") return { ...done, way, output: way.identified?.(plan) };
      if (way.kind === "abort") return { type: "ABORT", way };
      return { type: `xstate.error.actor.${id}`, error: new StationError(way.code), way };
    });
  };
}

const failureOf = ({ failure }: Verdict) => (failure === undefined ? "" : `${failure.code} in ${failure.step}`);

export interface Path {
  /** What happens, in order: the last is what decides the outcome. */
  readonly events: readonly { readonly state: string; readonly step: string; readonly way: Way }[];
  /** As they settle, without those that repeat because a phase has several steps. */
  readonly states: readonly string[];
  readonly outcome: string;
  /** Code and step; empty with PASS. */
  readonly failure: string;
  readonly name: string;
}

/** The rest of a path that has come to the record: nothing can happen there but the end. */
function endOf(recording: Snapshot): Snapshot[] {
  const rest: Snapshot[] = [];
  let snapshot = recording;
  while (snapshot.status === "active") {
    const type = `xstate.done.actor.0.run.${stateOf(snapshot)}`;
    const event: unknown = { type, output: recording.context.verdict };
    [snapshot] = transition(machine, snapshot, event as AbortEvent);
    rest.push(snapshot);
  }
  return rest;
}

/** Every shortest path from the start by each event of each state to the record, and on to the end. */
export function pathsOf(plan: readonly string[]): Path[] {
  const serializeEvent = ({ type, way }: ModelEvent) => `${type} ${way?.name ?? ""}`;
  const serializeState = (snapshot: Snapshot, event?: ModelEvent, before?: Snapshot) => {
    const { todo, recover } = snapshot.context;
    const state = stateOf(snapshot);
    // By which event it came to the record tells two paths apart, whatever the verdict.
    const by = state === "recording" && before !== undefined && event !== undefined ? serializeEvent(event) : "";
    const from = by === "" || before === undefined ? "" : stateOf(before);
    return `${state} ${todo.length} ${recover} ${from} ${by}`;
  };
  const options = { events: eventsOf(plan), serializeState, serializeEvent };
  return getShortestPaths(machine, options as never)
    .filter(({ state }) => stateOf(state as Snapshot) === "recording")
    .map((path) => {
      const snapshots = path.steps.map(({ state }) => state as Snapshot);
      const events = path.steps.flatMap(({ event }, at) => {
        const { way } = event as unknown as Partial<ModelEvent>;
        const before = snapshots[at - 1];
        if (way === undefined || before === undefined) return [];
        return [{ state: stateOf(before), step: before.context.todo[0] ?? "", way }];
      });
      const { verdict, recover } = (path.state as Snapshot).context;
      const left = events.find(({ state }) => state === "identifying")?.way.name ?? "";
      const failure = failureOf(verdict);
      const last = events.at(-1);
      const what = failure === "" ? "PASS" : `${verdict.outcome} ${failure}, ${last?.state} by ${last?.way.name}`;
      const states = [...snapshots, ...endOf(path.state as Snapshot)].map(stateOf);
      return {
        events,
        states: states.filter((state, at) => state !== states[at - 1]),
        outcome: verdict.outcome,
        failure,
        name: recover ? `${what}, ${left}` : what,
      };
    });
}
