/** One run as it goes on: what it is, what it found, and its journal. Steps work on it; nothing of it is in the machine's context. */
import { asStationError, describe, StationError } from "../../shared/errors.js";
import type {
  EcuIdentity,
  EcuSession,
  InjectionTarget,
  InterruptedRun,
  JournalEntry,
  Operator,
  OutboxRow,
  RunHeader,
  RunRecord,
  StepRecord,
  Verdict,
} from "../ports.js";
import { AskedAhead } from "./ahead.js";
import { bounded } from "./bounded.js";
import {
  DEFAULT_RUN_TIMERS,
  type OpenedEcu,
  type RunDeps,
  type RunOptions,
  type RunRequest,
  type UnitKind,
} from "./deps.js";
import { headerOf } from "./header.js";
import type { ResolvedOrder } from "./inputs.js";
import { RunListeners } from "./listeners.js";
import { identityOf, stepsOf } from "./resume.js";
import { lastTimeOf, RunTime } from "./run-time.js";

/** What a step sees of its own doing. */
export interface StepScope {
  readonly step: string;
  readonly signal: AbortSignal;
  /** What earlier lives of this run wrote about this step. */
  readonly before: readonly JournalEntry[];
  /** Writes an entry; durable when it resolves. Never key material. */
  note(data: Readonly<Record<string, unknown>>): Promise<void>;
  /** Adds to what the step's record says. Never key material. */
  fact(facts: Readonly<Record<string, unknown>>): void;
  /** The step had nothing to do. */
  skip(): void;
  /** A result that is written in one transaction with this step's next entry, be it its end. */
  owe(row: OutboxRow): void;
}

export class Run {
  readonly request: RunRequest;
  /** Who stands at the bay. */
  readonly operator: Operator | undefined;
  readonly listeners: RunListeners;
  readonly timers: { readonly flush: number; readonly unwind: number };
  readonly steps = new Map<string, StepRecord>();
  /** The run that the journal says was interrupted and may be this one. */
  candidate: InterruptedRun | undefined;
  resumed = 0;
  /** As it was read last, in this life or in one before. */
  identity: EcuIdentity | undefined;
  /** Report of the master key that authorises what follows; it must have arrived before the next POST. */
  authorisation: string | undefined;
  /** What was asked for ahead of its step and not taken yet. */
  readonly ahead = new AskedAhead();
  /** This run has switched the unit on, or has begun to, and is to end its power. */
  powered = false;
  /** The unit was restarted by its power, in this life and right before its last step. */
  restarted = false;
  /** Gives the bay back. */
  release: (() => Promise<void>) | undefined;
  record: RunRecord | undefined;
  #deps: RunDeps;
  #time: RunTime;
  #header: RunHeader;
  #begun = false;
  #entries: JournalEntry[] = [];
  /** Those of earlier lives. */
  #before: readonly JournalEntry[] = [];
  #opened: OpenedEcu | undefined;
  #over = false;
  #written: Promise<unknown> = Promise.resolve();
  #resting: Promise<unknown> = Promise.resolve();

  constructor(deps: RunDeps, request: RunRequest, options: Omit<RunOptions, "signal">) {
    this.#deps = deps;
    this.request = request;
    this.operator = options.operator;
    this.timers = { ...DEFAULT_RUN_TIMERS, ...deps.timers };
    this.#time = new RunTime(deps.clock);
    this.#header = headerOf(deps, request, request.inputs, this.#time.now());
    this.listeners = new RunListeners(options, deps.logger);
  }

  get deps(): RunDeps {
    return this.#deps;
  }

  /** From here on the unit is taken for that kind. */
  take(kind: UnitKind): void {
    this.#deps = { ...this.#deps, ...kind };
  }

  get header(): RunHeader {
    return this.#header;
  }

  get runId(): string {
    return this.#header.runId;
  }

  /** True once the journal knows the run. */
  get begun(): boolean {
    return this.#begun;
  }

  get session(): EcuSession {
    return this.#need().session;
  }

  get target(): InjectionTarget {
    return this.#need().target;
  }

  /** The unit that is at work. */
  get unit(): EcuIdentity {
    if (this.identity === undefined)
      throw new StationError("INTERNAL", { details: { what: "the unit is not identified" } });
    return this.identity;
  }

  #need(): OpenedEcu {
    if (this.#opened === undefined) throw new StationError("INTERNAL", { details: { what: "no session is open" } });
    return this.#opened;
  }

  /** Nothing of an earlier run counts any more; the record is that of a fresh run from here on. */
  reset(): void {
    const { deps, request } = this;
    if (this.#begun) {
      this.#time = new RunTime(deps.clock);
      this.#header = headerOf(deps, request, request.inputs, this.#time.now());
    }
    this.#begun = false;
    this.#entries = [];
    this.#before = [];
    this.resumed = 0;
    this.candidate = undefined;
    this.authorisation = undefined;
  }

  /** A fresh run with its order. */
  async begin({ inputs, ecuId }: ResolvedOrder): Promise<void> {
    const header = { ...this.#header, inputs, expectedEcuId: ecuId };
    this.#header = header;
    await this.deps.runs.begin(header);
    this.#begun = true;
    this.listeners.tell({ kind: "begun", header, resumed: false });
  }

  /** An interrupted run is taken up again. */
  async takeUp(run: InterruptedRun): Promise<void> {
    this.#time = new RunTime(this.deps.clock, lastTimeOf(run));
    this.#header = run.header;
    this.#entries = [...run.entries];
    this.#before = run.entries;
    this.resumed = run.resumed + 1;
    this.candidate = run;
    this.identity = identityOf(run);
    for (const record of stepsOf(run)) this.steps.set(record.step, record);
    await this.deps.runs.resume(run.header.runId);
    this.#begun = true;
    this.listeners.tell({ kind: "begun", header: run.header, resumed: true });
  }

  /** The steps behind another one in the plan, up to the first that has begun in some life. */
  fresh(behind: string): readonly string[] {
    const { plan } = this.#header;
    const steps = plan.slice(plan.indexOf(behind) + 1);
    const begun = steps.findIndex((step) => this.before(step).length > 0);
    return begun < 0 ? steps : steps.slice(0, begun);
  }

  /** What earlier lives of this run wrote about a step. */
  before(step: string): readonly JournalEntry[] {
    return this.#before.filter((entry) => entry.step === step);
  }

  /** Writes an entry, and what it owes; when it resolves, this and all that was written before is durable. */
  append(
    step: string,
    event: JournalEntry["event"],
    data: Readonly<Record<string, unknown>>,
    owed: readonly OutboxRow[] = [],
  ): Promise<void> {
    const entry = { step, event, at: this.#time.now(), data };
    const appended = this.deps.runs.append(this.runId, entry, owed).then(() => this.#entries.push(entry));
    this.#written = Promise.all([this.#written, appended]);
    return this.written();
  }

  /** Resolves when all that was written so far is durable. @throws StationError STORE_FAILED */
  async written(): Promise<void> {
    await this.#written;
  }

  /** True where the journal says that the step is done. */
  isDone(step: string): boolean {
    return this.#entries.some((entry) => entry.step === step && entry.event === "finished");
  }

  /** Facts of a step that is done, in this life or before. */
  factsOf(step: string): Readonly<Record<string, unknown>> {
    return this.#entries.findLast((entry) => entry.step === step && entry.event === "finished")?.data ?? {};
  }

  /** Keeps the session for the steps; one that comes too late is closed at once. */
  adopt(opened: OpenedEcu): void {
    if (this.#over) void this.#close(opened);
    else this.#opened = opened;
  }

  /** Closes the session, within the profile's limit. Never rejects. */
  async teardown(): Promise<void> {
    this.#over = true;
    this.ahead.stop();
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) await this.#close(opened);
    await this.#endPower();
  }

  /** Largest measured timers. */
  measured(): Readonly<Record<string, number>> {
    return this.#opened?.session.timers() ?? {};
  }

  /** Ends the unit's power, as the bay is configured, within the profile's limit. */
  #endPower(): Promise<void> {
    const { power } = this.deps;
    if (power === undefined || !this.powered) return Promise.resolve();
    this.powered = false;
    return this.#atEnd("the unit's power was not ended", (signal) => power.end(signal));
  }

  #close(opened: OpenedEcu): Promise<void> {
    return this.#atEnd("the session was not closed cleanly", (signal) => opened.session.close(signal));
  }

  /** Never rejects. */
  async #atEnd(complaint: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, profile, logger } = this.deps;
    const limit = profile.limits.teardown;
    const onLimit = () => new StationError("RUN_TIMEOUT", { details: { step: "teardown", ms: limit } });
    try {
      const bounds = { limit, unwind: 0, onLimit };
      await bounded(clock, bounds, new AbortController().signal, work);
    } catch (error) {
      logger.warn(complaint, { error: describe(error) });
    }
  }

  /** Resolves when no step is at work any more. */
  async rest(): Promise<void> {
    await this.#resting;
  }

  /** Does what comes before the journal, with the limit of a step. @throws StationError */
  limited(step: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, profile } = this.deps;
    const limit = profile.limits.step;
    const onLimit = () => new StationError("RUN_TIMEOUT", { details: { step, ms: limit } });
    const doing = bounded(clock, { limit, unwind: this.timers.unwind, onLimit }, signal, work);
    this.#resting = doing.catch(() => undefined);
    return doing;
  }

  /**
   * Does one step: journal, events, record, and the profile's limit. What `work` throws after an abort counts as the abort.
   * @throws StationError
   */
  perform<T>(step: string, signal: AbortSignal, work: (scope: StepScope) => Promise<T>): Promise<T> {
    const performing = this.#perform(step, signal, work);
    this.#resting = performing.catch(() => undefined);
    return performing;
  }

  async #perform<T>(step: string, signal: AbortSignal, work: (scope: StepScope) => Promise<T>): Promise<T> {
    const { clock, profile } = this.deps;
    const startedAt = this.#time.now();
    const from = clock.monotonic();
    const before = this.before(step);
    const facts: Record<string, unknown> = {};
    let owed: OutboxRow[] = [];
    let skipped = false;
    let given = true;
    const append = async (event: JournalEntry["event"], data: Readonly<Record<string, unknown>>) => {
      const rows = owed;
      owed = [];
      try {
        await this.append(step, event, data, rows);
      } catch (error) {
        owed = [...rows, ...owed];
        throw error;
      }
    };
    const write: typeof append = async (event, data) => {
      // A step that was given up must not go on writing behind the run's back.
      if (!given) throw new StationError("RUN_ABORTED");
      await append(event, data);
    };
    let finished = Promise.resolve();
    const done = (state: StepRecord["state"], found: Readonly<Record<string, unknown>>) => {
      const record: StepRecord = { step, state, startedAt, ms: clock.monotonic() - from, facts: found };
      this.steps.set(step, record);
      this.listeners.tell({ kind: "step-finished", record }, finished);
    };
    const limit = profile.limits.step;
    const onLimit = () => new StationError("RUN_TIMEOUT", { details: { step, ms: limit } });
    this.listeners.tell({ kind: "step-started", step, at: startedAt });
    this.listeners.step(step);
    try {
      const value = await bounded(clock, { limit, unwind: this.timers.unwind, onLimit }, signal, async (own) => {
        // The unit waits neither for this commit nor for that of the end: what is written later is durable behind them, and tells their failure.
        write("started", {}).catch(() => undefined);
        const result = await work({
          step,
          signal: own,
          before,
          note: (data) => write("noted", data),
          fact: (more) => Object.assign(facts, more),
          skip: () => {
            skipped = true;
          },
          owe: (row) => owed.push(row),
        });
        const ms = clock.monotonic() - from;
        finished = write("finished", { ...facts, ms, ...(skipped ? { skipped: true } : {}) });
        finished.catch(() => undefined);
        return result;
      });
      done(skipped ? "skipped" : "done", { ...facts });
      return value;
    } catch (thrown) {
      given = false;
      const error = asStationError(thrown);
      const { code, details } = error;
      await append("failed", { ...facts, code, details }).catch((failure: unknown) =>
        this.deps.logger.error("the journal cannot be written", { error: describe(failure) }),
      );
      done("failed", { ...facts, code });
      throw error;
    }
  }

  /** The record as it stands. */
  recordOf(verdict: Verdict, owed: number): RunRecord {
    const order = [...this.#header.plan, ...this.steps.keys()];
    const steps = [...this.steps.values()].sort((a, b) => order.indexOf(a.step) - order.indexOf(b.step));
    return {
      schema: 1,
      runId: this.runId,
      header: this.#header,
      identity: this.identity,
      steps,
      timers: this.measured(),
      startedAt: this.#header.startedAt,
      finishedAt: this.#time.now(),
      resumed: this.resumed,
      owed,
      ...verdict,
    };
  }
}
