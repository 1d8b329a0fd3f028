import { describe, expect, it } from "vitest";
import { createActor, type SnapshotFrom } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import { type ErrorCode, StationError } from "../../../src/shared/errors.js";
import type { Verdict } from "../../../src/station/ports.js";
import { JOURNAL_VERSION } from "../../../src/station/run/journal-version.js";
import { createRunMachine } from "../../../src/station/run/machine.js";
import { machine, stateOf } from "./idle-machine.js";

const PLAN = ["vin", "clock", "cert:a", "key:master", "sync:supplier", "lock", "verify"];
const never = () => new Promise<never>(() => undefined);
type Snapshot = SnapshotFrom<typeof machine>;
type AnyEvent = Parameters<typeof machine.transition>[1];

/** What the work of a state may end with; one code for each outcome. */
const CODES: readonly ErrorCode[] = ["TARGET_KEY_MISMATCH", "KMS_UNREACHABLE", "UDS_TIMEOUT", "RUN_ABORTED"];
const IDENTIFIED = [
  { todo: PLAN, recover: false },
  { todo: PLAN, recover: true },
  { todo: [], recover: true },
];

interface Step {
  readonly type: string;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** Every event that can come in a state: its work is done or fails, or somebody aborts. */
function eventsOf(snapshot: Snapshot): Step[] {
  if (snapshot.status !== "active") return [];
  const state = stateOf(snapshot);
  const inner = typeof snapshot.value !== "string";
  const id = `0.run.${inner ? "working." : ""}${state}`;
  const done = (output?: unknown): Step => ({ type: `xstate.done.actor.${id}`, output });
  if (state === "identifying") {
    return [...IDENTIFIED.map(done), ...failuresOf(id), { type: "ABORT" }];
  }
  if (state === "recording") return [done(snapshot.context.verdict)];
  if (state === "teardown") return [done()];
  return [done(), ...failuresOf(id), { type: "ABORT" }];
}

function failuresOf(id: string): Step[] {
  return CODES.map((code) => ({ type: `xstate.error.actor.${id}`, error: new StationError(code) }));
}

const traversal = {
  events: eventsOf as (snapshot: Snapshot) => AnyEvent[],
  serializeState: (snapshot: Snapshot) =>
    `${stateOf(snapshot)} ${snapshot.context.todo.length} ${snapshot.context.recover} ${snapshot.context.verdict.outcome}`,
  serializeEvent: (event: AnyEvent) => {
    const { type, output, error } = event as Step;
    return `${type} ${JSON.stringify(output)} ${error instanceof StationError ? error.code : ""}`;
  },
} as never;

const STATES = [
  "checking",
  "opening",
  "identifying",
  "unlocking",
  "recovering",
  "preparing",
  "certificates",
  "keys",
  "sync",
  "locking",
  "verifying",
  "recording",
  "teardown",
  "PASS",
  "FAIL",
  "ERROR",
  "TIMEOUT",
  "ABORTED",
];
/** Passed through in one go: they choose and wait for nothing. */
const TRANSIENT = ["choosing", "ending"];

interface Walk {
  readonly steps: readonly { readonly event: Step; readonly state: string }[];
  readonly end: string;
}

function walks(paths: ReturnType<typeof getShortestPaths<typeof machine>>): Walk[] {
  return paths.map((path) => ({
    end: stateOf(path.state as Snapshot),
    steps: path.steps
      .map(({ event, state }) => ({ event: event as unknown as Step, state: stateOf(state as Snapshot) }))
      .filter(({ event }) => event.type !== "xstate.init"),
  }));
}

/** Walks a path with a real actor, its work scripted by the path's events. */
async function walk({ steps }: Walk): Promise<{ states: string[]; calls: string[] }> {
  const script = [...steps];
  const calls: string[] = [];
  let abort: () => void = () => undefined;
  const act = (name: string) => {
    calls.push(name);
    const next = script.shift()?.event;
    if (next === undefined) return never();
    if (next.type === "ABORT") {
      queueMicrotask(() => abort());
      return never();
    }
    return next.error === undefined ? Promise.resolve(next.output) : Promise.reject(next.error);
  };
  const actor = createActor(
    createRunMachine({
      check: () => act("check") as Promise<never>,
      open: () => act("open") as Promise<never>,
      identify: () => act("identify") as Promise<never>,
      unlock: () => act("unlock") as Promise<never>,
      recover: () => act("recover") as Promise<never>,
      step: (step) => act(step) as Promise<never>,
      record: (verdict: Verdict) => act(`record ${verdict.outcome}`) as Promise<never>,
      teardown: () => act("teardown") as Promise<never>,
    }),
  );
  const states: string[] = [];
  actor.subscribe((snapshot) => {
    const state = stateOf(snapshot);
    states.push(state);
  });
  abort = () => actor.send({ type: "ABORT" });
  actor.start();
  for (let turn = 0; turn < 4 * steps.length + 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  actor.stop();
  return { states, calls };
}

describe("the machine of a run", () => {
  const shortest = walks(getShortestPaths(machine, traversal));

  it("has these states and no other", () => {
    const { working, ...outer } = machine.states;
    const names = [...Object.keys(working?.states ?? {}), ...Object.keys(outer)];
    expect(names.sort()).toEqual([...STATES, ...TRANSIENT].sort());
  });

  it.each(STATES)("reaches %s", (state) => {
    expect(shortest.map(({ end }) => end)).toContain(state);
  });

  it("ends every path by record and teardown, once each, with the path's outcome", async () => {
    const ends = walks(getSimplePaths(machine, { ...(traversal as object), limit: 20_000 } as never)).filter(
      ({ end }) => STATES.slice(-5).includes(end),
    );
    expect(ends.length).toBeGreaterThan(60);
    for (const path of ends) {
      const { states, calls } = await walk(path);
      expect(states.at(-1)).toBe(path.end);
      expect(calls.filter((name) => name.startsWith("record"))).toEqual([`record ${path.end}`]);
      expect(calls.filter((name) => name === "teardown")).toHaveLength(1);
      expect(calls.at(-1)).toBe("teardown");
    }
  }, 60_000);

  it("does the steps in the plan's order", async () => {
    const clean = ["check", "open", "identify", "unlock", ...PLAN, "record PASS", "teardown"];
    const outputs: Record<string, unknown> = { identify: IDENTIFIED[0], "record PASS": { outcome: "PASS" } };
    const steps = clean.map((name) => ({ event: { type: "done", output: outputs[name] }, state: "" }));
    const { calls, states } = await walk({ end: "PASS", steps });
    expect(calls).toEqual(clean);
    expect(states.at(-1)).toBe("PASS");
  });

  it("has the version of the journals that it writes", () => {
    expect(machine.version).toBe(String(JOURNAL_VERSION));
  });

  it("keeps nothing in its context but step ids and the verdict", () => {
    expect(Object.keys(machine.getInitialSnapshot({} as never).context).sort()).toEqual(["recover", "todo", "verdict"]);
  });
});
