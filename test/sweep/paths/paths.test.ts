/**
 * Every shortest path of the machine of a run, gone by real runs on a virtual clock: the outcome, the states passed and the transitions
 * taken are the model's. A state or a transition that no path takes fails here by its name.
 */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type * as XState from "xstate";
import { planOf } from "../../../src/station/run/index.js";
import { stateOf } from "../../unit/station/idle-machine.js";
import { Plant, smallProfile } from "../wire/plant.js";
import { nameOf, pathsOf, STATES, TRANSIENT, TRANSITIONS } from "./model.js";
import { walk } from "./walk.js";

/** What the machine of the run that is under way did. */
const seen = vi.hoisted(() => ({
  states: [] as string[],
  taken: new Set<string>(),
  name: (_: unknown): string => "",
  stateOf: (_: { value: unknown }): string => "",
}));

// The product's own call is watched; nothing of it is replaced.
vi.mock("xstate", async (original) => {
  const xstate = await original<typeof XState>();
  const createActor: typeof xstate.createActor = (logic, ...[options]) => {
    return xstate.createActor(logic, {
      ...(options as object),
      inspect: (event: XState.InspectionEvent) => {
        if (event.actorRef.sessionId !== event.rootId) return;
        if (event.type === "@xstate.microstep") {
          for (const transition of event._transitions) seen.taken.add(seen.name(transition));
        }
        if (event.type === "@xstate.snapshot" && "value" in event.snapshot) {
          seen.states.push(seen.stateOf({ value: event.snapshot.value }));
        }
      },
    } as never) as never;
  };
  return { ...xstate, createActor };
});

const base = smallProfile();
const profile = { ...base, keys: base.keys.filter(({ name }) => name !== "secoc-4") };
const [, , , ...plan] = planOf(profile);
const PATHS = pathsOf(plan);
const walkedStates = new Set<string>();
let plant: Plant;

beforeAll(async () => {
  seen.stateOf = stateOf;
  seen.name = (transition) => nameOf(transition as Parameters<typeof nameOf>[0]);
  plant = await Plant.open(profile);
});
afterAll(() => plant.close());

describe("each shortest path of the machine, gone by a real run", () => {
  it.each(PATHS.map((path) => [path.name, path] as const))("%s", async (_, path) => {
    const { wrong, outcome, failure } = await walk(path, plant, () => {
      seen.states = [];
    });
    // The clean run behind it comes after an end.
    const end = seen.states.indexOf(path.outcome);
    const states = seen.states.slice(0, end + 1).filter((state, at) => state !== seen.states[at - 1]);
    for (const state of states) walkedStates.add(state);
    expect({ outcome, failure, states, wrong }).toEqual({
      outcome: path.outcome,
      failure: path.failure,
      states: path.states,
      wrong: [],
    });
  });
});

describe("the runs took", () => {
  it.each(STATES.filter((state) => !TRANSIENT.includes(state)))("the state %s", (state) => {
    expect([...walkedStates]).toContain(state);
  });

  it.each(TRANSITIONS)("the transition %s", (transition) => {
    expect([...seen.taken]).toContain(transition);
  });

  it("no transition that the model does not have", () => {
    expect([...seen.taken].filter((transition) => !TRANSITIONS.includes(transition))).toEqual([]);
    expect(new Set(TRANSITIONS).size).toBe(TRANSITIONS.length);
  });
});
