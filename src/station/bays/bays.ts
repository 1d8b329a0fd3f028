/** Several units side by side in one process: each bay runs one at a time, and nothing of it reaches another bay. */
import type { Clock, Timer } from "../../shared/clock.js";
import { beforeRun, describe, StationError } from "../../shared/errors.js";
import { Listeners } from "../../shared/listeners.js";
import type { Logger } from "../../shared/logger.js";
import type { Operator, Prompt, RunEvent, RunRecord, Verdict } from "../ports.js";
import { verdictOf } from "../run/index.js";
import { afterEvent, type LiveRun, liveRunOf, NO_RUN_YET } from "./live.js";
import { Turns } from "./turns.js";

export interface BayPlace {
  /** Unique within the station. */
  readonly name: string;
  /** What its runs share with those of other bays, one at a time: an adapter, for instance. */
  readonly shares?: readonly string[];
}

export interface BayRunOptions {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  readonly operator: Operator;
}

export interface BayOrder {
  /** ms in which the unit should be done; for people only, no run is ended by it. */
  readonly takt?: number;
  /** Does the run; rejects for a fault of the program alone. */
  work(options: BayRunOptions): Promise<RunRecord>;
}

export interface BayState {
  readonly name: string;
  readonly phase: "idle" | "queued" | "running" | "aborting";
  /** Bay that holds what this one waits for. */
  readonly waitsFor: string | undefined;
  /** ms since the epoch of the order that is at work, or was last. */
  readonly startedAt: number | undefined;
  /** ms since the epoch of its end, by what passed since its beginning; undefined while it is at work. */
  readonly endedAt: number | undefined;
  readonly takt: number | undefined;
  /** The run that goes on, or the last one: it stays until the next begins. */
  readonly run: LiveRun | undefined;
  /** How the last order ended; undefined while one is at work. */
  readonly verdict: Verdict | undefined;
  /** What the person at the bay is asked. */
  readonly prompt: (Prompt & { readonly id: string }) | undefined;
}

export interface BaysOptions {
  readonly places: readonly BayPlace[];
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * ms that an order has to end after its abort. One that does not is left alone: its bay is free again, and so is what it shares with
   * others. Default 30,000, range 1–600,000.
   */
  readonly unwind?: number;
}

/** Longer than all that a run may take for its end: its step's, its teardown, its power supply's. */
const UNWIND = 30_000;

interface Bay {
  readonly place: BayPlace;
  state: BayState;
  abort: AbortController | undefined;
  ended: Promise<void>;
  answer: ((value: string) => void) | undefined;
}

export class Bays {
  /** A bay's state after each change. */
  readonly changed = new Listeners<[BayState]>();
  readonly #bays: ReadonlyMap<string, Bay>;
  readonly #turns = new Turns();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #unwind: number;
  #prompts = 0;
  #closed = false;

  constructor({ places, clock, logger, unwind = UNWIND }: BaysOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#unwind = unwind;
    this.#bays = new Map(places.map((place) => [place.name, idle(place)]));
  }

  /** All bays, in the configuration's order. */
  states(): readonly BayState[] {
    return [...this.#bays.values()].map(({ state }) => state);
  }

  /** @throws StationError BAY_UNKNOWN */
  state(name: string): BayState {
    return this.#bay(name).state;
  }

  /** What the bay's last run came to, which an earlier start of the program did; nothing where one was begun since. @throws StationError BAY_UNKNOWN */
  recall(name: string, record: RunRecord): void {
    const bay = this.#bay(name);
    if (bay.state.run !== undefined) return;
    const { outcome, failure, startedAt, finishedAt: endedAt } = record;
    const verdict: Verdict = failure === undefined ? { outcome } : { outcome, failure };
    this.#set(bay, { startedAt, endedAt, run: liveRunOf(record), verdict });
  }

  /**
   * Begins a run; the answer is how it ended, and never rejects.
   * @throws StationError BAY_UNKNOWN; RUN_BUSY while the bay has an order; RUN_ABORTED once the station ends
   */
  start(name: string, order: BayOrder): Promise<Verdict> {
    const bay = this.#bay(name);
    if (this.#closed) throw beforeRun(new StationError("RUN_ABORTED"));
    if (bay.abort !== undefined) throw new StationError("RUN_BUSY", { details: { what: name } });
    const abort = new AbortController();
    bay.abort = abort;
    this.#set(bay, {
      phase: "queued",
      startedAt: this.#clock.now(),
      endedAt: undefined,
      takt: order.takt,
      run: NO_RUN_YET,
      verdict: undefined,
      prompt: undefined,
    });
    const verdict = this.#run(bay, abort, order);
    bay.ended = verdict.then(() => undefined);
    return verdict;
  }

  /** Ends the bay's run as ABORTED; false where none goes on. @throws StationError BAY_UNKNOWN */
  abort(name: string): boolean {
    const bay = this.#bay(name);
    if (bay.abort === undefined) return false;
    this.#set(bay, { phase: "aborting" });
    bay.abort.abort(new StationError("RUN_ABORTED"));
    return true;
  }

  /** The person's answer to a prompt; false where it is not asked any more. @throws StationError BAY_UNKNOWN */
  answer(name: string, promptId: string, value: string): boolean {
    const bay = this.#bay(name);
    if (bay.state.prompt?.id !== promptId) return false;
    bay.answer?.(value);
    return true;
  }

  /** Takes no more orders, aborts what goes on and waits until it has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { place } of this.#bays.values()) this.abort(place.name);
    await Promise.all([...this.#bays.values()].map(({ ended }) => ended));
    this.changed.clear();
  }

  async #run(bay: Bay, abort: AbortController, order: BayOrder): Promise<Verdict> {
    const given: (() => void)[] = [];
    // An order that was left alone may still talk; it is not the bay's any more.
    const mine = () => bay.abort === abort;
    const from = this.#clock.monotonic();
    let verdict: Verdict;
    let run: Partial<BayState> = {};
    try {
      await this.#takeTurns(bay, abort.signal, given);
      if (bay.state.phase === "queued") this.#set(bay, { phase: "running", waitsFor: undefined });
      const work = order.work({
        signal: abort.signal,
        onEvent: (event) => {
          if (mine()) this.#set(bay, { run: afterEvent(bay.state.run ?? NO_RUN_YET, event) });
        },
        operator: {
          ask: (prompt, signal) =>
            mine() ? this.#ask(bay, prompt, signal) : Promise.reject(new StationError("RUN_ABORTED")),
        },
      });
      const record = await this.#untilGivenUp(work, abort.signal);
      verdict = record.failure === undefined ? { outcome: record.outcome } : record;
      // The one that the run told of had no signature yet.
      run = { run: { ...(bay.state.run ?? NO_RUN_YET), record } };
    } catch (error) {
      const fault = abort.signal.aborted ? abort.signal.reason : error;
      this.#logger.error("an order left no record", { bay: bay.place.name, error: describe(error) });
      const begun = bay.state.run !== NO_RUN_YET;
      verdict = verdictOf(begun ? fault : beforeRun(fault), "check");
    }
    for (const give of given.reverse()) give();
    bay.abort = undefined;
    bay.answer = undefined;
    const { outcome, failure } = verdict;
    const kept: Verdict = failure === undefined ? { outcome } : { outcome, failure };
    // The wall clock may have been set meanwhile.
    const endedAt = (bay.state.startedAt ?? 0) + Math.round(this.#clock.monotonic() - from);
    this.#set(bay, { ...run, phase: "idle", endedAt, waitsFor: undefined, prompt: undefined, verdict: kept });
    return kept;
  }

  /** As `work`; rejects with the signal's reason where that has ended and the work goes on all the same. */
  async #untilGivenUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    let grace: Timer | undefined;
    let wait: () => void = () => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      wait = () => {
        grace = this.#clock.timer(this.#unwind, () => reject(signal.reason));
      };
    });
    if (signal.aborted) wait();
    else signal.addEventListener("abort", wait, { once: true });
    try {
      return await Promise.race([work, givenUp]);
    } finally {
      signal.removeEventListener("abort", wait);
      grace?.cancel();
    }
  }

  /** In the order of names, so that two bays never wait for each other. */
  async #takeTurns(bay: Bay, signal: AbortSignal, given: (() => void)[]): Promise<void> {
    for (const thing of [...(bay.place.shares ?? [])].sort()) {
      const holder = this.#turns.holder(thing);
      if (holder !== undefined) this.#set(bay, { waitsFor: holder });
      given.push(await this.#turns.take(thing, bay.place.name, signal));
    }
  }

  #ask(bay: Bay, prompt: Prompt, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        signal.removeEventListener("abort", onAbort);
        bay.answer = undefined;
        this.#set(bay, { prompt: undefined });
      };
      const onAbort = () => {
        settle();
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      bay.answer = (value) => {
        settle();
        resolve(value);
      };
      this.#prompts++;
      this.#set(bay, { prompt: { ...prompt, id: String(this.#prompts) } });
    });
  }

  #set(bay: Bay, change: Partial<BayState>): void {
    bay.state = { ...bay.state, ...change };
    try {
      this.changed.emit(bay.state);
    } catch (error) {
      this.#logger.warn("a listener of the bays failed", { bay: bay.place.name, error: describe(error) });
    }
  }

  #bay(name: string): Bay {
    const bay = this.#bays.get(name);
    if (bay === undefined) throw new StationError("BAY_UNKNOWN", { details: { name } });
    return bay;
  }
}

function idle(place: BayPlace): Bay {
  const state: BayState = {
    name: place.name,
    phase: "idle",
    waitsFor: undefined,
    startedAt: undefined,
    endedAt: undefined,
    takt: undefined,
    run: undefined,
    verdict: undefined,
    prompt: undefined,
  };
  return { place, state, abort: undefined, ended: Promise.resolve(), answer: undefined };
}
