/** The way of results to one receiver: an ECU's in the order in which they were written, each again until it has arrived or was refused for good. */
import type { Store } from "../db/store.js";
import { withLimit } from "../shared/abort.js";
import type { Clock, Timer } from "../shared/clock.js";
import { describe, type ErrorCode, isStationError, StationError } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import type { Sink } from "./sinks/sink.js";
import type { RecordsDefinition } from "./store.js";
import type { OutboxEntry } from "./types.js";

export interface LaneTimers {
  /** ms before the second try; doubles with every further one. Default 500, range 1–60,000. */
  readonly retryFirst: number;
  /** Longest ms between two tries. Default 60,000, range 1–3,600,000. */
  readonly retryMax: number;
  /** Most ms for one delivery with the receiver's own retries. Default 30,000, range 1–600,000. */
  readonly attempt: number;
  /** ms after which rows are found that another process wrote or let wait again. Default 15,000, range 100–3,600,000. */
  readonly look: number;
}

export const DEFAULT_LANE_TIMERS: LaneTimers = { retryFirst: 500, retryMax: 60_000, attempt: 30_000, look: 15_000 };

export interface LaneOptions {
  readonly sink: Sink;
  readonly store: Store<RecordsDefinition>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers: LaneTimers;
  /** Number in [0, 1) for the jitter. */
  readonly random: () => number;
  /** Called behind every pass. */
  readonly onPass: () => void;
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["KMS_REJECTED", "SINK_REJECTED"]);
const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["KMS_UNREACHABLE", "SINK_UNREACHABLE"]);

export class Lane {
  /** Why the last try of a row failed, as it was thrown. */
  readonly errors = new Map<string, StationError>();
  readonly #options: LaneOptions;
  readonly #stop = new AbortController();
  #holds = 0;
  #timer: Timer | undefined;
  #pass: Promise<void> = Promise.resolve();
  #queued: { forced: boolean; promise: Promise<void> } | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Delivers by itself from now on, until the answer is called as often as this. */
  hold(): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (held) this.#holds--;
      held = false;
    };
  }

  async close(): Promise<void> {
    this.#holds = 0;
    this.#timer?.cancel();
    this.#stop.abort(new StationError("RUN_ABORTED"));
    await this.#pass;
    await this.#options.sink.close();
  }

  /** One pass after the one that goes on, if any; callers that come before it begins share it. `forced`: also what is not due yet. */
  kick(forced: boolean): Promise<void> {
    if (this.#queued !== undefined) {
      this.#queued.forced ||= forced;
      return this.#queued.promise;
    }
    const queued = { forced, promise: Promise.resolve() };
    const before = this.#pass;
    queued.promise = (async () => {
      await before;
      this.#queued = undefined;
      await this.#run(queued.forced);
    })();
    this.#queued = queued;
    this.#pass = queued.promise;
    return queued.promise;
  }

  /** Never rejects. */
  async #run(forced: boolean): Promise<void> {
    const { sink, store, clock, logger, timers, onPass } = this.#options;
    this.#timer?.cancel();
    const blocked = new Set<string>();
    let next = Number.POSITIVE_INFINITY;
    try {
      if (this.#stop.signal.aborted) return;
      for (const { id, order, nextAt } of await store.call("outboxWaiting", sink.name)) {
        // An ECU's results arrive in their order: one that waits holds back the ones behind it.
        if (blocked.has(order)) continue;
        const outcome = forced || this.#isDue(nextAt) ? await this.#deliver(id) : { nextAt, outage: false };
        if (outcome === undefined) continue;
        blocked.add(order);
        next = Math.min(next, outcome.nextAt);
        if (outcome.outage || this.#stop.signal.aborted) break;
      }
    } catch (error) {
      logger.error("the outbox cannot use its store", { error: describe(error) });
      next = clock.now() + timers.retryMax;
    }
    onPass();
    if (this.#holds === 0 || this.#stop.signal.aborted) return;
    const wait = Math.min(timers.look, Math.max(0, next - clock.now()));
    this.#timer = clock.timer(wait, () => void this.kick(false));
  }

  /** Nothing is put off for longer than the longest wait: what seems to be was, before the clock was set back. */
  #isDue(nextAt: number): boolean {
    const { clock, timers } = this.#options;
    const wait = nextAt - clock.now();
    return wait <= 0 || wait > timers.retryMax;
  }

  /** Undefined when the row is settled; else when to try again, and whether the receiver is out of reach. */
  async #deliver(id: string): Promise<{ nextAt: number; outage: boolean } | undefined> {
    const { sink, store, clock, logger } = this.#options;
    const row = await store.call("outboxState", id);
    // Another process on this folder may have settled it since the list was read.
    if (row?.state !== "waiting") return undefined;
    try {
      await this.#send(row);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return { nextAt: row.nextAt, outage: true };
      // Advice comes from whoever tells of it: an error that has this one inside has its own.
      const text = isStationError(thrown) ? thrown.fact : describe(thrown);
      const place = { id, sink: sink.name, error: text };
      if (isStationError(thrown) && REFUSALS.has(thrown.code)) {
        await store.call("outboxQuarantined", { id, now: clock.now(), error: text });
        this.errors.delete(id);
        logger.error("a result was refused; it is in quarantine", place);
        return undefined;
      }
      const nextAt = clock.now() + this.#delay(row.attempts);
      if (isStationError(thrown)) this.errors.set(id, thrown);
      await store.call("outboxPostponed", { id, nextAt, error: text });
      logger.warn("a result could not be delivered yet", place);
      return { nextAt, outage: isStationError(thrown) && OUTAGES.has(thrown.code) };
    }
    await store.call("outboxDelivered", { id, now: clock.now() });
    this.errors.delete(id);
    return undefined;
  }

  #send(row: OutboxEntry): Promise<void> {
    const { sink, clock, timers } = this.#options;
    const onLimit = () => sink.unreachable(`no answer in ${timers.attempt} ms`);
    return withLimit(clock, timers.attempt, this.#stop.signal, onLimit, (signal) => sink.deliver(row, signal));
  }

  /** Doubling, with half of it at random so that stations do not knock together. */
  #delay(attempts: number): number {
    const { timers, random } = this.#options;
    const full = Math.min(timers.retryMax, timers.retryFirst * 2 ** Math.min(attempts, 20));
    return full / 2 + (full / 2) * random();
  }
}
