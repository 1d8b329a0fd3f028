import { StationError } from "./errors.js";

/** A pending callback; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** The one source of time. Everything that waits or stamps takes a Clock, so that tests and sweeps drive time. */
export interface Clock {
  /** Wall time, ms since the epoch; may jump. */
  now(): number;
  /** Monotonic ms with a fraction; only differences mean something. */
  monotonic(): number;
  /**
   * Calls `run` once after `ms` milliseconds (0 = soon), any time late. On the machine's clock it may come early by a part of a ms, since
   * Node counts whole ones: nothing for limits of an answer; who must wait the whole time uses `until`, or looks at `monotonic` and waits again.
   */
  timer(ms: number, run: () => void): Timer;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Resolves when `monotonic` is `at` or more, never before it, and without a timer's lateness; rejects with the signal's reason when
   * aborted. For gaps of a few ms and less: the machine's clock works through the last part of the wait.
   */
  until(at: number, signal?: AbortSignal): Promise<void>;
}

function sleepOn(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Lateness of timers that is reckoned with, ms: Linux's come 1 late, those of Windows a tick of 15.6. */
const LATENESS = { min: 1, max: 16 } as const;
/** How late this machine's timers come, ms: as seen, and slowly forgotten. */
let lateness: number = LATENESS.min;

/** Waits by a timer that is early by its lateness, and turns the event loop through the rest. */
async function untilOnMachine(at: number, signal?: AbortSignal): Promise<void> {
  lateness = Math.max(LATENESS.min, lateness * 0.98);
  for (let left = at - performance.now(); left > 0; left = at - performance.now()) {
    signal?.throwIfAborted();
    if (left > lateness) {
      const due = at - lateness;
      await systemClock.sleep(left - lateness, signal);
      lateness = Math.min(LATENESS.max, Math.max(lateness, performance.now() - due));
    } else await breathe();
  }
  // A caller that gave up while the last part passed must hear that it did.
  signal?.throwIfAborted();
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  sleep(ms, signal) {
    return sleepOn(systemClock, ms, signal);
  },
  until: untilOnMachine,
};

interface Due {
  at: number;
  order: number;
  run: () => void;
}

/** Most real ms that virtual time is held at a stretch. */
const HOLD_LIMIT = 60_000;

/**
 * A clock that stands still until `advance` moves it; timers fire in order of due time, then of creation. Between two timers the
 * event loop turns once (a macrotask), so that promises and native callbacks that a timer set off are settled before the next one.
 * Work that takes longer than that in real time (the thread pool, a server) has the time that it needs while it holds the clock.
 */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #order = 0;
  #holds = 0;
  /** Called when the last hold ends. */
  #released: (() => void) | undefined;
  #due: Due[] = [];
  readonly #epoch: number;

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  timer(ms: number, run: () => void): Timer {
    const due: Due = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, run };
    this.#due.push(due);
    return {
      cancel: () => {
        this.#due = this.#due.filter((entry) => entry !== due);
      },
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  async until(at: number, signal?: AbortSignal): Promise<void> {
    while (this.#elapsed < at) await this.sleep(at - this.#elapsed, signal);
  }

  /** Number of timers that wait. */
  get pending(): number {
    return this.#due.length;
  }

  /** Time stands still until the answer, which is idempotent, was called; of several holds until all were. */
  hold(): () => void {
    let held = true;
    this.#holds++;
    return () => {
      if (held && --this.#holds === 0) this.#released?.();
      held = false;
    };
  }

  /** Lets what a timer set off come to rest. */
  async #settle(): Promise<void> {
    await breathe();
    while (this.#holds > 0) {
      await this.#release();
      await breathe();
    }
  }

  /** Until nobody holds the clock, in real time. */
  #release(): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new StationError("INTERNAL", { details: { what: `virtual time was held for ${HOLD_LIMIT} real ms` } }));
      }, HOLD_LIMIT);
      this.#released = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }

  /** Moves time on by `ms`, firing what falls due. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.#settle();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#fire(next);
      await this.#settle();
    }
    this.#elapsed = end;
  }

  /** Drives time until `work` settles; throws when nothing is left that could settle it, or after `limit` virtual ms. */
  async drive<T>(work: Promise<T>, limit = 24 * 3_600_000): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    finished.catch(() => undefined);
    const end = this.#elapsed + limit;
    let idle = 0;
    await this.#settle();
    while (!done) {
      const next = this.#next();
      if (next === undefined) {
        // A native callback (thread pool, socket) may still be on its way in real time.
        if (++idle > 2_000) throw new StationError("INTERNAL", { details: { what: "virtual time stands still" } });
        await new Promise((resolve) => setTimeout(resolve, 1));
        await this.#settle();
        continue;
      }
      idle = 0;
      if (next.at > end)
        throw new StationError("INTERNAL", { details: { what: `not settled in ${limit} virtual ms` } });
      this.#fire(next);
      await this.#settle();
    }
    return finished;
  }

  #next(): Due | undefined {
    let first: Due | undefined;
    for (const entry of this.#due) {
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        first = entry;
    }
    return first;
  }

  #fire(due: Due): void {
    this.#due = this.#due.filter((entry) => entry !== due);
    this.#elapsed = Math.max(this.#elapsed, due.at);
    due.run();
  }
}

/** Lets the event loop do what waits; for long work that would hold it up. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
