/** The outbox: results go to the KMS in the order in which an ECU's were written, until each has arrived or was refused for good. */
import { withLimit } from "../shared/abort.js";
import type { Clock, Timer } from "../shared/clock.js";
import { describe, isStationError, StationError } from "../shared/errors.js";
import { Listeners } from "../shared/listeners.js";
import type { Logger } from "../shared/logger.js";
import type { KmsClient, ResultSink } from "../station/ports.js";
import type { Records } from "./journal.js";
import type { OutboxEntry } from "./types.js";

export interface OutboxTimers {
  /** ms before the second try; doubles with every further one. Default 500, range 1–60,000. */
  readonly retryFirst: number;
  /** Longest ms between two tries. Default 60,000, range 1–3,600,000. */
  readonly retryMax: number;
  /** Most ms for one PUT with the client's own retries. Default 30,000, range 1–600,000. */
  readonly attempt: number;
  /** Most ms that `delivered` waits while the server does not take the row. Default 20,000, range 1–600,000. */
  readonly patience: number;
}

const DEFAULT_TIMERS: OutboxTimers = { retryFirst: 500, retryMax: 60_000, attempt: 30_000, patience: 20_000 };

export interface OutboxOptions {
  readonly records: Records;
  readonly kms: Pick<KmsClient, "report">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Partial<OutboxTimers>;
  /** Number in [0, 1) for the jitter; default Math.random. */
  readonly random?: () => number;
}

export interface Outbox extends ResultSink {
  /** Begins to deliver what waits, by itself from now on. */
  start(): void;
  /** Stops; what waits stays in the store. */
  close(): Promise<void>;
}

class KmsOutbox implements Outbox {
  readonly #records: Records;
  readonly #kms: Pick<KmsClient, "report">;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timers: OutboxTimers;
  readonly #random: () => number;
  readonly #changed = new Listeners<[]>();
  readonly #stop = new AbortController();
  readonly #errors = new Map<string, unknown>();
  readonly #forget: () => void;
  #started = false;
  #waiters = 0;
  #timer: Timer | undefined;
  #pass: Promise<void> = Promise.resolve();
  #queued: { forced: boolean; promise: Promise<void> } | undefined;

  constructor(options: OutboxOptions) {
    this.#records = options.records;
    this.#kms = options.kms;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#timers = { ...DEFAULT_TIMERS, ...options.timers };
    this.#random = options.random ?? Math.random;
    this.#forget = this.#records.owed.add(() => {
      if (this.#started) void this.#kick(false);
    });
  }

  start(): void {
    this.#started = true;
    void this.#kick(false);
  }

  async close(): Promise<void> {
    this.#started = false;
    this.#forget();
    this.#timer?.cancel();
    this.#stop.abort(new StationError("RUN_ABORTED"));
    await this.#pass;
    this.#changed.emit();
  }

  async delivered(id: string, signal: AbortSignal): Promise<void> {
    const { patience } = this.#timers;
    const lost = () => {
      const error = this.#errors.get(id);
      if (error !== undefined) return error as Error;
      return new StationError("OUTBOX_PENDING", { details: { what: `${id} after ${patience} ms` } });
    };
    this.#waiters++;
    const waited = withLimit(this.#clock, patience, signal, lost, async (inner) => {
      for (let first = true; ; first = false) {
        // Registered before the look, so that a change between the two is not missed.
        const change = new Promise<void>((resolve) => {
          const remove = this.#changed.add(() => {
            remove();
            resolve();
          });
        });
        const row = await this.#records.store.call("outboxState", id);
        if (row?.state === "delivered") return;
        if (row?.state === "quarantined") {
          throw new StationError("OUTBOX_QUARANTINED", { details: { what: row.lastError ?? id } });
        }
        inner.throwIfAborted();
        this.#stop.signal.throwIfAborted();
        if (row === null) throw new StationError("INTERNAL", { details: { what: `no result ${id} in the outbox` } });
        if (first) void this.#kick(true);
        await change;
      }
    });
    await waited.finally(() => {
      this.#waiters--;
    });
  }

  async flush(signal: AbortSignal): Promise<number> {
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#kick(true), ended]);
    return this.waiting({});
  }

  waiting(of: { readonly ecuId?: string; readonly runId?: string }): Promise<number> {
    return this.#records.store.call("outboxCount", of);
  }

  /** One pass after the one that goes on, if any; callers that come before it begins share it. */
  #kick(forced: boolean): Promise<void> {
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

  /** Tries what is due, or with `forced` all that waits. Never rejects. */
  async #run(forced: boolean): Promise<void> {
    this.#timer?.cancel();
    const blocked = new Set<string>();
    let next = Number.POSITIVE_INFINITY;
    try {
      if (this.#stop.signal.aborted) return;
      for (const row of await this.#records.store.call("outboxRows", { state: "waiting" })) {
        // An ECU's results arrive in their order: one that waits holds back the ones behind it.
        if (blocked.has(row.result.ecuId)) continue;
        const due = forced || row.nextAt <= this.#clock.now();
        // Another process on this folder may have settled it since the list was read.
        if (due && (await this.#records.store.call("outboxState", row.id))?.state !== "waiting") continue;
        const outcome = due ? await this.#deliver(row) : { nextAt: row.nextAt, unreachable: false };
        if (outcome === undefined) continue;
        blocked.add(row.result.ecuId);
        next = Math.min(next, outcome.nextAt);
        if (outcome.unreachable || this.#stop.signal.aborted) break;
      }
    } catch (error) {
      this.#logger.error("the outbox cannot use its store", { error: describe(error) });
      next = this.#clock.now() + this.#timers.retryMax;
    }
    this.#changed.emit();
    if ((this.#started || this.#waiters > 0) && next !== Number.POSITIVE_INFINITY) {
      this.#timer = this.#clock.timer(Math.max(0, next - this.#clock.now()), () => void this.#kick(false));
    }
  }

  /** Undefined when the row is settled, delivered or refused; else when to try again. */
  async #deliver(row: OutboxEntry): Promise<{ nextAt: number; unreachable: boolean } | undefined> {
    const { attempt } = this.#timers;
    const { store } = this.#records;
    try {
      await withLimit(
        this.#clock,
        attempt,
        this.#stop.signal,
        () => new StationError("KMS_UNREACHABLE", { details: { what: `no answer in ${attempt} ms` } }),
        (signal) => this.#kms.report(row.result, row.id, signal),
      );
    } catch (error) {
      if (this.#stop.signal.aborted) return { nextAt: row.nextAt, unreachable: true };
      const text = describe(error);
      if (isStationError(error, "KMS_REJECTED")) {
        await store.call("outboxQuarantined", { id: row.id, now: this.#clock.now(), error: text });
        this.#errors.delete(row.id);
        this.#logger.error("the KMS refused a result; it is in quarantine", { id: row.id, error: text });
        return undefined;
      }
      this.#errors.set(row.id, error);
      const nextAt = this.#clock.now() + this.#delay(row.attempts);
      await store.call("outboxPostponed", { id: row.id, nextAt, error: text });
      this.#logger.warn("a result could not be delivered yet", { id: row.id, error: text });
      return { nextAt, unreachable: isStationError(error, "KMS_UNREACHABLE") };
    }
    await store.call("outboxDelivered", { id: row.id, now: this.#clock.now() });
    this.#errors.delete(row.id);
    return undefined;
  }

  /** Doubling, with half of it at random so that stations do not knock together. */
  #delay(attempts: number): number {
    const full = Math.min(this.#timers.retryMax, this.#timers.retryFirst * 2 ** Math.min(attempts, 20));
    return full / 2 + (full / 2) * this.#random();
  }
}

/** The outbox of one data folder; rows that an earlier process left are delivered too. */
export function createOutbox(options: OutboxOptions): Outbox {
  return new KmsOutbox(options);
}
