/**
 * The xstate machine of one run: which phase follows which. It holds no session, no secret and no M1–M5: the steps work on the run in
 * their closure, the context knows ids and the verdict alone.
 */
import { assign, type DoneActorEvent, type ErrorActorEvent, fromPromise, setup } from "xstate";
import { StationError } from "../../shared/errors.js";
import type { Outcome, Verdict } from "../ports.js";
import { JOURNAL_VERSION } from "./journal-version.js";
import { type Phase, phaseOf } from "./plan.js";
import type { Identified } from "./steps/identify.js";
import { verdictOf } from "./verdict.js";

/** What the phases do; each ends by its signal. Errors are StationErrors. */
export interface RunWork {
  check(signal: AbortSignal): Promise<void>;
  open(signal: AbortSignal): Promise<void>;
  identify(signal: AbortSignal): Promise<Identified>;
  unlock(signal: AbortSignal): Promise<void>;
  recover(todo: readonly string[], signal: AbortSignal): Promise<void>;
  /** One step of the plan. */
  step(step: string, signal: AbortSignal): Promise<void>;
  /** Writes the record; the verdict that holds. Never rejects. */
  record(verdict: Verdict): Promise<Verdict>;
  /** Never rejects. */
  teardown(): Promise<void>;
}

export interface RunContext {
  /** Steps of the plan that are still to be done. */
  readonly todo: readonly string[];
  readonly recover: boolean;
  readonly verdict: Verdict;
}

/** The operator's or the program's wish to end the run. */
export interface AbortEvent {
  readonly type: "ABORT";
}

const PASS: Verdict = { outcome: "PASS" };

/** The machine over some work. */
export function createRunMachine(work: RunWork) {
  const { createMachine } = setup({
    types: { context: {} as RunContext, events: {} as AbortEvent },
    actors: {
      check: fromPromise<void>(({ signal }) => work.check(signal)),
      open: fromPromise<void>(({ signal }) => work.open(signal)),
      identify: fromPromise<Identified>(({ signal }) => work.identify(signal)),
      unlock: fromPromise<void>(({ signal }) => work.unlock(signal)),
      recover: fromPromise<void, readonly string[]>(({ input, signal }) => work.recover(input, signal)),
      step: fromPromise<void, string>(({ input, signal }) => work.step(input, signal)),
      record: fromPromise<Verdict, Verdict>(({ input }) => work.record(input)),
      teardown: fromPromise<void>(() => work.teardown()),
    },
    guards: {
      recovers: ({ context }) => context.recover,
      phaseIs: ({ context }, phase: Phase) => phaseOf(context.todo[0] ?? "") === phase,
      outcomeIs: ({ context }, outcome: Outcome) => context.verdict.outcome === outcome,
    },
  });

  const failed = (step: string | undefined) => ({
    target: "#run.recording",
    actions: assign<RunContext, ErrorActorEvent, undefined, AbortEvent, never>({
      verdict: ({ context, event }) => verdictOf(event.error, step ?? context.todo[0] ?? "verify"),
    }),
  });
  const phase = {
    invoke: {
      src: "step",
      input: ({ context }: { context: RunContext }) => context.todo[0] ?? "",
      onDone: {
        target: "choosing",
        actions: assign<RunContext, DoneActorEvent<void>, undefined, AbortEvent, never>({
          todo: ({ context }) => context.todo.slice(1),
        }),
      },
      onError: failed(undefined),
    },
  } as const;
  const ends = (outcome: Outcome) => ({ guard: { type: "outcomeIs", params: outcome }, target: outcome }) as const;

  return createMachine({
    id: "run",
    // Nobody keeps its snapshots: a run that another version began is judged by its journal, whose version this is.
    version: String(JOURNAL_VERSION),
    context: { todo: [], recover: false, verdict: PASS },
    initial: "working",
    states: {
      working: {
        initial: "checking",
        on: {
          ABORT: {
            target: "recording",
            actions: assign({
              verdict: ({ context }) => verdictOf(new StationError("RUN_ABORTED"), context.todo[0] ?? "open"),
            }),
          },
        },
        states: {
          checking: { invoke: { src: "check", onDone: "opening", onError: failed("check") } },
          opening: { invoke: { src: "open", onDone: "identifying", onError: failed("open") } },
          identifying: {
            invoke: {
              src: "identify",
              onDone: {
                target: "unlocking",
                actions: assign({
                  todo: ({ event }) => event.output.todo,
                  recover: ({ event }) => event.output.recover,
                }),
              },
              onError: failed("identify"),
            },
          },
          unlocking: {
            invoke: {
              src: "unlock",
              onDone: [{ guard: "recovers", target: "recovering" }, { target: "choosing" }],
              onError: failed("unlock"),
            },
          },
          recovering: {
            invoke: {
              src: "recover",
              input: ({ context }) => context.todo,
              onDone: "choosing",
              onError: failed("recover"),
            },
          },
          choosing: {
            always: [
              { guard: { type: "phaseIs", params: "preparing" }, target: "preparing" },
              { guard: { type: "phaseIs", params: "certificates" }, target: "certificates" },
              { guard: { type: "phaseIs", params: "keys" }, target: "keys" },
              { guard: { type: "phaseIs", params: "sync" }, target: "sync" },
              { guard: { type: "phaseIs", params: "locking" }, target: "locking" },
              { guard: { type: "phaseIs", params: "verifying" }, target: "verifying" },
              { target: "#run.recording" },
            ],
          },
          preparing: phase,
          certificates: phase,
          keys: phase,
          sync: phase,
          locking: phase,
          verifying: phase,
        },
      },
      recording: {
        invoke: {
          src: "record",
          input: ({ context }) => context.verdict,
          onDone: { target: "teardown", actions: assign({ verdict: ({ event }) => event.output }) },
        },
      },
      teardown: { invoke: { src: "teardown", onDone: "ending" } },
      ending: { always: [ends("PASS"), ends("FAIL"), ends("ERROR"), ends("TIMEOUT"), { target: "ABORTED" }] },
      PASS: { type: "final" },
      FAIL: { type: "final" },
      ERROR: { type: "final" },
      TIMEOUT: { type: "final" },
      ABORTED: { type: "final" },
    },
  });
}
