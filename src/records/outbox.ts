/** The outbox: results on their way to the KMS and to the plant's receivers, each receiver in a lane of its own. */
import { abortable, withLimit } from "../shared/abort.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { Listeners } from "../shared/listeners.js";
import type { Logger } from "../shared/logger.js";
import type { KmsClient, ResultSink } from "../station/ports.js";
import type { Records } from "./journal.js";
import { DEFAULT_LANE_TIMERS, Lane, type LaneTimers } from "./outbox-lane.js";
import { kmsSink } from "./sinks/kms.js";
import type { Sink } from "./sinks/sink.js";
import type { OutboxEntry, OutboxLoad } from "./types.js";

export interface OutboxTimers extends LaneTimers {
  /** Most ms that `delivered` waits while the server does not take the row. Default 20,000, range 1–600,000. */
  readonly patience: number;
}

const DEFAULT_TIMERS: OutboxTimers = { ...DEFAULT_LANE_TIMERS, patience: 20_000 };

/** How much may be undelivered, quarantine included, before no further unit is begun. */
export interface OutboxLimits {
  /** Results; default 10,000, 1–1,000,000. */
  readonly rows: number;
  /** Bytes of the results; default 64 MiB, 1,024–2^40. */
  readonly bytes: number;
  /** ms since the oldest was written; undefined: no limit. */
  readonly age: number | undefined;
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = { rows: 10_000, bytes: 64 * 1024 * 1024, age: undefined };

export interface OutboxOptions {
  readonly records: Records;
  readonly kms: Pick<KmsClient, "report">;
  /** Receivers beside the KMS; closed with the outbox. */
  readonly sinks?: readonly Sink[];
  readonly limits?: OutboxLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Partial<OutboxTimers>;
  /** Number in [0, 1) for the jitter; default Math.random. */
  readonly random?: () => number;
}

/** Who decides on a result. */
export interface OutboxDecision {
  /** As the audit log shall name them, e.g. `kim`. */
  readonly actor: string;
}

export interface Outbox extends ResultSink {
  /** Begins to deliver what waits, by itself from now on. */
  start(): void;
  load(): Promise<OutboxLoad>;
  /** Lets a result be sent again, at once. False where there is none of that id that is undelivered. */
  retry(id: string, by: OutboxDecision): Promise<boolean>;
  /** Gives a result up. False where there is none of that id that is undelivered. */
  waive(id: string, by: OutboxDecision & { readonly reason: string }): Promise<boolean>;
  /** Called behind every pass of a receiver's results. */
  readonly changed: Listeners<[]>;
  /** Stops; what waits stays in the store. */
  close(): Promise<void>;
}

class LanedOutbox implements Outbox {
  readonly changed = new Listeners<[]>();
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #limits: OutboxLimits;
  readonly #kms: Lane;
  readonly #lanes: readonly Lane[];
  #forget: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    const { records, clock, logger, random = Math.random } = options;
    this.#records = records;
    this.#clock = clock;
    this.#limits = options.limits ?? DEFAULT_OUTBOX_LIMITS;
    const timers = { ...DEFAULT_TIMERS, ...options.timers };
    this.#patience = timers.patience;
    const { store } = records;
    const onPass = () => this.changed.emit();
    const lane = (sink: Sink) => new Lane({ sink, store, clock, logger, timers, random, onPass });
    this.#kms = lane(kmsSink(options.kms));
    this.#lanes = [this.#kms, ...(options.sinks ?? []).map(lane)];
  }

  start(): void {
    this.#forget ??= this.#records.owed.add(() => this.#kick());
    for (const lane of this.#lanes) lane.hold();
    this.#kick();
  }

  #kick(): void {
    for (const lane of this.#lanes) void lane.kick(false);
  }

  async close(): Promise<void> {
    this.#forget?.();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    this.changed.emit();
  }

  async delivered(id: string, signal: AbortSignal): Promise<void> {
    const lane = this.#kms;
    const lost = () =>
      lane.errors.get(id) ??
      new StationError("OUTBOX_PENDING", { details: { what: `${id} after ${this.#patience} ms` } });
    const release = lane.hold();
    const waited = withLimit(this.#clock, this.#patience, signal, lost, async (inner) => {
      for (let first = true; ; first = false) {
        // Registered before the look, so that a change between the two is not missed.
        const change = new Promise<void>((resolve) => {
          const remove = this.changed.add(() => {
            remove();
            resolve();
          });
        });
        const row = await this.#records.store.call("outboxState", id);
        if (row?.state === "delivered") return;
        if (row?.state === "quarantined" || row?.state === "waived") {
          const what = row.lastError ?? row.reason ?? id;
          throw new StationError("OUTBOX_QUARANTINED", { details: { what } });
        }
        inner.throwIfAborted();
        lane.stopped.throwIfAborted();
        if (row === null) throw new StationError("INTERNAL", { details: { what: `no result ${id} in the outbox` } });
        if (first) void lane.kick(true);
        await change;
      }
    });
    await waited.finally(release);
  }

  async flush(signal: AbortSignal, of: "kms" | "all" = "kms"): Promise<number> {
    const lanes = of === "kms" ? [this.#kms] : this.#lanes;
    const passes = Promise.all(lanes.map((lane) => lane.kick(true)));
    // A pass rejects nothing: this is the caller's end of waiting.
    await abortable(passes, signal).catch(() => undefined);
    return this.waiting({});
  }

  waiting(of: { readonly ecuId?: string; readonly runId?: string }): Promise<number> {
    return this.#records.store.call("outboxCount", of);
  }

  load(): Promise<OutboxLoad> {
    return this.#records.store.call("outboxLoad", null);
  }

  async full(): Promise<string | undefined> {
    return overLimit(await this.load(), this.#limits, this.#clock.now());
  }

  async retry(id: string, { actor }: OutboxDecision): Promise<boolean> {
    const row = await this.#records.store.call("outboxRetry", { id, now: this.#clock.now(), actor });
    this.#kick();
    return row !== null;
  }

  async waive(id: string, { actor, reason }: OutboxDecision & { readonly reason: string }): Promise<boolean> {
    const now = this.#clock.now();
    const row: OutboxEntry | null = await this.#records.store.call("outboxWaive", { id, now, actor, reason });
    // What it held back may go on.
    this.#kick();
    return row !== null;
  }
}

/** Which limit is reached, in words; undefined where none is. */
export function overLimit(load: OutboxLoad, limits: OutboxLimits, now: number): string | undefined {
  const rows = load.waiting + load.quarantined;
  const age = load.oldest === undefined ? 0 : now - load.oldest;
  if (rows >= limits.rows) return `${rows} results (limit ${limits.rows})`;
  if (load.bytes >= limits.bytes) return `${load.bytes} bytes (limit ${limits.bytes})`;
  if (limits.age !== undefined && age >= limits.age)
    return `the oldest for ${Math.floor(age / 1000)} s (limit ${Math.floor(limits.age / 1000)} s)`;
  return undefined;
}

/** What a result is, in a few words. */
export function resultText({ result, ecuId, runId }: OutboxEntry): string {
  if (result.kind === "run") return `result ${result.outcome} of ${ecuId === "" ? runId : ecuId}`;
  return `${result.kind} ${result.type} ${result.keyId} of ${ecuId}`;
}

/** The outbox of one data folder; rows that an earlier process left are delivered too. */
export function createOutbox(options: OutboxOptions): Outbox {
  return new LanedOutbox(options);
}
